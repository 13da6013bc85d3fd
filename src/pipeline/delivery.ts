/** One request to one upstream: watches the clocks and the client, and hands the answer to whoever reads it. */

import type { Encoded } from '../core/adapter.ts';
import type { Call } from '../core/call.ts';
import type { Bound, Target } from '../core/exchange.ts';
import { asFailure, type Failure, fail } from '../core/failure.ts';
import type { Reply } from '../core/stage.ts';
import type { Flow, Receiver } from '../core/transport.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import { asBuffer } from '../lib/as-buffer.ts';
import type { Timer } from '../lib/clock.ts';
import type { CallUnderWay, Leaving } from './calls-under-way.ts';
import { CollectingReader } from './collecting-reader.ts';
import type { DispatchOptions } from './dispatch.ts';
import { RefusalReader } from './refusal-reader.ts';
import { StreamReader } from './stream-reader.ts';
import { Watchdog } from './watchdog.ts';
import { WholeReader } from './whole-reader.ts';

/** Takes the body of an answer: a whole one, a stream, or a refusal. May throw a Failure at any piece. */
export interface BodyReader {
  data(chunk: Buffer): void;
  end(): void;
  /** The way to the upstream broke, a clock ran out, or a piece was bad. */
  failed(failure: Failure): void;
  clientLeft(): void;
}

export interface DeliveryOptions {
  readonly exchange: Bound;
  /** The call as it was sent, which is the client's unless it is collected or bounded here. */
  readonly sent: Call;
  readonly encoded: Encoded;
  /** Whether the upstream was asked for a stream, also where the client wants the answer whole. */
  readonly streamed: boolean;
  readonly options: DispatchOptions;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (failure: Failure) => void;
}

const lingerMs = 1000;

/** Some servers know no streams, and answer whole whatever they are asked. */
function isWhole(contentType: string | string[] | undefined): boolean {
  return typeof contentType === 'string' && /^application\/json\b/i.test(contentType);
}

/** Of the model, or of one that may be asked in its place. */
function hasAnother({ candidates, fallbacks, visited, target }: Bound, others: ReadonlySet<string>): boolean {
  const isOne = ({ upstream: { name } }: Target) =>
    name !== target.upstream.name && !visited.has(name) && others.has(name);
  return candidates.some(isOne) || fallbacks.some(({ targets }) => targets.some(isOne));
}

export class Delivery implements Receiver, CallUnderWay {
  /** Among the calls under way. */
  at = -1;
  readonly given: DeliveryOptions;
  readonly watchdog: Watchdog;
  #flow: Flow | undefined;
  #reader: BodyReader | undefined;
  #lingering: Timer | undefined;
  #over = false;

  constructor(given: DeliveryOptions) {
    this.given = given;
    const { exchange, options } = given;
    this.watchdog = new Watchdog({
      clock: options.clock,
      clocks: exchange.clocks,
      startedMs: exchange.trail.startedMs,
      suspect: () => options.health.isSilent(exchange.target.upstream),
      expire: (failure) => this.#break(failure),
    });
  }

