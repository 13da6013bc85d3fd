/**
 * Who waits long for a stream of events, for a slot or for a model that is loaded, gets its head early, and comments that
 * say where it stands, so that nothing on the way takes the silence for an end. What is tried behind it goes on; a failure is then an event of the stream.
 */
import type { Planned } from '../core/exchange.ts';
import { asFailure } from '../core/failure.ts';
import type { QueuePlace } from '../core/fleet.ts';
import { headerText, warningHeader } from '../core/header-text.ts';
import {
  type Outcome,
  onEnded,
  type Reply,
  type Sink,
  type Stage,
  type StreamSource,
} from '../core/stage.ts';
import type { Clock, Timer } from '../lib/clock.ts';

export interface HoldLineOptions {
  readonly clock: Clock;
  /** After so long the head is sent, and a comment each time again. */
  readonly commentAfterMs: number;
}

export function holdLine(options: HoldLineOptions): Stage<Planned> {
  return (next) => (exchange) => {
    const reply = next(exchange);
    // Whoever was given a slot at once where the model is pays nothing for those who wait.
    const { place, loading } = exchange.trail;
    if ((place === undefined && !loading) || !hasComments(exchange)) return reply;
    return new Promise((resolve, reject) => new HeldLine(options, exchange).hold(reply, { resolve, reject }));
  };
}

/** Lines of JSON have no comments, and a whole answer has its status to give: they simply wait. */
function hasComments({ call, endpoint }: Planned): boolean {
  return call.stream && endpoint.streamType.startsWith('text/event-stream');
}

interface Promised {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (thrown: unknown) => void;
}

class HeldLine implements StreamSource {
  readonly #options: HoldLineOptions;
  readonly #exchange: Planned;
  readonly #ended = Promise.withResolvers<Outcome>();
  #timer: Timer | undefined;
  #sink: Sink | undefined;
  /** What is behind it, once it is there. */
  #reply: Reply | undefined;
  #headSent = false;
  #reads = true;
  #over = false;

  constructor(options: HoldLineOptions, exchange: Planned) {
    this.#options = options;
    this.#exchange = exchange;
  }

  hold(reply: Promise<Reply>, { resolve, reject }: Promised): void {
    const { clock, commentAfterMs } = this.#options;
    this.#timer = clock.after(commentAfterMs, () => resolve(this.#open()));
    void reply.then(
      (given) => {
        this.#timer?.cancel();
        if (this.#headSent) this.#join(given);
        else resolve(given);
      },
      (thrown: unknown) => {
        this.#timer?.cancel();
        if (this.#headSent) this.#fail(thrown);
        else reject(thrown);
      },
    );
  }

  start(sink: Sink): void {
    this.#sink = sink;
    if (this.#reply === undefined) this.#comment();
    else this.#startReply(this.#reply, sink);
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
    this.#timer?.cancel();
    if (isStream(this.#reply)) this.#reply.body.abort();
    else this.#ended.resolve({ kind: 'aborted' });
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
    if (this.#over) return;
    const { clock, commentAfterMs } = this.#options;
    if (this.#reads) this.#write(`: ${standing(this.#exchange)}\n\n`);
    this.#timer = clock.after(commentAfterMs, () => this.#comment());
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
    if (reply.body instanceof Uint8Array) sink.write(reply.body);
    sink.end();
  }

  #fail(thrown: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const failure = asFailure(thrown);
    const { route, trail } = this.#exchange;
    trail.failure = failure;
    this.#write(route.voice.renderStreamFailure(failure, trail.id));
    this.#sink?.end();
    this.#ended.resolve(failure.code === 'client_gone' ? { kind: 'aborted' } : { kind: 'failed', failure });
  }

  #write(text: string): void {
    const bytes = Buffer.from(text);
    this.#exchange.trail.bytesOut += bytes.length;
    if (this.#sink?.write(bytes) === false) this.#reads = false;
  }
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

function standing({ trail }: Planned): string {
  const place = trail.place?.();
  if (place === undefined) {
    return trail.loading ? 'a server loads the model' : 'a server has it, and has said nothing yet';
  }
  const { position, expectedMs } = place;
  const about = expectedMs === undefined ? '' : `, about ${Math.max(1, Math.round(expectedMs / 1_000))} s`;
  return `queued, position ${position}${about}`;
}
