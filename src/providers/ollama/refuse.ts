/** What Ollama cannot do is refused by the name the client knows the field by, never dropped silently. */
import type { Call, Json, JsonObject } from '../../core/call.ts';
import { type Failure, fail } from '../../core/failure.ts';

export function cannot(param: string, what: string): Failure {
  return fail('unsupported', `an Ollama upstream cannot ${what} (${param})`, { param });
}

/**
 * Fields that ask for nothing of the model: who the user is, how the provider should bill, store or cache.
 * Without them the answer is the same.
 */
const harmless: ReadonlySet<string> = new Set([
  'user',
  'metadata',
  'store',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'stream_options',
]);

/** Values of foreign fields that ask for what Ollama does anyway. */
const asUsual: ReadonlyMap<string, (value: Json) => boolean> = new Map([
  ['logit_bias', isEmpty],
  ['best_of', (value: Json) => value === 1],
  ['modalities', (value: Json) => JSON.stringify(value) === '["text"]'],
  ['functions', isEmpty],
  ['verbosity', (value: Json) => value === 'medium'],
]);

/** The extra fields that go along: those of Ollama's own clients. Those of others are refused, unless harmless. */
export function ownExtra(call: Call): JsonObject {
  if (call.wire.dialect === 'ollama') return call.extra;
  for (const [name, value] of Object.entries(call.extra)) {
    if (value === undefined || value === null || harmless.has(name)) continue;
    if (asUsual.get(name)?.(value) !== true) throw cannot(name, 'act on this field');
  }
  return {};
}

function isEmpty(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
