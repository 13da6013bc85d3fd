/** `POST /api/embed`, and `POST /api/embeddings` that came before it. */
import type { EmbedCall, Json } from '../core/call.ts';
import type { Endpoint, ParsedBody, ReplyFacts } from '../core/exchange.ts';
import type { CallResult } from '../core/part.ts';
import { readModel } from './ollama-chat.ts';
import { engineFields, readSettings } from './ollama-options.ts';
import { nanoseconds } from './ollama-reply.ts';
import { present } from './present.ts';
import {
  bounds,
  optionalBoolean,
  optionalNumber,
  optionalString,
  optionalStrings,
  otherFields,
} from './read.ts';

const embedFields: ReadonlySet<string> = new Set([
  'model',
  'input',
  'truncate',
  'dimensions',
  ...engineFields,
]);
const embeddingsFields: ReadonlySet<string> = new Set(['model', 'prompt', ...engineFields]);

export const ollamaEmbed: Endpoint = {
  name: 'embed',
  streamType: 'application/json; charset=utf-8',
  parse: (body) => ({
    ...readShared(body, 'embed'),
    input: readInput(body.value['input']),
    extra: otherFields(body.value, embedFields),
    ...present('truncate', optionalBoolean(body.value['truncate'], 'truncate')),
    ...present('dimensions', readDimensions(body.value['dimensions'])),
  }),
  renderResult: renderEmbed,
  openRenderer: neverStreams,
};

export const ollamaEmbeddings: Endpoint = {
  name: 'embeddings',
  streamType: 'application/json; charset=utf-8',
  parse: (body) => ({
    ...readShared(body, 'embeddings'),
    input: withoutEmpty(optionalString(body.value['prompt'], 'prompt')),
    extra: otherFields(body.value, embeddingsFields),
  }),
  renderResult: (result) => JSON.stringify({ embedding: vectors(result)[0] ?? [] }),
  openRenderer: neverStreams,
};

function readShared(body: ParsedBody, endpoint: 'embed' | 'embeddings') {
  const { bytes, spans, value } = body;
  return {
    kind: 'embed',
    wire: { dialect: 'ollama', endpoint, bytes, spans, value },
    model: readModel(value['model']),
    stream: false,
    encoding: 'float',
    engine: readSettings(value).engine,
  } as const satisfies Partial<EmbedCall>;
}

function readInput(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return withoutEmpty(value);
  return optionalStrings(value, 'input', bounds.inputs) ?? [];
}

/** Nothing to embed loads the model, as Ollama does. */
function withoutEmpty(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : [text];
}

/** Zero means the model's own number. */
function readDimensions(value: Json | undefined): number | undefined {
  const dimensions = optionalNumber(value, 'dimensions', { min: 0, whole: true });
  return dimensions === 0 ? undefined : dimensions;
}

function renderEmbed(result: CallResult, facts: ReplyFacts): string {
  return JSON.stringify({
    model: facts.model,
    embeddings: vectors(result),
    total_duration: nanoseconds(facts.elapsedMs()),
    load_duration: result.usage?.loadNs ?? 0,
    prompt_eval_count: result.usage?.inputTokens,
  });
}

function vectors(result: CallResult): readonly (readonly number[])[] {
  if (result.kind !== 'vectors') throw new TypeError('an embedding was answered with text');
  return result.vectors;
}

function neverStreams(): never {
  throw new TypeError('embeddings are not streamed');
}
