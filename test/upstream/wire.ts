import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Behaviour } from './behaviour.ts';
import { distort, type Step } from './frame-faults.ts';
import { piecesOf } from './pieces.ts';
import type { RecordedRequest, Writable } from './recording.ts';
import type { Reply } from './reply.ts';

export interface Delivery {
  readonly reply: Reply;
  readonly behaviour: Behaviour;
  readonly response: ServerResponse;
  readonly request: Writable<RecordedRequest>;
  /** Aborts when the connection is gone or the server closes; every wait obeys it. */
  readonly signal: AbortSignal;
}

/** Sends a reply at its pace and with its faults, which may break the connection. Rejects when the signal aborts. */
export async function deliver(delivery: Delivery): Promise<'complete' | 'broken'> {
  const { reply, behaviour, signal } = delivery;
  const pacer = new Pacer(behaviour, signal);
  const neverBegins = behaviour.stallBeforeHead || (behaviour.endless && !reply.streamed);
  if (neverBegins) await forever(signal);
  await pacer.first(reply);
  const body = new Body(delivery, lengthOf(reply, behaviour));
  body.writeHead();
  for (const step of distort(reply, behaviour)) {
    signal.throwIfAborted();
    await take(step, body, pacer);
    if (body.isBroken) return 'broken';
  }
  await body.end();
  return body.isBroken ? 'broken' : 'complete';
}

async function take(step: Step, body: Body, pacer: Pacer): Promise<void> {
  if (step === 'stall') return await body.stall();
  if (step === 'cut' || step === 'reset') return await body.cut(step);
  if ('pace' in step) return await pacer.wait(step.pace);
  await body.write(step.text);
}

/** Settles only by rejecting, when the signal aborts. */
function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.throwIfAborted();
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Knows when the next chunk is due. */
class Pacer {
  readonly #behaviour: Behaviour;
  readonly #signal: AbortSignal;
  #dueAt = 0;

  constructor(behaviour: Behaviour, signal: AbortSignal) {
    this.#behaviour = behaviour;
    this.#signal = signal;
  }

  async first({ tokens, streamed }: Reply): Promise<void> {
    const rest = streamed ? 0 : Math.max(0, tokens - 1) * this.#gapMs();
    this.#dueAt = performance.now();
    await this.#waitMore(this.#behaviour.firstTokenMs + rest);
  }

  async wait(pace: 'next' | 'quiet'): Promise<void> {
    await this.#waitMore(pace === 'quiet' ? (this.#behaviour.keepAliveOnlyMs ?? 0) : this.#gapMs());
  }

  #gapMs(): number {
    return 1000 / this.#behaviour.tokensPerSecond;
  }

  /** Counts from when the last chunk was due, so that late timers do not add up. */
  async #waitMore(ms: number): Promise<void> {
    this.#dueAt += ms;
    const left = this.#dueAt - performance.now();
    if (left > 0) await setTimeout(left, undefined, { signal: this.#signal });
    // What is written in one turn becomes one chunk, and real servers send every token by itself.
    else await setImmediate();
  }
}

/** How far a declared length is off. */
const lengthErrorBytes = 8;

/** The length to declare, or undefined where the end is told in another way. */
function lengthOf(reply: Reply, behaviour: Behaviour): number | undefined {
  const { framing, paddingBytes, keepAliveOnlyMs } = behaviour;
  const isKnown = !reply.streamed && paddingBytes === 0 && keepAliveOnlyMs === undefined;
  if (framing === 'natural') return isKnown ? measure(reply, behaviour) : undefined;
  if (framing === 'length-too-long') return measure(reply, behaviour) + lengthErrorBytes;
  if (framing === 'length-too-short') return Math.max(0, measure(reply, behaviour) - lengthErrorBytes);
  return undefined;
}

function measure(reply: Reply, behaviour: Behaviour): number {
  let bytes = 0;
  for (const step of distort(reply, { ...behaviour, stallAfterChunks: Number.POSITIVE_INFINITY })) {
    if (typeof step === 'string' || 'pace' in step) continue;
    for (const piece of piecesOf(step.text, behaviour)) bytes += piece.length;
  }
  return bytes;
}

/** The body of one answer: counts its bytes and breaks the connection where it was told to. */
class Body {
  isBroken = false;
  readonly #delivery: Delivery;
  readonly #length: number | undefined;
  readonly #breakAfter: number;

  constructor(delivery: Delivery, length: number | undefined) {
    this.#delivery = delivery;
    this.#length = length;
    this.#breakAfter = Math.min(delivery.behaviour.cutAfterBytes, delivery.behaviour.resetAfterBytes);
  }

  writeHead(): void {
    const { reply, behaviour, response, request } = this.#delivery;
    const isDelimitedByClose = behaviour.framing === 'close-delimited';
    if (isDelimitedByClose) {
      response.useChunkedEncodingByDefault = false;
      response.shouldKeepAlive = false;
    }
    response.writeHead(reply.status, {
      ...reply.headers,
      ...(this.#length === undefined ? {} : { 'content-length': this.#length }),
      ...(behaviour.gzip ? { 'content-encoding': 'gzip' } : {}),
      ...behaviour.headers,
    });
    if (behaviour.trickleMs > 0) response.flushHeaders();
    request.firstByteAt = performance.now();
  }

  async stall(): Promise<never> {
    this.#delivery.response.flushHeaders();
    return await forever(this.#delivery.signal);
  }

  async cut(how: 'cut' | 'reset'): Promise<void> {
    await this.#break(new Uint8Array(0), 0, how === 'reset');
  }

  async write(text: string): Promise<void> {
    const { behaviour, signal } = this.#delivery;
    const isSplit = behaviour.splitBytes !== Number.POSITIVE_INFINITY;
    for (const piece of piecesOf(text, behaviour)) {
      if (behaviour.trickleMs > 0) await setTimeout(behaviour.trickleMs, undefined, { signal });
      else if (isSplit) await setImmediate();
      signal.throwIfAborted();
      await this.#send(piece);
      if (this.isBroken) return;
    }
  }

  async end(): Promise<void> {
    const { response, behaviour, request } = this.#delivery;
    request.answeredAt = performance.now();
    // Whoever was promised more must not wait for it for ever.
    if (behaviour.framing === 'length-too-long') await this.#break(new Uint8Array(0));
    else response.end();
  }

  async #send(piece: Uint8Array): Promise<void> {
    const { response, request, signal } = this.#delivery;
    const left = this.#breakAfter - request.bytesSent;
    if (left <= piece.length) return await this.#break(piece, left);
    request.bytesSent += piece.length;
    if (!response.write(piece)) await once(response, 'drain', { signal });
  }

  /** Sends the first bytes of a piece and closes, leaving what frames them unfinished. */
  async #break(piece: Uint8Array, left = 0, resets = false): Promise<void> {
    const { response, request, behaviour } = this.#delivery;
    this.isBroken = true;
    request.bytesSent += left;
    response.flushHeaders();
    // What was written through the response reaches the socket a tick later.
    await setImmediate();
    const { socket } = response;
    if (socket === null) return;
    const isChunked = this.#length === undefined && behaviour.framing !== 'close-delimited';
    if (isChunked && left > 0) socket.write(`${piece.length.toString(16)}\r\n`);
    const isReset = resets || request.bytesSent >= behaviour.resetAfterBytes;
    socket.write(piece.subarray(0, left), () => {
      if (isReset) socket.resetAndDestroy();
      else socket.destroySoon();
    });
  }
}
