/** The fields that Ollama's endpoints share: `options`, `keep_alive`, `format`, `think`, log probabilities. */

import type { EngineOptions, Format, Json, JsonObject, Sampling, Think } from '../core/call.ts';
import { isObject } from '../core/json-object.ts';
import { readOptions } from './engine-options.ts';
import {
  bounds,
  invalid,
  isAbsent,
  optionalBoolean,
  optionalNumber,
  optionalStrings,
  readWord,
} from './read.ts';

export const engineFields = ['options', 'keep_alive'] as const;
export const textFields = [...engineFields, 'format', 'think', 'logprobs', 'top_logprobs'] as const;

interface Settings {
  readonly sampling: Sampling;
  readonly engine: EngineOptions;
}

type MutableSampling = { -readonly [Key in keyof Sampling]: Sampling[Key] };
type Reader = (sampling: MutableSampling, value: Json, path: string) => void;

/** The options that have a neutral word. All others stay as they are, for engines that know them. */
const samplingOptions: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['temperature', number('temperature')],
  ['top_p', number('topP')],
  ['min_p', number('minP')],
  ['top_k', number('topK', true)],
  ['repeat_penalty', number('repeatPenalty')],
  ['presence_penalty', number('presencePenalty')],
  ['frequency_penalty', number('frequencyPenalty')],
  ['num_predict', readLimit],
  ['seed', readSeed],
  ['stop', readStop],
]);

export function readSettings(body: JsonObject): Settings {
  const sampling: MutableSampling = {};
  const others: [string, Json][] = [];
  for (const [name, value] of Object.entries(readOptions(body) ?? {})) {
    if (isAbsent(value)) continue;
    const read = samplingOptions.get(name);
    if (read === undefined) others.push([name, value]);
    else read(sampling, value, `options.${name}`);
  }
  readLogprobs(sampling, body);
  const keepAlive = readKeepAlive(body['keep_alive']);
  return {
    sampling,
    engine: {
      ...(keepAlive === undefined ? {} : { keepAlive }),
      ...(others.length === 0 ? {} : { options: Object.fromEntries(others) }),
    },
  };
}

export function readFormat(value: Json | undefined): Format | undefined {
  if (isAbsent(value) || value === '') return undefined;
  if (value === 'json') return 'json';
  if (isObject(value)) return { schema: value };
  throw invalid('format', 'must be "json" or a JSON schema');
}

export function readThink(value: Json | undefined): Think | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === 'boolean') return value;
  const level = readWord(value, 'think', ['low', 'medium', 'high', 'max']);
  return level === 'max' ? 'high' : level;
}

/** Whether the duration is zero: with nothing to answer, that asks to unload the model. */
export function isZeroDuration(keepAlive: string | number | undefined): boolean {
  if (keepAlive === undefined) return false;
  return typeof keepAlive === 'number' ? keepAlive === 0 : !/[1-9]/.test(keepAlive);
}

const duration = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+)$/;
const durationLengthMax = 64;

function readKeepAlive(value: Json | undefined): string | number | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && value.length <= durationLengthMax && duration.test(value)) return value;
  throw invalid('keep_alive', 'must be a duration such as "5m", or a number of seconds');
}

function readLogprobs(sampling: MutableSampling, body: JsonObject): void {
  const logprobs = optionalBoolean(body['logprobs'], 'logprobs');
  const top = optionalNumber(body['top_logprobs'], 'top_logprobs', {
    min: 0,
    max: bounds.topLogprobs,
    whole: true,
  });
  if (logprobs !== undefined) sampling.logprobs = logprobs;
  if (top !== undefined) sampling.topLogprobs = top;
}

type NumberKey = Exclude<
  { [Key in keyof Sampling]-?: number extends Sampling[Key] ? Key : never }[keyof Sampling],
  undefined
>;

function number(key: NumberKey, whole = false): Reader {
  return (sampling, value, path) => {
    const given = optionalNumber(value, path, { whole });
    if (given !== undefined) sampling[key] = given;
  };
}

/** Zero and below mean "no limit", which is what leaving it out means everywhere else. */
function readLimit(sampling: MutableSampling, value: Json, path: string): void {
  const limit = optionalNumber(value, path, { whole: true }) ?? 0;
  if (limit > 0) sampling.maxTokens = limit;
}

/** Minus one asks for a random seed, which is the default. */
function readSeed(sampling: MutableSampling, value: Json, path: string): void {
  const seed = optionalNumber(value, path, { whole: true }) ?? -1;
  if (seed !== -1) sampling.seed = seed;
}

function readStop(sampling: MutableSampling, value: Json, path: string): void {
  const stop = optionalStrings(value, path, bounds.stops);
  if (stop !== undefined) sampling.stop = stop;
}
