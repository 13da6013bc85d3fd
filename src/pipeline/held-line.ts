/**
 * A stream of events whose head is sent before there is an answer: for who waits long for a slot, or for a model that is
 * loaded. What is tried behind it goes on; a failure is then an event of the stream.
 */
import type { Planned } from '../core/exchange.ts';
import { asFailure } from '../core/failure.ts';
import type { QueuePlace } from '../core/fleet.ts';
import { headerText, warningHeader } from '../core/header-text.ts';
import { type Outcome, onEnded, type Reply, type Sink, type StreamSource } from '../core/stage.ts';
import type { Trail } from '../core/trail.ts';
import { LineComments, type LineOptions, takesComments } from './line-comments.ts';

/** The reply, with its head and comments before it where that takes too long. */
export function heldLine(options: LineOptions, exchange: Planned, reply: Promise<Reply>): Promise<Reply> {
  const { trail, call, endpoint } = exchange;
  // Lines of JSON have no comments, and a whole answer has its status to give: they simply wait.
  if (trail.lineHeld || !call.stream || !takesComments(endpoint)) return reply;
  trail.lineHeld = true;
  return new Promise((resolve, reject) => new HeldLine(options, exchange).hold(reply, { resolve, reject }));
}

interface Promised {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (thrown: unknown) => void;
}

class HeldLine implements StreamSource {
  readonly #options: LineOptions;
  readonly #exchange: Planned;
  readonly #ended = Promise.withResolvers<Outcome>();
  readonly #comments: LineComments;
  #sink: Sink | undefined;
  /** What is behind it, once it is there. */
  #reply: Reply | undefined;
  #lastWords: Buffer | undefined;
  #hasWaited = false;
  #headSent = false;
  #reads = true;
  #over = false;

  constructor(options: LineOptions, exchange: Planned) {
    this.#options = options;
    this.#exchange = exchange;
    this.#comments = new LineComments(options, exchange.trail);
  }

  hold(reply: Promise<Reply>, promised: Promised): void {
    this.#hasWaited = isWaiting(this.#exchange.trail);
    this.#comments.each(() => this.#due(promised));
    void reply.then(
      (given) => {
        this.#comments.stop();
        if (this.#headSent) this.#join(given);
        else promised.resolve(given);
      },
      (thrown: unknown) => {
        this.#comments.stop();
        if (this.#headSent) this.#fail(thrown);
        else promised.reject(thrown);
      },
    );
  }

  start(sink: Sink): void {
    this.#sink = sink;
    if (this.#reply !== undefined) this.#startReply(this.#reply, sink);
    else if (this.#lastWords !== undefined) this.#say(sink, this.#lastWords);
    else this.#comment();
  }

  pause(): void {
    this.#reads = false;
    if (isStream(this.#reply)) this.#reply.body.pause();
  }

  resume(): void {
    this.#reads = true;
    if (isStream(this.#reply)) this.#reply.body.resume();
  }

  /** What waits in the queue leaves it by the exchange's signal. */
  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#comments.stop();
    if (isStream(this.#reply)) this.#reply.body.abort();
    else this.#ended.resolve({ kind: 'aborted' });
  }

  /** Who was given a slot at once has a status to give, however long its server is silent. */
  #due({ resolve }: Promised): void {
    const { trail } = this.#exchange;
    this.#hasWaited ||= isWaiting(trail) || trail.queuedMs > 0;
    if (this.#headSent) this.#comment();
    else if (this.#hasWaited) resolve(this.#open());
  }

  #open(): Reply {
    this.#headSent = true;
    const { trail, endpoint } = this.#exchange;
    const headers = [
      'content-type',
      endpoint.streamType,
      'x-millrace-model',
      headerText(trail.model),
      ...placeHeaders(trail.place?.()),
      ...warningHeader(trail.warnings),
      'cache-control',
      'no-cache',
      'x-accel-buffering',
      'no',
    ];
    return { status: 200, headers, body: this, ended: this.#ended.promise };
  }

  /** Whoever does not read needs none: nothing is held for it. */
  #comment(): void {
    if (!this.#over && this.#reads && this.#sink !== undefined) {
      this.#reads = this.#write(this.#sink, this.#comments.next());
    }
  }

  #join(reply: Reply): void {
    if (this.#over) {
      if (isStream(reply)) reply.body.abort();
      return;
    }
    this.#reply = reply;
    onEnded(reply, (outcome) => this.#ended.resolve(outcome));
    if (this.#sink !== undefined) this.#startReply(reply, this.#sink);
  }

  #startReply(reply: Reply, sink: Sink): void {
    if (isStream(reply)) {
      reply.body.start(sink);
      if (!this.#reads) reply.body.pause();
      return;
    }
    if (reply.body instanceof Uint8Array) this.#write(sink, reply.body);
    sink.end();
  }

  /** Its last words leave when it is written down what it came to (G21). */
  #fail(thrown: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const failure = asFailure(thrown);
    const { route, trail } = this.#exchange;
    trail.failure = failure;
    const lastWords = Buffer.from(route.voice.renderStreamFailure(failure, trail.id));
    trail.bytesOut += lastWords.length;
    this.#ended.resolve(failure.code === 'client_gone' ? { kind: 'aborted' } : { kind: 'failed', failure });
    void this.#options.written().then(() => {
      this.#lastWords = lastWords;
      if (this.#sink !== undefined) this.#say(this.#sink, lastWords);
    });
  }

  #say(sink: Sink, lastWords: Buffer): void {
    sink.write(lastWords);
    sink.end();
  }

  /** Whether more may be written. */
  #write(sink: Sink, bytes: Uint8Array): boolean {
    this.#exchange.trail.bytesOut += bytes.length;
    return sink.write(bytes);
  }
}

function isWaiting({ place, loading }: Trail): boolean {
  return place !== undefined || loading;
}

function isStream(reply: Reply | undefined): reply is Reply & { readonly body: StreamSource } {
  return reply !== undefined && !(reply.body instanceof Uint8Array);
}

function placeHeaders(place: QueuePlace | undefined): readonly string[] {
  if (place === undefined) return [];
  const position = ['x-millrace-queue-position', String(place.position)];
  if (place.expectedMs === undefined) return position;
  return [...position, 'x-millrace-queue-expected-ms', String(Math.round(place.expectedMs))];
}
