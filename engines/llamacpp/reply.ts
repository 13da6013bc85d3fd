/** Sends a generated reply, whole or as a stream of events, in whichever of OpenAI's shapes. */
import type { ServerResponse } from 'node:http';
import type { Token } from './binding.ts';
import type { Engine } from './engine.ts';
import { type Ending, type Generation, generate } from './generation.ts';
import type { StreamWish } from './generation-fields.ts';
import { asRequestError } from './request-error.ts';
import { encodeGroups, type Group } from './slot.ts';

export interface Shape {
  /** The envelope's own fields for a whole reply and for a chunk. */
  readonly whole: object;
  readonly chunk: object;
  /** A choice of the first chunk, where the dialect has one before the text. */
  readonly opening: object | undefined;
  wholeChoice(text: string): object;
  chunkChoice(text: string): object;
  readonly lastChoice: object;
}

export interface Exchange {
  readonly engine: Engine;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

export async function sendReply(
  exchange: Exchange,
  generation: Generation,
  form: { readonly shape: Shape; readonly wish: StreamWish },
): Promise<void> {
  if (form.wish.stream) await sendStream(exchange, generation, form);
  else await sendWhole(exchange, generation, form.shape);
}

export function sendJson(response: ServerResponse, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length });
  response.end(bytes);
}

async function sendWhole(exchange: Exchange, generation: Generation, shape: Shape): Promise<void> {
  let text = '';
  const ending = await generate(exchange.engine, generation, {
    signal: exchange.signal,
    onText: (piece) => {
      text += piece;
      return undefined;
    },
  });
  const choice = { index: 0, ...shape.wholeChoice(text), logprobs: null, finish_reason: ending.reason };
  sendJson(exchange.response, 200, { ...shape.whole, choices: [choice], usage: usageOf(ending) });
}

async function sendStream(
  exchange: Exchange,
  generation: Generation,
  { shape, wish }: { readonly shape: Shape; readonly wish: StreamWish },
): Promise<void> {
  const { response } = exchange;
  // With include_usage, every chunk carries the field and only the last one a value.
  const envelope = wish.includeUsage ? { ...shape.chunk, usage: null } : shape.chunk;
  const send = (choice: object, reason: Ending['reason'] | null): Promise<void> | undefined =>
    sendEvent(response, {
      ...envelope,
      choices: [{ index: 0, ...choice, logprobs: null, finish_reason: reason }],
    });
  // The head waits for the first text, so that what fails before has a status of its own.
  const open = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    if (shape.opening !== undefined) void send(shape.opening, null);
  };
  const tokens = tokensTold(exchange.engine, generation);
  try {
    const ending = await generate(exchange.engine, generation, {
      signal: exchange.signal,
      onRead: tokens.onRead,
      onText: (text, drawn) => {
        if (text === '') return undefined;
        open();
        const told = wish.tellsTokens ? { millrace_tokens: tokens.next(drawn) } : {};
        return send({ ...shape.chunkChoice(text), ...told }, null);
      },
    });
    open();
    void send(shape.lastChoice, ending.reason);
    if (wish.includeUsage) void sendEvent(response, { ...shape.chunk, choices: [], usage: usageOf(ending) });
    response.end('data: [DONE]\n\n');
  } catch (error) {
    if (!response.headersSent || exchange.signal.aborted) throw error;
    // Without the end marker, no client takes the reply for a complete one.
    response.end(`data: ${JSON.stringify(asRequestError(error))}\n\n`);
  }
}

interface TokensTold {
  readonly onRead: (groups: readonly Group[]) => void;
  readonly next: (drawn: readonly Token[]) => object;
}

/** The tokens of each piece; with the first how the prompt was computed, where that decides which ones come next. */
function tokensTold({ fingerprint: of }: Engine, { sampling, begun }: Generation): TokensTold {
  const isExact = begun === undefined && sampling([]).temperature === 0;
  let read: readonly number[] | undefined;
  return {
    onRead: (groups) => {
      if (isExact) read = encodeGroups(groups);
    },
    next: (ids) => {
      const told = { of, ids, ...(read && { read }) };
      read = undefined;
      return told;
    },
  };
}

function sendEvent(response: ServerResponse, event: object): Promise<void> | undefined {
  if (response.write(`data: ${JSON.stringify(event)}\n\n`)) return undefined;
  return new Promise((resolve) => {
    const wake = (): void => {
      response.off('drain', wake);
      response.off('close', wake);
      resolve();
    };
    response.on('drain', wake);
    response.on('close', wake);
  });
}

function usageOf(ending: Ending): object {
  return {
    prompt_tokens: ending.promptTokens,
    completion_tokens: ending.replyTokens,
    total_tokens: ending.promptTokens + ending.replyTokens,
    prompt_tokens_details: { cached_tokens: ending.cachedTokens },
  };
}
