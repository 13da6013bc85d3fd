/** Readers for request bodies: cheap, and each names the field it refuses. The data plane uses no schema library. */

import type { Json, JsonObject } from '../core/call.ts';
import { type Failure, fail } from '../core/failure.ts';
import { isObject } from '../core/json-object.ts';

/** Where a value stands, for messages: called only when something is wrong. */
export type Path = string;

export function invalid(param: Path, message: string): Failure {
  return fail('invalid_request', `${param} ${message}`, { param });
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** Null counts as absent everywhere: clients send it for defaults. */
export function isAbsent(value: Json | undefined): value is null | undefined {
  return value === undefined || value === null;
}

export function readString(value: Json | undefined, param: Path): string {
  if (typeof value === 'string') return value;
  throw invalid(param, isAbsent(value) ? 'is missing' : 'must be a string');
}

/** A string that says something. */
export function readText(value: Json | undefined, param: Path): string {
  const text = readString(value, param);
  if (text === '') throw invalid(param, 'must not be empty');
  return text;
}

export function optionalString(value: Json | undefined, param: Path): string | undefined {
  return isAbsent(value) ? undefined : readString(value, param);
}

export interface Range {
  readonly min?: number;
  readonly max?: number;
  readonly whole?: boolean;
}

export function optionalNumber(value: Json | undefined, param: Path, range?: Range): number | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(param, 'must be a number');
  if (range === undefined) return value;
  if (range.whole === true && !Number.isInteger(value)) throw invalid(param, 'must be a whole number');
  if (value < (range.min ?? value) || value > (range.max ?? value)) throw invalid(param, inWords(range));
  return value;
}

function inWords({ min, max }: Range): string {
  if (max === undefined) return `must be at least ${min}`;
  return min === undefined ? `must be at most ${max}` : `must be between ${min} and ${max}`;
}

export function optionalBoolean(value: Json | undefined, param: Path): boolean | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value !== 'boolean') throw invalid(param, 'must be true or false');
  return value;
}

export function readObject(value: Json | undefined, param: Path): JsonObject {
  if (isObject(value)) return value;
  throw invalid(param, isAbsent(value) ? 'is missing' : 'must be an object');
}

export function optionalObject(value: Json | undefined, param: Path): JsonObject | undefined {
  return isAbsent(value) ? undefined : readObject(value, param);
}

export function readList(value: Json | undefined, param: Path, lengthMax: number): readonly Json[] {
  if (!isList(value)) throw invalid(param, isAbsent(value) ? 'is missing' : 'must be a list');
  if (value.length > lengthMax)
    throw invalid(param, `has ${value.length} entries; at most ${lengthMax} are allowed`);
  return value;
}

export function optionalList(
  value: Json | undefined,
  param: Path,
  lengthMax: number,
): readonly Json[] | undefined {
  return isAbsent(value) ? undefined : readList(value, param, lengthMax);
}

export function readStrings(value: Json | undefined, param: Path, lengthMax: number): readonly string[] {
  return readList(value, param, lengthMax).map((entry, index) => readString(entry, `${param}[${index}]`));
}

/** A string or a list of strings, as `stop` and `input` are. */
export function optionalStrings(
  value: Json | undefined,
  param: Path,
  lengthMax: number,
): readonly string[] | undefined {
  if (isAbsent(value)) return undefined;
  return typeof value === 'string' ? [value] : readStrings(value, param, lengthMax);
}

/** One of a fixed set of words. */
export function readWord<const Words extends readonly string[]>(
  value: Json | undefined,
  param: Path,
  words: Words,
): Words[number] {
  const word = words.find((candidate) => candidate === value);
  if (word !== undefined) return word;
  throw invalid(param, isAbsent(value) ? 'is missing' : `must be one of ${words.join(', ')}`);
}

/** The fields of `object` whose names are not in `known`; what we do not know rides along. */
export function otherFields(object: JsonObject, known: ReadonlySet<string>): JsonObject {
  const others = Object.keys(object).filter((key) => !known.has(key));
  return others.length === 0 ? noFields : Object.fromEntries(others.map((key) => [key, object[key]]));
}

const noFields: JsonObject = Object.freeze({});

/**
 * OpenAI's own range ends at 2. Local engines take more, and are driven up to here together with `min_p`;
 * who sends it to OpenAI hears it from there.
 */
export const temperatures: Range = { min: 0, max: 5 };

/** Bounds that protect an engine behind us from a single request (G12). */
export const bounds = {
  messages: 2000,
  tools: 256,
  stops: 16,
  choices: 8,
  inputs: 2048,
  images: 32,
  topLogprobs: 20,
} as const;
