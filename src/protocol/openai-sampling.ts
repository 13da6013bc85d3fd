/** The fields that OpenAI's chat and completions share. */
import type { EngineOptions, Format, JsonObject, Sampling, Think } from '../core/call.ts';
import type { ParsedBody } from '../core/exchange.ts';
import { readOptions } from './engine-options.ts';
import {
  bounds,
  invalid,
  isAbsent,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  optionalStrings,
  otherFields,
  type Range,
  readObject,
  readString,
  readWord,
  temperatures,
} from './read.ts';

export const samplingFields = [
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'seed',
  'stop',
  'frequency_penalty',
  'presence_penalty',
  'repeat_penalty',
  'n',
  'logprobs',
  'top_logprobs',
] as const;

/** What only local engines know; accepted here so that they work through OpenAI's clients too. */
export const engineFields = [
  'keep_alive',
  'options',
  'think',
  'reasoning_effort',
  'response_format',
] as const;

/** What both read alike; what only one of them knows stands in its own file. */
export function readShared(body: ParsedBody, endpoint: string, known: ReadonlySet<string>) {
  const { value, bytes, spans } = body;
  const format = readFormat(value);
  const think = readThink(value);
  return {
    wire: { dialect: 'openai', endpoint, bytes, spans, value } as const,
    model: readString(value['model'], 'model'),
    stream: optionalBoolean(value['stream'], 'stream') ?? false,
    engine: readEngine(value),
    wantsUsage: wantsUsage(value),
    extra: otherFields(value, known),
    ...(format === undefined ? {} : { format }),
    ...(think === undefined ? {} : { think }),
  };
}

const whole = { min: 0, whole: true };
const anyWhole = { whole: true };
const probability = { min: 0, max: 1 };
const logprobs = { ...whole, max: bounds.topLogprobs };
const penalties = { min: -2, max: 2 };

export function readSampling(body: JsonObject): Sampling {
  const sampling: { -readonly [Key in keyof Sampling]: Sampling[Key] } = {};
  const set = <Key extends keyof Sampling>(key: Key, value: Sampling[Key] | undefined) => {
    if (value !== undefined) sampling[key] = value;
  };
  set('maxTokens', readAgreed(body, answerBounds));
  set('temperature', optionalNumber(body['temperature'], 'temperature', temperatures));
  set('topP', optionalNumber(body['top_p'], 'top_p', probability));
  set('topK', optionalNumber(body['top_k'], 'top_k', anyWhole));
  set('minP', optionalNumber(body['min_p'], 'min_p', probability));
  set('seed', optionalNumber(body['seed'], 'seed', anyWhole));
  set('stop', optionalStrings(body['stop'], 'stop', bounds.stops));
  set('frequencyPenalty', optionalNumber(body['frequency_penalty'], 'frequency_penalty', penalties));
  set('presencePenalty', optionalNumber(body['presence_penalty'], 'presence_penalty', penalties));
  set('repeatPenalty', optionalNumber(body['repeat_penalty'], 'repeat_penalty'));
  set('choices', readAgreed(body, choiceBounds));
  set('topLogprobs', optionalNumber(body['top_logprobs'], 'top_logprobs', logprobs));
  return sampling;
}

type Bounds = readonly (readonly [field: string, range: Range])[];

const choices = { min: 1, max: bounds.choices, whole: true };
/** Each has an older or a local name, which some servers go by and others pass over: llama.cpp has the last of each. */
const answerBounds: Bounds = [
  ['max_completion_tokens', whole],
  ['max_tokens', whole],
  ['n_predict', anyWhole],
];
const choiceBounds: Bounds = [
  ['n', choices],
  ['n_cmpl', choices],
];

/** The first of the fields that is there. Who bounds an answer in two ways gets the looser one from some server. */
function readAgreed(body: JsonObject, fields: Bounds): number | undefined {
  let agreed: { readonly field: string; readonly value: number } | undefined;
  for (const [field, range] of fields) {
    const value = optionalNumber(body[field], field, range);
    if (value === undefined) continue;
    if (agreed !== undefined && agreed.value !== value)
      throw invalid(field, `contradicts ${agreed.field}: send one of them`);
    agreed ??= { field, value };
  }
  // Below zero it means "without limit", which is what leaving it out means everywhere else.
  return agreed === undefined || agreed.value < 0 ? undefined : agreed.value;
}

export function readEngine(body: JsonObject): EngineOptions {
  const keepAlive = body['keep_alive'];
  const options = readOptions(body);
  if (isAbsent(keepAlive) && options === undefined) return noEngine;
  if (!isAbsent(keepAlive) && typeof keepAlive !== 'string' && typeof keepAlive !== 'number') {
    throw invalid('keep_alive', 'must be a duration such as "5m", or seconds');
  }
  return { ...(isAbsent(keepAlive) ? {} : { keepAlive }), ...(options === undefined ? {} : { options }) };
}

const noEngine: EngineOptions = Object.freeze({});

function readThink(body: JsonObject): Think | undefined {
  const effort = body['reasoning_effort'];
  if (!isAbsent(effort)) {
    if (effort === 'xhigh') return 'high';
    return readWord(effort, 'reasoning_effort', ['none', 'minimal', 'low', 'medium', 'high']);
  }
  const think = body['think'];
  if (isAbsent(think)) return undefined;
  return typeof think === 'boolean' ? think : readWord(think, 'think', ['low', 'medium', 'high']);
}

function readFormat(body: JsonObject): Format | undefined {
  const format = optionalObject(body['response_format'], 'response_format');
  if (format === undefined) return undefined;
  const type = readWord(format['type'], 'response_format.type', ['text', 'json_object', 'json_schema']);
  if (type === 'text') return undefined;
  if (type === 'json_object') return 'json';
  const described = readObject(format['json_schema'], 'response_format.json_schema');
  const name = optionalString(described['name'], 'response_format.json_schema.name');
  const strict = optionalBoolean(described['strict'], 'response_format.json_schema.strict');
  return {
    schema: readObject(described['schema'], 'response_format.json_schema.schema'),
    ...(name === undefined ? {} : { name }),
    ...(strict === undefined ? {} : { strict }),
  };
}

function wantsUsage(body: JsonObject): boolean {
  const options = optionalObject(body['stream_options'], 'stream_options');
  return optionalBoolean(options?.['include_usage'], 'stream_options.include_usage') ?? false;
}
