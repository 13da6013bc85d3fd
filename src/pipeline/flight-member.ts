/** One of those who are given the answer of a flight: its own reply, its own end, its own trail. */
import type { Planned } from '../core/exchange.ts';
import type { Failure } from '../core/failure.ts';
import type { Outcome, Reply } from '../core/stage.ts';
import type { Timer } from '../lib/clock.ts';
import { queueHeader } from './reply-facts.ts';
import type { StreamReading } from './shared-stream.ts';

export class FlightMember {
  readonly exchange: Planned;
  readonly joinedMs: number;
  readonly reply: Promise<Reply>;
  /** Runs while it has a clock of its own to go by. */
  timer: Timer | undefined;
  /** Why it is not there any more. */
  left: Failure | undefined;
  reading: StreamReading | undefined;
  readonly #reply = Promise.withResolvers<Reply>();
  #ended: PromiseWithResolvers<Outcome> | undefined;

  constructor(exchange: Planned, joinedMs: number) {
    this.exchange = exchange;
    this.joinedMs = joinedMs;
    this.reply = this.#reply.promise;
  }

  /** With a whole answer. */
  answer(reply: Reply): void {
    this.timer?.cancel();
    this.#reply.resolve(reply);
  }

  /** With the head of a stream. */
  give(head: Pick<Reply, 'status' | 'headers'>, reading: StreamReading): void {
    this.reading = reading;
    const { status, headers } = head;
    this.#reply.resolve({ status, headers, body: reading, ended: this.#open() });
  }

  end(outcome: Outcome): void {
    this.timer?.cancel();
    this.#ended?.resolve(outcome);
  }

  refuse(failure: Failure): void {
    this.left = failure;
    if (this.reading !== undefined) this.#breakOff(failure);
    this.conclude();
  }

  /** What its stream ends with, behind what has come. */
  lastWords(failure: Failure): void {
    const words = this.#words(failure);
    this.exchange.trail.bytesOut += words.length;
    this.reading?.lastWords(words);
  }

  /** It leaves. What goes on in its name, if anything does, is still written down in its trail. */
  leave(failure: Failure, isCarrying: boolean): void {
    this.timer?.cancel();
    this.left = failure;
    if (this.reading !== undefined) {
      if (isGone(failure)) this.reading.breakOff();
      else this.#breakOff(failure);
    } else if (isCarrying && !isGone(failure)) this.#refuseEarly(failure);
    if (!isCarrying) this.conclude();
  }

  /** The end of one who has left. */
  conclude(): void {
    const { left, exchange } = this;
    if (left === undefined) return;
    this.timer?.cancel();
    if (this.#ended === undefined) {
      this.#reply.reject(left);
      return;
    }
    const isAborted = isGone(left);
    if (this.reading !== undefined) exchange.trail.bytesOut = this.reading.bytesGiven;
    exchange.trail.failure = isAborted ? undefined : left;
    this.#ended?.resolve(isAborted ? { kind: 'aborted' } : { kind: 'failed', failure: left });
  }

  #open(): Promise<Outcome> {
    this.#ended = Promise.withResolvers();
    return this.#ended.promise;
  }

  #breakOff(failure: Failure): void {
    this.reading?.breakOff(this.#words(failure));
  }

  #words(failure: Failure): Uint8Array {
    const { route, trail } = this.exchange;
    trail.failure = failure;
    return Buffer.from(route.voice.renderStreamFailure(failure, trail.id));
  }

  /** Its client is told now, and its exchange ends with the call that goes on in its name. */
  #refuseEarly(failure: Failure): void {
    const { route, trail } = this.exchange;
    const { status, headers, body } = route.voice.renderFailure(failure, trail.id);
    this.#reply.resolve({
      status,
      headers: [...headers, ...queueHeader(trail)],
      body: Buffer.from(body),
      ended: this.#open(),
    });
  }
}

function isGone({ code }: Failure): boolean {
  return code === 'client_gone';
}