  begin(): void {
    const { exchange, encoded } = this.given;
    const { trail } = exchange;
    trail.sentMs = 0;
    trail.firstByteMs = 0;
    // What another one told before it broke off is not this one's.
    trail.usage = undefined;
    trail.stop = undefined;
    trail.outputSeen = 0;
    this.given.options.underWay.add(this);
    if (this.#over) return;
    const flow = exchange.target.upstream.transport.send(encoded.request, this);
    this.#flow = flow;
    if (this.#over) {
      flow.abort();
      return;
    }
    // Without a network a request is sent at once; over one it waits for a connection, kept or new.
    if (exchange.trail.sentMs === 0) this.watchdog.enter('connect');
    exchange.signal.onAbort(() => this.#clientLeft());
  }

  sent(): void {
    const nowMs = this.given.options.clock.now();
    this.given.exchange.trail.sentMs = nowMs;
    this.watchdog.enter(this.given.streamed ? 'first_token' : 'answer', nowMs);
  }

  head(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    if (this.#over) return;
    const nowMs = this.given.options.clock.now();
    this.given.exchange.trail.firstByteMs = nowMs;
    if (!this.given.streamed) this.watchdog.enter('idle', nowMs);
    try {
      this.#reader = this.#readerFor(status, headers);
    } catch (thrown) {
      this.#break(asFailure(thrown));
    }
  }

  #readerFor(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): BodyReader {
    if (status >= 400) return new RefusalReader(this, status, headers['retry-after']);
    if (status >= 300) {
      throw fail(
        'bad_upstream_response',
        `the upstream points elsewhere (${status}); its \`url\` must be final`,
      );
    }
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      throw fail('bad_upstream_response', `the upstream answered in ${encoding}, which nobody asked for`);
    }
    const { exchange, streamed } = this.given;
    if (exchange.call.stream) return new StreamReader(this);
    return streamed && !isWhole(headers['content-type']) ? new CollectingReader(this) : new WholeReader(this);
  }

  data(chunk: Uint8Array): void {
    if (this.#over) return;
    try {
      this.#reader?.data(asBuffer(chunk));
    } catch (thrown) {
      this.#break(asFailure(thrown));
    }
  }

  end(): void {
    this.#lingering?.cancel();
    if (this.#over) return;
    try {
      this.#reader?.end();
    } catch (thrown) {
      this.#break(asFailure(thrown));
    }
  }

  fail(failure: Failure): void {
    this.#lingering?.cancel();
    this.#break(failure, { closed: true });
  }

  get streams(): boolean {
    return this.given.exchange.call.stream;
  }

  mayLeave({ server, others, attempts }: Leaving): boolean {
    const { exchange } = this.given;
    return (
      exchange.target.upstream.name === server &&
      !this.#hasBegun &&
      // This try counts as well, once it has failed.
      exchange.trail.attempts.length + 1 < attempts &&
      hasAnother(exchange, others)
    );
  }

  /** Whether the client has been told some of it, or what came costs money. A whole answer is told when it is complete. */
  get #hasBegun(): boolean {
    const { call, meter, trail } = this.given.exchange;
    if (call.stream) return !this.watchdog.awaitsFirstWord;
    return meter !== undefined && trail.outputSeen > 0;
  }

  stop(failure: Failure): void {
    this.#break(failure);
  }

  pause(): void {
    // What comes now is dropped: whoever takes no more of the answer holds nothing back.
    if (this.#over) return;
    this.#flow?.pause();
    this.watchdog.hold();
  }

  resume(): void {
    this.watchdog.resume();
    this.#flow?.resume();
  }

  /** The answer is all here: clocks stop, nothing more is read. */
  finish(): void {
    this.#over = true;
    this.watchdog.stop();
    this.given.options.underWay.delete(this);
  }

  /** As `finish`, for an upstream that may still have something to say: read and dropped, but not for long. */
  linger(): void {
    this.finish();
    // The client may have held it back: unread, its end would not come, and its connection would be lost.
    this.#flow?.resume();
    this.#lingering = this.given.options.clock.after(lingerMs, () => this.#flow?.abort());
  }

  /** Closes the upstream at once, whatever it is doing. */
  abort(): void {
    this.finish();
    this.#flow?.abort();
  }

  #clientLeft(): void {
    if (this.#over) return;
    this.abort();
    if (this.#reader !== undefined) this.#reader.clientLeft();
    else this.given.reject(fail('client_gone', 'the client left before the upstream answered'));
  }

  #break(failure: Failure, state: { closed: boolean } = { closed: false }): void {
    if (this.#over) return;
    if (state.closed) this.finish();
    else this.abort();
    const told = withoutSecrets(this.given.exchange.target.upstream, failure);
    if (this.#reader !== undefined) this.#reader.failed(told);
    else this.given.reject(told);
  }
}
