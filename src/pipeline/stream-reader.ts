/**
 * A stream: cut into frames, each frame decoded, and written in the client's dialect unless it is that already.
 * Until the first content nothing is promised to the client; after it, a failure is the stream's last event.
 */
import { isUtf8 } from 'node:buffer';
import type { Frame } from '../core/adapter.ts';
import type { StreamMeter } from '../core/budget.ts';
import { type Failure, fail } from '../core/failure.ts';
import { isContent, type Part } from '../core/part.ts';
import type { Outcome, Sink, StreamSource } from '../core/stage.ts';
import { NdjsonFramer, parseLine } from '../net/ndjson-framer.ts';
import { parseSse, SseFramer } from '../net/sse-framer.ts';
import type { BodyReader, Delivery } from './delivery.ts';
import { replyFacts, replyHeaders } from './reply-facts.ts';
import { answerTokensMax, bytesPerToken } from './token-estimate.ts';

const framings = {
  sse: { create: (bytesMax: number) => new SseFramer(bytesMax), parse: parseSse, close: Buffer.from('\n\n') },
  ndjson: {
    create: (bytesMax: number) => new NdjsonFramer(bytesMax),
    parse: parseLine,
    close: Buffer.from('\n'),
  },
} as const;

/** What waits for a client that does not read is bounded by pausing the upstream; this bounds what comes anyway. */
const heldBytesMax = 4 * 1024 * 1024;
/**
 * More deltas than this come from a server that does not stop (U13). Some send a token in several of them; how many
 * tokens there were is told only at the end.
 */
const deltasPerToken = 4;
const deltasToSpare = 64;
const colon = 0x3a;
const nothing = Buffer.alloc(0);

/** Why a stream is not gone on with: it ends where the money does, and says so. */
const endings = {
  spent: () => fail('budget_exceeded', 'the budget is used up: the answer was stopped here, unfinished'),
  unavailable: () =>
    fail('dependency_unavailable', 'nobody can tell what is left of the budget: the answer was stopped here'),
} as const;

