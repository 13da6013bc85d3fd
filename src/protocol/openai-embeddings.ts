/** `POST /v1/embeddings`. */
import type { EmbedCall, Json, JsonObject } from '../core/call.ts';
import type { Endpoint, ParsedBody, ReplyFacts } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { CallResult } from '../core/part.ts';
import { readEngine } from './openai-sampling.ts';
import {
  bounds,
  invalid,
  isList,
  optionalNumber,
  otherFields,
  readList,
  readString,
  readStrings,
  readWord,
} from './read.ts';

const known: ReadonlySet<string> = new Set([
  'model',
  'input',
  'dimensions',
  'encoding_format',
  'keep_alive',
  'options',
]);

export const openaiEmbeddings: Endpoint = {
  name: 'embeddings',
  streamType: 'application/json',
  parse: (body) => parseEmbeddings(body, readString(body.value['model'], 'model')),
  renderResult,
  openRenderer: () => {
    throw fail('unsupported', 'embeddings do not stream', { param: 'stream' });
  },
};

export function parseEmbeddings(body: ParsedBody, model: string): EmbedCall {
  const { value } = body;
  const dimensions = optionalNumber(value['dimensions'], 'dimensions', { min: 1, whole: true });
  const encoding = value['encoding_format'];
  return {
    kind: 'embed',
    wire: { dialect: 'openai', endpoint: 'embeddings', bytes: body.bytes, spans: body.spans, value },
    model,
    stream: false,
    input: readInput(value['input'], 'input'),
    encoding:
      encoding === undefined || encoding === null
        ? 'float'
        : readWord(encoding, 'encoding_format', ['float', 'base64']),
    engine: readEngine(value),
    extra: otherFields(value, known),
    ...(dimensions === undefined ? {} : { dimensions }),
  };
}

/** A text, several, or the same as token ids. */
export function readInput(value: Json | undefined, param: string): EmbedCall['input'] {
  if (typeof value === 'string') return [value];
  const list = readList(value, param, bounds.inputs);
  if (list.length === 0) throw invalid(param, 'must not be empty');
  if (typeof list[0] === 'number') return [readTokens(list, param)];
  if (isList(list[0])) return list.map((entry, index) => readTokens(entry, `${param}[${index}]`));
  return readStrings(list, param, bounds.inputs);
}

function readTokens(value: Json, param: string): readonly number[] {
  const tokens = readList(value, param, 100_000);
  for (const token of tokens) {
    if (typeof token !== 'number' || !Number.isInteger(token))
      throw invalid(param, 'must hold token ids only');
  }
  return tokens as readonly number[];
}

function renderResult(result: CallResult, facts: ReplyFacts): string {
  if (result.kind !== 'vectors') throw new TypeError('embeddings were answered with text');
  const { encoding } = facts.call as EmbedCall;
  const usage = result.usage?.inputTokens ?? 0;
  const reply: JsonObject = {
    object: 'list',
    data: result.vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: encoding === 'base64' ? toBase64(vector) : vector,
    })),
    model: facts.model,
    usage: { prompt_tokens: usage, total_tokens: usage },
  };
  return JSON.stringify(reply);
}

/** Little-endian float32, as OpenAI's clients decode it. */
function toBase64(vector: readonly number[]): string {
  return Buffer.from(Float32Array.from(vector).buffer).toString('base64');
}
