/**
 * A stream as it comes from its upstream: cut into frames, each decoded, noted, and counted against what may be spent.
 * What becomes of it is said by who reads on: it passes to the client, or is collected for one who wants it whole.
 */
import { isUtf8 } from 'node:buffer';
import type { Frame } from '../core/adapter.ts';
import type { StreamMeter } from '../core/budget.ts';
import { type Failure, fail } from '../core/failure.ts';
import { isContent, type Part } from '../core/part.ts';
import { NdjsonFramer, parseLine } from '../net/ndjson-framer.ts';
import { parseSse, SseFramer } from '../net/sse-framer.ts';
import { endsAtBound } from './bounded-call.ts';
import type { BodyReader, Delivery } from './delivery.ts';
import { answerTokensMax, bytesPerToken } from './token-estimate.ts';

const framings = {
  sse: { create: (bytesMax: number) => new SseFramer(bytesMax), parse: parseSse, close: Buffer.from('\n\n') },
  ndjson: {
    create: (bytesMax: number) => new NdjsonFramer(bytesMax),
    parse: parseLine,
    close: Buffer.from('\n'),
  },
} as const;

/** What comes although the upstream was asked to wait. */
const behindBytesMax = 4 * 1024 * 1024;
/**
 * More deltas than this come from a server that does not stop (U13). Some send a token in several of them; how many
 * tokens there were is told only at the end.
 */
const deltasPerToken = 4;
const deltasToSpare = 64;
const nothing = Buffer.alloc(0);

export abstract class EventReader implements BodyReader {
  protected readonly delivery: Delivery;
  /** Nothing of it is read any more. */
  protected complete = false;
  protected clientReads = true;
  /** It stands still until somebody has said whether it may go on. */
  protected waits = false;
  readonly #framing: (typeof framings)['sse' | 'ndjson'];
  readonly #framer: SseFramer | NdjsonFramer;
  readonly #decode: (frame: Frame) => readonly Part[];
  readonly #take = (bytes: Buffer) => this.#frame(bytes);
  readonly #deltasMax: number;
  readonly #meter: StreamMeter | undefined;
  #deltas = 0;
  #tokenDeltas = 0;
  #deltaBytes = 0;
  /** Frames that came behind what may be passed on so far, and whether the upstream's end came behind them. */
  #behind: Buffer[] = [];
  #behindBytes = 0;
  #endBehind = false;
  /** One of its answers has ended by its length. */
  #isCutShort = false;

  constructor(delivery: Delivery) {
    this.delivery = delivery;
    const { exchange, options } = delivery.given;
    const { adapter } = exchange.target.upstream;
    this.#framing = framings[adapter.framing];
    this.#framer = this.#framing.create(options.eventBytesMax);
    const decode = adapter.openDecoder(exchange.call);
    this.#decode = exchange.carried?.joint?.join(decode) ?? decode;
    this.#meter = exchange.meter;
    this.#meter?.open(exchange.trail.upstream, exchange.trail.targetModel);
    exchange.trail.outputSeen = 0;
    this.#deltasMax = answerTokensMax(exchange.call) * deltasPerToken + deltasToSpare;
  }

  abstract failed(failure: Failure): void;
  abstract clientLeft(): void;
  protected abstract passComment(bytes: Buffer): void;
  protected abstract passPart(part: Part): void;
  /** Behind its parts: the event itself, and whether it told nothing but usage. */
  protected abstract passEvent(bytes: Buffer, usageOnly: boolean): void;
  protected abstract contentCame(): void;
  protected abstract markerCame(): void;
  /** A chunk has been read to its end. */
  protected abstract flush(): void;
  /** Why it is not gone on with: it ends where the money does, and says so. */
  protected abstract ending(forbidden: 'spent' | 'unavailable'): Failure;

  data(chunk: Buffer): void {
    if (this.complete) return;
    this.#catchUp();
    this.#framer.push(chunk, this.#take);
    this.flush();
    if (this.#meter !== undefined) this.#waitFor(this.#meter);
  }

  end(): void {
    if (this.complete) return;
    if (this.waits) {
      this.#endBehind = true;
      return;
    }
    if (this.#framer.pending > 0) this.data(this.#framing.close);
    if (this.complete) return;
    throw fail('upstream_cut', 'the upstream ended its stream before the answer was complete');
  }

  /** Nothing more is passed on while it is asked whether it may be: the upstream stands still meanwhile. */
  #waitFor(meter: StreamMeter): void {
    const { waiting } = meter;
    if (waiting === undefined || this.waits || this.complete) return;
    this.waits = true;
    this.delivery.pause();
    void waiting.then(() => {
      this.waits = false;
      // As if it had come only now: what it breaks ends the answer.
      this.delivery.data(nothing);
      if (this.#endBehind && !this.waits) this.delivery.end();
      if (!this.waits && this.clientReads && !this.complete) this.delivery.resume();
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
    if (this.#behindBytes > behindBytesMax) {
      throw fail('response_too_large', 'the upstream went on sending although it was asked to wait');
    }
  }

  #frame(bytes: Buffer): void {
    if (this.complete) return;
    if (this.#meter?.waiting !== undefined) {
      this.#keepBehind(bytes);
      return;
    }
    const frame = this.#framing.parse(bytes);
    if (frame.data === '') {
      this.passComment(bytes);
      return;
    }
    // Decoding puts this character where bytes mean nothing; a model may also have said it.
    if (frame.data.includes('\ufffd') && !isUtf8(bytes)) {
      throw fail('bad_upstream_response', 'the upstream sent bytes that are not UTF-8');
    }
    const parts = this.#decode(frame);
    if (this.#endsAtBound(parts)) throw this.ending('spent');
    let content = false;
    let ended = false;
    let usageOnly = parts.length > 0;
    for (const part of parts) {
      this.#note(part);
      content ||= isContent(part);
      ended ||= part.type === 'reply-ended';
      usageOnly &&= part.type === 'usage';
      this.passPart(part);
    }
    this.passEvent(bytes, usageOnly);
    if (content) this.contentCame();
    if (ended) this.markerCame();
  }

  /** It has ended, and by its length: where that is what the budget had left, it is stopped there as any other. */
  #endsAtBound(parts: readonly Part[]): boolean {
    const { exchange, sent } = this.delivery.given;
    if (sent.boundTokens === undefined) return false;
    for (const part of parts) {
      if (part.type === 'usage') exchange.trail.usage = part.usage;
      if (part.type === 'choice-ended') this.#isCutShort ||= part.stop === 'length';
    }
    const hasEnded = parts.some(({ type }) => type === 'reply-ended');
    return hasEnded && this.#isCutShort && endsAtBound(sent, exchange.trail.usage);
  }

  /** Keeps what the trail tells of a part. */
  #note(part: Part): void {
    const { trail } = this.delivery.given.exchange;
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
    if (forbidden !== undefined) throw this.ending(forbidden);
    this.delivery.given.exchange.trail.outputSeen = tokens;
  }
}
