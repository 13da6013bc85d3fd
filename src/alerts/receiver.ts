/** One receiver: its queue, its retries, and when it is given up. A dead one holds up no other. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Attempt, Notice, Way } from './alert.ts';

/** What of the log is needed here. */
export interface AlertLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface ReceiverContext {
  readonly clock: Clock;
  readonly log: AlertLog;
}

export interface ReceiverState {
  readonly name: string;
  /** Not delivered yet. */
  readonly waiting: number;
  readonly delivered: number;
  /** Given up, or never taken up. */
  readonly lost: number;
  /** It answered 410; a reload of the configuration asks it again. */
  readonly disabled: boolean;
  /** Why the last attempt came to nothing; empty when it did not. */
  readonly lastTrouble: string;
}

/** Pauses between attempts. An alert that is hours old is news to nobody. */
export const retryPausesMs: readonly number[] = [5_000, 30_000, 120_000, 600_000, 1_800_000, 7_200_000];

const waitingMax = 100;
const atOnceMax = 4;
const retryAfterMsMax = 3_600_000;

interface Delivery {
  readonly notice: Notice;
  attempts: number;
  timer: Timer | undefined;
}

export class Receiver {
  readonly #way: Way;
  readonly #context: ReceiverContext;
  /** Those that wait for their next attempt, and those under way. */
  readonly #deliveries = new Set<Delivery>();
  readonly #ready: Delivery[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #leaving = new AbortController();
  #delivered = 0;
  #lost = 0;
  #disabled = false;
  #closed = false;
  #lastTrouble = '';

  constructor(way: Way, context: ReceiverContext) {
    this.#way = way;
    this.#context = context;
  }

  get state(): ReceiverState {
    return {
      name: this.#way.name,
      waiting: this.#deliveries.size,
      delivered: this.#delivered,
      lost: this.#lost,
      disabled: this.#disabled,
      lastTrouble: this.#lastTrouble,
    };
  }

  /** Past the queue: to see whether it can be reached. */
  async try(notice: Notice): Promise<Attempt> {
    return this.#way.send(notice, this.#leaving.signal);
  }

  offer(notice: Notice): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#lose(1, refusal);
      return;
    }
    const delivery: Delivery = { notice, attempts: 0, timer: undefined };
    this.#deliveries.add(delivery);
    this.#start(delivery);
  }

  /** A reload: what had been refused is asked again. */
  enable(): void {
    this.#disabled = false;
  }

  /** What is under way may end; the rest is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ready.length = 0;
    for (const { timer } of this.#deliveries) timer?.cancel();
    await Promise.all(this.#running);
    if (this.#deliveries.size > 0) this.#lose(this.#deliveries.size, 'the gateway stops asking it');
    this.#deliveries.clear();
  }

  /** What is under way is not waited for. */
  abandon(): void {
    this.#leaving.abort();
  }

  #refusal(): string | undefined {
    if (this.#disabled || this.#closed) return 'it wants no more, until the next reload';
    return this.#deliveries.size < waitingMax ? undefined : `${waitingMax} are waiting for it already`;
  }

  #start(delivery: Delivery): void {
    if (this.#running.size >= atOnceMax) {
      this.#ready.push(delivery);
      return;
    }
    const running = this.#attempt(delivery).finally(() => {
      this.#running.delete(running);
      const next = this.#ready.shift();
      if (next !== undefined) this.#start(next);
    });
    this.#running.add(running);
  }

  async #attempt(delivery: Delivery): Promise<void> {
    delivery.attempts += 1;
    const attempt = await this.#way.send(delivery.notice, this.#leaving.signal);
    // It was given up while it was under way.
    if (!this.#deliveries.has(delivery)) return;
    if (attempt.outcome === 'taken') this.#taken(delivery);
    else if (attempt.outcome === 'gone') this.#gone(attempt.says);
    else this.#failed(delivery, attempt);
  }

  #taken(delivery: Delivery): void {
    this.#deliveries.delete(delivery);
    this.#delivered += 1;
    const { log } = this.#context;
    if (this.#lastTrouble !== '') log.info({ receiver: this.#way.name }, 'alerts are taken again');
    this.#lastTrouble = '';
  }

  #gone(says: string): void {
    const waiting = this.#deliveries.size;
    for (const { timer } of this.#deliveries) timer?.cancel();
    this.#deliveries.clear();
    this.#ready.length = 0;
    this.#disabled = true;
    this.#lastTrouble = says;
    this.#lose(waiting, says);
  }

  #failed(delivery: Delivery, { says, retryAfterMs = 0 }: Attempt & { outcome: 'failed' }): void {
    const { clock, log } = this.#context;
    // Once for each time that it begins to fail: an outage of theirs must not fill our log.
    if (this.#lastTrouble === '')
      log.warn({ receiver: this.#way.name, message: says }, 'an alert was not taken');
    this.#lastTrouble = says;
    const pauseMs = retryPausesMs[delivery.attempts - 1];
    if (pauseMs === undefined) {
      this.#deliveries.delete(delivery);
      this.#lose(1, says);
    } else if (!this.#closed) {
      const waitMs = Math.max(pauseMs, Math.min(retryAfterMs, retryAfterMsMax));
      delivery.timer = clock.after(waitMs, () => {
        delivery.timer = undefined;
        this.#start(delivery);
      });
    }
  }

  #lose(notices: number, says: string): void {
    this.#lost += notices;
    this.#context.log.error(
      { receiver: this.#way.name, notices, message: says },
      'alerts could not be delivered: nobody was told',
    );
  }
}
