/** Who answers what, and how a failure becomes an answer. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { answerChat } from './chat-route.ts';
import { answerCompletion } from './completion-route.ts';
import { answerEmbeddings } from './embedding-route.ts';
import { type Engine, queuePlacesMax } from './engine.ts';
import { type Fields, parseFields } from './fields.ts';
import { type Exchange, sendJson } from './reply.ts';
import { asRequestError, RequestError } from './request-error.ts';

/** The gateway has limits of its own; this one only keeps a mistake from filling the memory. */
const bodyBytesMax = 32 * 1024 * 1024;

const reads: Readonly<Record<string, (engine: Engine) => object>> = {
  '/health': () => ({ status: 'ok' }),
  '/v1/models': describeModels,
  '/props': describeSlots,
  '/api/ps': describeLoaded,
};

const writes: Readonly<Record<string, (exchange: Exchange, fields: Fields) => Promise<void>>> = {
  '/v1/chat/completions': answerChat,
  '/v1/completions': answerCompletion,
  '/v1/embeddings': answerEmbeddings,
};

export function createRouter(engine: Engine): RequestListener {
  return (request, response) => {
    const abort = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) abort.abort();
    });
    const exchange = { engine, response, signal: abort.signal };
    answer(request, exchange).catch((error: unknown) => {
      // Once the client is gone nobody is left to tell, and the slot is free already.
      if (!abort.signal.aborted) sendFailure(response, error);
    });
  };
}

async function answer(request: IncomingMessage, exchange: Exchange): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
  const read = Object.hasOwn(reads, path) ? reads[path] : undefined;
  const write = Object.hasOwn(writes, path) ? writes[path] : undefined;
  if (read === undefined && write === undefined) {
    throw new RequestError(`there is nothing at ${path}`, { code: 'not_found' });
  }
  const method = read === undefined ? 'POST' : 'GET';
  if (request.method !== method) {
    throw new RequestError(`${path} takes ${method}`, { code: 'method_not_allowed' });
  }
  if (read !== undefined) sendJson(exchange.response, 200, read(exchange.engine));
  else await write?.(exchange, parseFields(await readBody(request)));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) {
      throw new RequestError(`the body is larger than ${bodyBytesMax} bytes`, { code: 'body_too_large' });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function sendFailure(response: ServerResponse, error: unknown): void {
  const failure = asRequestError(error);
  if (failure.status >= 500 && failure.code !== 'queue_full') {
    process.stderr.write(`${failure.cause instanceof Error ? failure.cause.stack : failure.message}\n`);
  }
  if (response.headersSent) response.destroy();
  else sendJson(response, failure.status, failure.toJSON());
}

function describeModels(engine: Engine): object {
  const model = { id: engine.name, object: 'model', created: engine.startedAtS, owned_by: 'llamacpp' };
  return { object: 'list', data: [model] };
}

/** The first two fields are where llama.cpp's own server has them. */
function describeSlots(engine: Engine): object {
  const { slots, context, batches } = engine;
  return {
    total_slots: slots.total,
    default_generation_settings: { n_ctx: context.contextSize },
    free_slots: slots.free,
    queue: { waiting: slots.waiting, places: queuePlacesMax },
    decoded: batches.decoded,
    model: engine.name,
    threads: engine.threads,
  };
}

/** In Ollama's words, which have a place for what a model takes. */
function describeLoaded({ name, model, llama }: Engine): object {
  const { size } = model;
  // Layers on a graphics processor share its memory with this one's: how much of it cannot be told apart.
  const onGpu = llama.gpu === false ? { size_vram: 0 } : {};
  return { models: [{ name, model: name, size, ...onGpu }] };
}
