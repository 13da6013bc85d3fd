/** Requests that may be sent together, and what of them is under way. */
import type { Planned } from '../core/exchange.ts';
import type { Handler, Reply } from '../core/stage.ts';
import type { Timer } from '../lib/clock.ts';
import { BatchCall, type BatchOptions } from './batch-call.ts';
import { BatchMember } from './batch-member.ts';

export interface GatheringOptions extends BatchOptions {
  readonly next: Handler<Planned>;
  /** Nothing is under way, and nobody waits. */
  readonly onIdle: () => void;
  /** The upstream took one by one what it had refused together: until then it is asked so. */
  readonly onRefusing: (untilMs: number) => void;
}

/** Of the time that a request has left, so much may go into waiting for company. */
const shareOfTimeLeft = 0.1;

/** Nobody waits longer for company than is allowed, nor for more than a part of the time it has. */
export function patienceMs(
  { trail, clocks }: Planned,
  { clock, boundsOf }: Pick<BatchOptions, 'clock' | 'boundsOf'>,
): number {
  const leftMs = trail.startedMs + clocks.totalMs - clock.now();
  return Math.max(0, Math.min(boundsOf(trail.model).maxWaitMs, leftMs * shareOfTimeLeft));
}

export class Gathering {
  readonly #options: GatheringOptions;
  /** Calls upstream, those included that wait for a slot. */
  #underWay = 0;
  /** The one that others may join: it waits for company, or for a slot. */
  #open: BatchCall | undefined;
  /** Set while it waits for company. */
  #timer: Timer | undefined;
  #flushMs = 0;

  constructor(options: GatheringOptions) {
    this.#options = options;
  }

  join(exchange: Planned): Promise<Reply> {
    const { next, clock, places, isFree } = this.#options;
    if (this.#open?.hasRoomFor(exchange) === false) this.#close();
    if (this.#open === undefined && this.#underWay === 0 && isFree(exchange.candidates)) {
      this.#underWay += 1;
      const reply = next(exchange);
      reply.then(this.#ended, this.#ended);
      return reply;
    }
    const member = new BatchMember(exchange, clock.now());
    // Whoever finds no place among those who wait is told so where everybody is: by the scheduler.
    if (!member.takePlace(places)) return next(exchange);
    const batch = this.#open ?? this.#begin();
    batch.add(member);
    if (batch.isFull) this.#close();
    // While nothing is under way it waits for a slot, and not for company.
    else if (this.#underWay === 0) this.#send(batch);
    else if (!batch.isSent) this.#waitFor(exchange);
    return member.reply;
  }

  #begin(): BatchCall {
    const batch = new BatchCall({
      ...this.#options,
      onClosed: () => {
        if (this.#open === batch) this.#forget();
      },
      onEnded: () => this.#ended(),
    });
    this.#open = batch;
    this.#flushMs = Number.POSITIVE_INFINITY;
    return batch;
  }

  #waitFor(exchange: Planned): void {
    const { clock } = this.#options;
    const now = clock.now();
    const waitMs = patienceMs(exchange, this.#options);
    if (now + waitMs >= this.#flushMs) return;
    this.#flushMs = now + waitMs;
    this.#timer?.cancel();
    this.#timer = clock.after(waitMs, () => this.#flush());
  }

  /** Hands it to the scheduler. It stays open for as long as it waits there. */
  #flush(): void {
    const batch = this.#open;
    if (batch !== undefined && !batch.isSent) this.#send(batch);
  }

  #send(batch: BatchCall): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#underWay += 1;
    batch.send();
  }

  /** Nobody joins it any more. */
  #close(): void {
    const batch = this.#open;
    this.#flush();
    if (this.#open === batch) this.#forget();
  }

  #forget(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#open = undefined;
    if (this.#underWay === 0) this.#options.onIdle();
  }

  readonly #ended = (): void => {
    this.#underWay -= 1;
    this.#flush();
    if (this.#underWay === 0 && this.#open === undefined) this.#options.onIdle();
  };
}
