/** The form of the chain: what a stage is, and what comes back through it. */
import type { Failure } from './failure.ts';

export type Handler<X> = (exchange: X) => Promise<Reply>;

/** Needs an `In`, calls `next` zero or more times with an `Out` (the same facts, plus what it learnt). */
export type Stage<In, Out extends In = In> = (next: Handler<Out>) => Handler<In>;

/** The head is final when the promise resolves; the body may still be on its way. */
export interface Reply {
  readonly status: number;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
  readonly body: Uint8Array | StreamSource;
  /**
   * Settles once, never rejects; slots, counters and logs hang on it. A stream's settles at its end marker or its abort,
   * a whole reply's at once: what is left is between the socket and the client.
   */
  readonly ended: Promise<Outcome>;
}

/** How the exchange ended, as far as its reply knows. */
export type Outcome =
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'aborted' };

export interface Sink {
  /** False asks the source to pause until told to resume. */
  write(bytes: Uint8Array): boolean;
  end(): void;
}

/** A body that is pushed. Nothing is pushed before `start`; after `abort` nothing is pushed at all. */
export interface StreamSource {
  start(sink: Sink): void;
  pause(): void;
  resume(): void;
  abort(): void;
}

interface Pipeline<First, Current> {
  through<Next extends Current>(stage: Stage<Current, Next>): Pipeline<First, Next>;
  into(last: Handler<Current>): Handler<First>;
}

/** Composes stages in order. Placing one before what it needs is a compile error. */
export function pipeline<First>(): Pipeline<First, First> {
  return extend<First, First>((last) => last);
}

function extend<First, Current>(wrap: (last: Handler<Current>) => Handler<First>): Pipeline<First, Current> {
  return {
    through: (stage) => extend((last) => wrap(stage(last))),
    into: wrap,
  };
}

const complete: Outcome = { kind: 'complete' };
const completed = Promise.resolve(complete);

/** Runs when the reply has ended: at once for one that has, which is most of them. */
export function onEnded(reply: Reply, run: (outcome: Outcome) => void): void {
  if (reply.ended === completed) run(complete);
  else void reply.ended.then(run);
}

/** A reply that is finished as it stands. */
export function wholeReply(status: number, headers: readonly string[], body: Uint8Array): Reply {
  return { status, headers, body, ended: completed };
}