export class StreamReader implements BodyReader, StreamSource {
  readonly #delivery: Delivery;
  readonly #framing: (typeof framings)['sse' | 'ndjson'];
  readonly #framer: SseFramer | NdjsonFramer;
  readonly #decode: (frame: Frame) => readonly Part[];
  readonly #render: ((part: Part) => string) | undefined;
  readonly #take = (bytes: Buffer) => this.#frame(bytes);
  readonly #deltasMax: number;
  readonly #meter: StreamMeter | undefined;
  #sink: Sink | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Frames of the current chunk that pass as they are: one run of bytes as long as none is left out. */
  #run: Buffer | undefined;
  #rendered = '';
  #promised = false;
  #complete = false;
  #deltas = 0;
  #tokenDeltas = 0;
  #deltaBytes = 0;
  /** Frames that came behind what may be passed on so far, and whether the upstream's end came behind them. */
  #behind: Buffer[] = [];
  #behindBytes = 0;
  #endBehind = false;
  #waits = false;
  #clientReads = true;
  #settle: ((outcome: Outcome) => void) | undefined;
  #outcome: Outcome | undefined;

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
    const { exchange, encoded, options } = delivery.given;
    const { adapter } = exchange.target.upstream;
    this.#framing = framings[adapter.framing];
    this.#framer = this.#framing.create(options.eventBytesMax);
    this.#decode = adapter.openDecoder(exchange.call);
    this.#render = encoded.verbatim ? undefined : exchange.endpoint.openRenderer(replyFacts(delivery.given));
    this.#meter = exchange.meter;
    this.#meter?.open(exchange.trail.upstream, exchange.trail.targetModel);
    exchange.trail.outputSeen = 0;
    this.#deltasMax = answerTokensMax(exchange.call) * deltasPerToken + deltasToSpare;
  }

  data(chunk: Buffer): void {
    if (this.#complete) return;
    this.#catchUp();
    this.#framer.push(chunk, this.#take);
    this.#flush();
    if (this.#meter !== undefined) this.#waitFor(this.#meter);
  }

  end(): void {
    if (this.#complete) return;
    if (this.#waits) {
      this.#endBehind = true;
      return;
    }
    if (this.#framer.pending > 0) this.data(this.#framing.close);
    if (this.#complete) return;
    throw fail('upstream_cut', 'the upstream ended its stream before the answer was complete');
  }

  failed(failure: Failure): void {
    if (this.#complete) return;
    if (!this.#promised) {
      this.#delivery.given.reject(failure);
      return;
    }
    const { route, trail } = this.#delivery.given.exchange;
    trail.failure = failure;
    this.#flush();
    this.#write(Buffer.from(route.voice.renderStreamFailure(failure, trail.id)));
    this.#conclude({ kind: 'failed', failure });
  }

  clientLeft(): void {
    if (this.#promised) this.#conclude({ kind: 'aborted' });
    else this.#delivery.given.reject(fail('client_gone', 'the client left before the first token'));
  }

  start(sink: Sink): void {
    this.#sink = sink;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    let more = true;
    for (const bytes of held) more = sink.write(bytes);
    if (this.#complete) sink.end();
    else if (!more) this.pause();
  }

  pause(): void {
    this.#clientReads = false;
    this.#delivery.pause();
  }

  resume(): void {
    this.#clientReads = true;
    if (!this.#waits) this.#delivery.resume();
  }

  abort(): void {
    if (this.#complete) return;
    this.#delivery.abort();
    this.#conclude({ kind: 'aborted' });
  }

  /** Nothing more is passed on while it is asked whether it may be: the upstream stands still meanwhile. */
  #waitFor(meter: StreamMeter): void {
    const { waiting } = meter;
    if (waiting === undefined || this.#waits || this.#complete) return;
    this.#waits = true;
    this.#delivery.pause();
    void waiting.then(() => {
      this.#waits = false;
      // As if it had come only now: what it breaks ends the answer.
      this.#delivery.data(nothing);
      if (this.#endBehind && !this.#waits) this.#delivery.end();
      if (!this.#waits && this.#clientReads && !this.#complete) this.#delivery.resume();
    });
  }

  #catchUp(): void {
    const behind = this.#behind;
    if (behind.length === 0) return;
    this.#behind = [];
    this.#behindBytes = 0;
    for (const bytes of behind) this.#frame(bytes);
  }

  #keepBehind(bytes: Buffer): void {
    this.#behind.push(bytes);
    this.#behindBytes += bytes.length;
    if (this.#behindBytes > heldBytesMax) {
      throw fail('response_too_large', 'the upstream went on sending although it was asked to wait');
    }
  }

  #frame(bytes: Buffer): void {
    if (this.#complete) return;
    if (this.#meter?.waiting !== undefined) {
      this.#keepBehind(bytes);
      return;
    }
    const frame = this.#framing.parse(bytes);
    if (frame.data === '') {
      this.#passComment(bytes);
      return;
    }
    // Decoding puts this character where bytes mean nothing; a model may also have said it.
    if (frame.data.includes('\ufffd') && !isUtf8(bytes)) {
      throw fail('bad_upstream_response', 'the upstream sent bytes that are not UTF-8');
    }
    const parts = this.#decode(frame);
    let content = false;
    let ended = false;
    let usageOnly = parts.length > 0;
    for (const part of parts) {
      this.#note(part);
      content ||= isContent(part);
      ended ||= part.type === 'reply-ended';
      usageOnly &&= part.type === 'usage';
      if (this.#render !== undefined) this.#rendered += this.#render(part);
    }
    if (this.#render === undefined && !(usageOnly && this.#delivery.given.encoded.dropUsage))
      this.#pass(bytes);
    if (content) this.#promise();
    if (ended) this.#finished();
  }

  /** Comments keep a connection alive on its whole way. Any other event without data is one that clients trip over. */
  #passComment(bytes: Buffer): void {
    if (this.#render === undefined && bytes[0] === colon) this.#pass(bytes);
  }

  /** Keeps what the trail tells of a part. */
  #note(part: Part): void {
    const { trail, transcript } = this.#delivery.given.exchange;
    switch (part.type) {
      case 'usage':
        trail.usage = part.usage;
        break;
      case 'choice-ended':
        trail.stop = part.stop;
        break;
      case 'reply-failed':
        throw part.failure;
      case 'text-delta':
        this.#count(part.text);
        transcript?.add(part.text);
        break;
      case 'reasoning-delta':
      case 'refusal-delta':
        this.#count(part.text);
        break;
      case 'tool-call-delta':
        this.#count((part.name ?? '') + (part.arguments ?? ''));
        break;
      case 'reply-ended':
        break;
    }
  }

  #count(text: string): void {
    this.#deltas += 1;
    if (this.#deltas > this.#deltasMax) {
      throw fail('response_too_large', 'the upstream did not stop at the number of tokens asked for');
    }
    if (text !== '') this.#seen(Buffer.byteLength(text));
  }

  /** Each delta is at least a token, and several where it is longer than one is. */
  #seen(bytes: number): void {
    this.#tokenDeltas += 1;
    this.#deltaBytes += bytes;
    const tokens = Math.max(this.#tokenDeltas, Math.ceil(this.#deltaBytes / bytesPerToken));
    const forbidden = this.#meter?.count(tokens);
    if (forbidden !== undefined) throw endings[forbidden]();
    this.#delivery.given.exchange.trail.outputSeen = tokens;
  }

  /** Neighbouring frames lie side by side in one buffer: they leave as one piece. */
  #pass(bytes: Buffer): void {
    const run = this.#run;
    if (run === undefined) {
      this.#run = bytes;
    } else if (run.buffer === bytes.buffer && run.byteOffset + run.length === bytes.byteOffset) {
      this.#run = Buffer.from(run.buffer, run.byteOffset, run.length + bytes.length);
    } else {
      this.#write(run);
      this.#run = bytes;
    }
  }

  #flush(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run !== undefined) this.#write(run);
    const rendered = this.#rendered;
    this.#rendered = '';
    if (rendered !== '') this.#write(Buffer.from(rendered));
    if (this.#complete) this.#sink?.end();
  }

  #write(bytes: Buffer): void {
    const { trail } = this.#delivery.given.exchange;
    trail.bytesOut += bytes.length;
    if (this.#sink !== undefined) {
      if (!this.#sink.write(bytes)) this.pause();
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > heldBytesMax) this.pause();
  }

  /** The first content: from here on the client has an answer, and no other target is tried. */
  #promise(): void {
    const { exchange, resolve, options } = this.#delivery.given;
    this.#delivery.watchdog.enter('idle');
    if (this.#promised) return;
    this.#promised = true;
    exchange.trail.firstContentMs = options.clock.now();
    const ended = new Promise<Outcome>((settle) => {
      this.#settle = settle;
      if (this.#outcome !== undefined) settle(this.#outcome);
    });
    resolve({ status: 200, headers: streamHeaders(exchange), body: this, ended });
  }

  /** The end marker has come. What the upstream still has to say is read and dropped. */
  #finished(): void {
    if (!this.#promised) this.#promise();
    this.#delivery.linger();
    this.#conclude({ kind: 'complete' });
  }

  #conclude(outcome: Outcome): void {
    this.#complete = true;
    this.#outcome = outcome;
    this.#settle?.(outcome);
    if (outcome.kind === 'failed') this.#sink?.end();
  }
}

function streamHeaders(exchange: Parameters<typeof replyHeaders>[0]): readonly string[] {
  // Proxies in between are told to hold nothing back.
  return [
    ...replyHeaders(exchange, exchange.endpoint.streamType),
    'cache-control',
    'no-cache',
    'x-accel-buffering',
    'no',
  ];
}
