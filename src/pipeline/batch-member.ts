/** One request of those that are sent in one call: its time, its place in the queue, and whom to tell. */
import type { CompleteCall, EmbedCall } from '../core/call.ts';
import type { Planned } from '../core/exchange.ts';
import { type Failure, fail } from '../core/failure.ts';
import type { Reply } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';
import type { Clock, Timer } from '../lib/clock.ts';

/** How many may wait, and what they hold together: a request in company counts like one that waits by itself. */
export interface WaitingPlaces {
  /** What gives the place back; nothing where there is none for it. */
  seat(one: {
    readonly model: string;
    readonly tenant: string;
    readonly key: string;
    readonly bytes: number;
    giveWay(): void;
  }): (() => void) | undefined;
}

/** What it is a part of. */
interface Company {
  leave(member: BatchMember, failure: Failure): void;
  /** It has no place in company any more, and goes by itself. */
  part(member: BatchMember): void;
}

export class BatchMember {
  readonly exchange: Planned;
  readonly call: EmbedCall | CompleteCall;
  readonly joinedMs: number;
  readonly endsMs: number;
  readonly reply: Promise<Reply>;
  readonly resolve: (reply: Reply | Promise<Reply>) => void;
  readonly reject: (failure: Failure) => void;
  #leavePlace: (() => void) | undefined;
  #timer: Timer | undefined;
  #company: Company | undefined;

  constructor(exchange: Planned, nowMs: number) {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.exchange = exchange;
    this.call = exchange.call as EmbedCall | CompleteCall;
    this.joinedMs = nowMs;
    this.endsMs = exchange.trail.startedMs + exchange.clocks.totalMs;
    this.reply = promise;
    this.resolve = resolve;
    this.reject = reject;
  }

  get bytes(): number {
    return this.call.wire.bytes.length;
  }

  /** Whether there was a place for it. */
  takePlace(places: WaitingPlaces): boolean {
    const { trail, principal } = this.exchange;
    this.#leavePlace = places.seat({
      model: trail.model,
      tenant: principal.tenant,
      key: principal.keyName,
      bytes: this.bytes,
      giveWay: () => this.#company?.part(this),
    });
    return this.#leavePlace !== undefined;
  }

  leavePlace(): void {
    this.#leavePlace?.();
  }

  /** From now on its time and its client may end it. */
  join(company: Company, clock: Clock): void {
    this.#company = company;
    const { signal, clocks } = this.exchange;
    this.#timer = clock.after(Math.max(0, this.endsMs - this.joinedMs), () => {
      const message = `the answer was not complete after ${clocks.totalMs} ms`;
      company.leave(this, fail('total_timeout', message));
    });
    signal.onAbort(() =>
      company.leave(this, fail('client_gone', 'the client left before the upstream answered')),
    );
  }

  /** It is there no more. What is known of the call by now is written down for it, and what comes later is not its own. */
  release(of: Trail | undefined): void {
    this.#timer?.cancel();
    this.leavePlace();
    if (of !== undefined) this.#tell(of);
  }

  #tell(of: Trail): void {
    const { trail } = this.exchange;
    trail.queuedMs += Math.max(0, of.queuedMs - Math.max(0, this.joinedMs - of.startedMs));
    trail.model = of.model;
    trail.upstream = of.upstream;
    trail.targetModel = of.targetModel;
    trail.policy = of.policy;
    trail.choices = of.choices;
    trail.laterTier = of.laterTier;
    trail.sentMs = of.sentMs;
    trail.firstByteMs = of.firstByteMs;
    trail.attempts = [...of.attempts];
    trail.warn(of.warnings);
  }
}
