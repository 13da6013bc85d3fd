/** OpenAI's whole answers, taken with doubt: an upstream's bytes are not trusted. */

import type { Call, Json, JsonObject, ToolCall } from '../../core/call.ts';
import { type Failure, fail } from '../../core/failure.ts';
import { asObject } from '../../core/json-object.ts';
import type { CallResult, Choice, StopReason, Usage } from '../../core/part.ts';
import { asText } from './as-text.ts';
import { errorWithin, tellsError } from './decode-failure.ts';

export function decodeOpenai(call: Call, body: unknown): CallResult {
  const value = asObject(body) ?? wrongShape('is not an object');
  if (tellsError(value)) throw errorWithin(value);
  return call.kind === 'embed' ? decodeVectors(value) : decodeChoices(call, value);
}

function decodeChoices({ kind }: Call, value: JsonObject): CallResult {
  const choices = value['choices'];
  if (!Array.isArray(choices) || choices.length === 0) return wrongShape('has no choices');
  // What a chat is answered in several ways has one question; several prompts may be those of several clients.
  const ordered = inOrder(choices) ?? (kind === 'chat' ? choices : wrongShape(unplaced));
  return {
    kind: 'text',
    choices: ordered.map(decodeChoice),
    usage: decodeUsage(value['usage'], value['service_tier']),
  };
}

const unplaced = 'has entries that do not say which is whose: their `index` is missing, or there twice';

function decodeChoice(entry: Json): Choice {
  const choice = asObject(entry) ?? wrongShape('has a choice that is not an object');
  // A completion has its text beside, a chat in a message.
  const message = asObject(choice['message']);
  const text = message === undefined ? choice['text'] : message['content'];
  if (message === undefined && typeof text !== 'string') return wrongShape('has a choice without a message');
  const toolCalls = decodeToolCalls(message?.['tool_calls']);
  const reasoning = asText(message?.['reasoning_content']) ?? asText(message?.['reasoning']);
  const refusal = asText(message?.['refusal']);
  const logprobs = choice['logprobs'];
  return {
    text: asText(text) ?? '',
    stop: decodeStop(choice['finish_reason']) ?? 'stop',
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(toolCalls === undefined ? {} : { toolCalls }),
    ...(logprobs === undefined || logprobs === null ? {} : { logprobs }),
  };
}

function decodeToolCalls(value: Json | undefined): readonly ToolCall[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.map((entry: Json, index: number) => {
    const call = asObject(entry);
    const wanted = asObject(call?.['function']);
    const name = asText(wanted?.['name']);
    if (name === undefined) return wrongShape('has a tool call without a name');
    return {
      id: asText(call?.['id']) || `call_${index}`,
      name,
      arguments: argumentsText(wanted?.['arguments']) ?? '{}',
    };
  });
}

/** JSON in a string; some servers forget the string around it. */
export function argumentsText(value: Json | undefined): string | undefined {
  return asObject(value) === undefined ? asText(value) : JSON.stringify(value);
}

function decodeVectors(value: JsonObject): CallResult {
  const data = value['data'];
  if (!Array.isArray(data)) return wrongShape('has no data');
  const ordered = inOrder(data) ?? wrongShape(unplaced);
  const vectors = ordered.map((entry: Json) => decodeVector(asObject(entry)?.['embedding']));
  return { kind: 'vectors', vectors, usage: decodeUsage(value['usage'], value['service_tier']) };
}

/** By the place that each says it has; as they came where none says any. Nothing where that is contradictory. */
function inOrder(entries: readonly Json[]): readonly Json[] | undefined {
  // As nearly all are, so that no map is made for it.
  if (entries.length === 1) {
    const index = asObject(entries[0])?.['index'];
    return index === undefined || index === 0 ? entries : undefined;
  }
  const said = new Map<Json | undefined, Json>();
  for (const entry of entries) said.set(asObject(entry)?.['index'], entry);
  if (said.size <= 1 && said.has(undefined)) return entries;
  const placed = entries.flatMap((_, index) => {
    const entry = said.get(index);
    return entry === undefined ? [] : [entry];
  });
  return placed.length === entries.length ? placed : undefined;
}

/** Numbers, or their bytes: OpenAI's own clients ask for little-endian float32 in base64 unless told otherwise. */
function decodeVector(vector: Json | undefined): readonly number[] {
  if (typeof vector === 'string') {
    const bytes = new Uint8Array(Buffer.from(vector, 'base64'));
    if (bytes.length === 0 || bytes.length % 4 !== 0) return wrongShape('has a vector that is not float32');
    return Array.from(new Float32Array(bytes.buffer));
  }
  if (Array.isArray(vector) && vector.every((entry) => typeof entry === 'number')) return vector;
  return wrongShape('has an entry without a vector');
}

/** Counts that make no sense are clamped: a ledger must never go negative (U18). */
export function decodeUsage(value: Json | undefined, tier: Json | undefined): Usage | undefined {
  const usage = asObject(value);
  if (usage === undefined) return undefined;
  const cachedTokens = count(asObject(usage['prompt_tokens_details'])?.['cached_tokens']);
  const reasoningTokens = count(asObject(usage['completion_tokens_details'])?.['reasoning_tokens']);
  return {
    inputTokens: count(usage['prompt_tokens']) ?? 0,
    outputTokens: count(usage['completion_tokens']) ?? 0,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
    ...(typeof tier === 'string' ? { serviceTier: tier.slice(0, serviceTierCharsMax) } : {}),
  };
}

const serviceTierCharsMax = 32;
const tokensMax = 100_000_000;

function count(value: Json | undefined): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  return Math.min(Math.max(Math.trunc(value), 0), tokensMax);
}

const stops: Readonly<Record<string, StopReason>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
};

export function decodeStop(value: Json | undefined): StopReason | undefined {
  if (typeof value !== 'string') return undefined;
  return Object.hasOwn(stops, value) ? stops[value] : 'stop';
}

function wrongShape(what: string): never {
  throw badResponse(what);
}

export function badResponse(what: string, cause?: unknown): Failure {
  return fail('bad_upstream_response', `the upstream's answer ${what}`, { cause });
}
