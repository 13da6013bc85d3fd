/** The options that an Ollama server knows: in a request's `options`, and in the PARAMETER lines of a Modelfile. */
import type { Json, JsonObject } from '../core/call.ts';
import { bounds, optionalBoolean, optionalNumber, optionalObject, optionalStrings } from './read.ts';

export type OptionKind = 'whole' | 'number' | 'flag' | 'texts' | 'gone';

/** What each holds; `gone` are those that it once knew. */
export const optionKinds: ReadonlyMap<string, OptionKind> = new Map<string, OptionKind>([
  ...names(
    'whole',
    'num_keep seed num_predict top_k repeat_last_n num_ctx num_batch num_gpu main_gpu num_thread',
  ),
  ...names('whole', 'draft_num_predict'),
  ...names('number', 'top_p min_p typical_p temperature repeat_penalty presence_penalty frequency_penalty'),
  ...names('flag', 'use_mmap'),
  ...names('texts', 'stop'),
  ...names('gone', 'penalize_newline low_vram f16_kv logits_all vocab_only use_mlock'),
  ...names('gone', 'mirostat mirostat_tau mirostat_eta numa tfs_z'),
]);

function names(kind: OptionKind, list: string): readonly (readonly [string, OptionKind])[] {
  return list.split(' ').map((name) => [name, kind] as const);
}

/** Most go on as they came, and an engine that is given a wrong type names no field when it refuses, if it does. */
export function readOptions(body: JsonObject): JsonObject | undefined {
  const options = optionalObject(body['options'], 'options');
  if (options === undefined) return undefined;
  for (const [name, value] of Object.entries(options)) {
    const kind = optionKinds.get(name);
    if (kind !== undefined) checks[kind](value, `options.${name}`);
  }
  return options;
}

const checks: Readonly<Record<OptionKind, (value: Json | undefined, path: string) => unknown>> = {
  whole: (value, path) => optionalNumber(value, path, { whole: true }),
  number: (value, path) => optionalNumber(value, path),
  flag: optionalBoolean,
  texts: (value, path) => optionalStrings(value, path, bounds.stops),
  gone: () => undefined,
};
