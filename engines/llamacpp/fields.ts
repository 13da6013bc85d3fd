/** Reads the fields of a request body: absent, right, or a failure that names the field. */
import { invalid, RequestError } from './request-error.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface Range {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function parseFields(body: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (cause) {
    throw new RequestError('the body is not JSON', { cause });
  }
  if (!isFields(value)) throw new RequestError('the body must be a JSON object');
  return value;
}

/** Clients write null for what they leave out. */
export function readNumber(fields: Fields, name: string, range: Range): number | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined) return undefined;
  const kind = range.integer ? 'an integer' : 'a number';
  if (typeof value !== 'number' || (range.integer && !Number.isInteger(value)))
    throw invalid(name, `must be ${kind}`);
  if (value < range.min || value > range.max)
    throw invalid(name, `must be between ${range.min} and ${range.max}`);
  return value;
}

export function readBoolean(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') throw invalid(name, 'must be true or false');
  return value;
}

/** Values that mean "not wanted"; anything else asks for something that this engine cannot do. */
const unasked: Readonly<Record<string, (value: unknown) => boolean>> = {
  n: (value) => value === 1,
  best_of: (value) => value === 1,
  logprobs: (value) => value === false || value === 0,
  top_logprobs: (value) => value === 0,
  logit_bias: (value) => isFields(value) && Object.keys(value).length === 0,
  echo: (value) => value === false,
  tools: (value) => Array.isArray(value) && value.length === 0,
  functions: (value) => Array.isArray(value) && value.length === 0,
  tool_choice: (value) => value === 'none' || value === 'auto',
  function_call: (value) => value === 'none' || value === 'auto',
  audio: () => false,
  modalities: (value) => Array.isArray(value) && value.length === 1 && value[0] === 'text',
  dimensions: () => false,
};

export function refuseWhatCannotBeDone(fields: Fields, names: readonly string[]): void {
  for (const name of names) {
    const value = fields[name] ?? undefined;
    if (value === undefined || unasked[name]?.(value) === true) continue;
    throw invalid(name, 'asks for something that the llama.cpp engine cannot do');
  }
}
