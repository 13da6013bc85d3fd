/**
 * The rhythm in which one server is asked how it is, and what its silence comes to. A server that is busy answers that, or
 * says something to somebody else meanwhile; one that is hung, or to which packets are lost, says nothing at all.
 */
import type { Upstream } from '../core/exchange.ts';
import { Signal } from '../core/signal.ts';
import type { Clock, Timer } from '../lib/clock.ts';

export interface WatchedServerOptions {
  readonly clock: Clock;
  readonly upstream: Upstream;
  readonly everyMs: number;
  /** Half of it is what each of two questions gets to be answered; 0 for as long as it takes. */
  readonly silentMs: number;
  /** Settles when the question is answered, has failed or was dropped; never rejects. */
  readonly ask: (signal: Signal) => Promise<void>;
  /** No word came to the first question. */
  readonly onDoubt: () => void;
  /** Nor to the second one. */
  readonly onSilent: () => void;
}

/** One may be lost, with the connection that it went by. */
const questionsInVain = 2;
/** Who comes so late to look was busy, and may not have heard what was said. */
const lateMsMax = 100;

export class WatchedServer {
  readonly #options: WatchedServerOptions;
  #question: Signal | undefined;
  /** Until the next look, or until it has to have said something. */
  #timer: Timer | undefined;
  #inVain = 0;
  #wasSilent = false;
  #isStopped = false;

  constructor(options: WatchedServerOptions) {
    this.#options = options;
  }

  /** At once, where it is not being asked already. */
  look(): void {
    if (this.#isStopped || this.#question !== undefined) return;
    this.#inVain = 0;
    this.#ask();
  }

  /** Something changed about it. */
  fellSilent(health: { isSilent(upstream: Upstream): boolean }): void {
    const isSilent = health.isSilent(this.#options.upstream);
    if (isSilent && !this.#wasSilent) this.look();
    this.#wasSilent = isSilent;
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#question?.abort();
  }

  #ask(): void {
    const { clock, ask, upstream, silentMs } = this.#options;
    const question = new Signal();
    this.#question = question;
    this.#timer?.cancel();
    const { heard } = upstream.transport;
    if (heard !== undefined && silentMs > 0) {
      const answerMs = silentMs / questionsInVain;
      const dueMs = clock.now() + answerMs;
      this.#timer = clock.after(answerMs, () => {
        const isLate = clock.now() - dueMs > lateMsMax;
        // What lies in the socket by now is heard first.
        setImmediate(() => this.#judge(question, heard, isLate));
      });
    }
    void ask(question).then(() => {
      if (!question.aborted) this.#again();
    });
  }

  #judge(question: Signal, heard: number, isLate: boolean): void {
    const { upstream, onDoubt, onSilent } = this.#options;
    if (this.#question !== question || this.#isStopped || upstream.transport.heard !== heard) return;
    question.abort();
    if (!isLate) this.#inVain += 1;
    if (this.#inVain >= questionsInVain) {
      onSilent();
      this.#again();
      return;
    }
    if (this.#inVain === 1 && !isLate) onDoubt();
    this.#ask();
  }

  #again(): void {
    this.#question = undefined;
    this.#timer?.cancel();
    if (this.#isStopped) return;
    const { clock, everyMs } = this.#options;
    // A little apart from each other, so that many gateways do not ask at the same moment.
    this.#timer = clock.after(everyMs * (0.9 + Math.random() * 0.2), () => this.look());
  }
}
