/** The fields that whole replies and lines of a stream share. */

import { createHash } from 'node:crypto';
import type { Json, JsonObject, ToolCall } from '../../core/call.ts';
import { type Failure, fail } from '../../core/failure.ts';
import { isObject } from '../../core/json-object.ts';
import type { StopReason, Usage } from '../../core/part.ts';
import { present } from '../../protocol/present.ts';
import { isList } from '../../protocol/read.ts';
import { excerpt } from './excerpt.ts';

export interface Said {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  readonly logprobs: Json | undefined;
}

/** Chat has its words under `message`, generate at the top: the form tells which, not the call. */
export function readSaid(reply: JsonObject, toolCallsBefore: number): Said {
  const message = reply['message'];
  const words = isObject(message) ? message : reply;
  return {
    text: readText(words, isObject(message) ? 'content' : 'response'),
    reasoning: readText(words, 'thinking'),
    toolCalls: readToolCalls(reply, words['tool_calls'], toolCallsBefore),
    logprobs: readLogprobs(reply['logprobs']),
  };
}

export function readStop(reply: JsonObject, calledTools: boolean): StopReason {
  const reason = reply['done_reason'];
  if (reason === 'length' || reason === 'load' || reason === 'unload') return reason;
  return calledTools ? 'tool_calls' : 'stop';
}

/** Ollama leaves out what is zero: a prompt that was wholly cached has no count. */
export function readUsage(reply: JsonObject): Usage | undefined {
  const input = readCount(reply['prompt_eval_count'], tokensMax);
  const output = readCount(reply['eval_count'], tokensMax);
  if (input === undefined && output === undefined) return undefined;
  return {
    inputTokens: input ?? 0,
    outputTokens: output ?? 0,
    ...present('loadNs', readCount(reply['load_duration'], nanosMax)),
    ...present('promptNs', readCount(reply['prompt_eval_duration'], nanosMax)),
    ...present('outputNs', readCount(reply['eval_duration'], nanosMax)),
  };
}

export function malformed(reply: unknown, cause?: unknown): Failure {
  const shown = typeof reply === 'string' ? reply : (JSON.stringify(reply) ?? '');
  return fail(
    'bad_upstream_response',
    `the upstream answered what is not Ollama's format: ${excerpt(shown)}`,
    {
      cause,
    },
  );
}

function readText(words: JsonObject, key: string): string {
  const text = words[key];
  if (text === undefined || text === null) return '';
  if (typeof text !== 'string') throw malformed(words);
  return text;
}

const tokensMax = 100_000_000;
/** A day. */
const nanosMax = 86_400_000_000_000;

/** Counts that make no sense are left out, or clamped (U18). */
function readCount(value: Json | undefined, max: number): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return undefined;
  return Math.min(Math.trunc(value), max);
}

function readToolCalls(reply: JsonObject, list: Json | undefined, before: number): readonly ToolCall[] {
  if (list === undefined || list === null) return [];
  if (!isList(list)) throw malformed(list);
  return list.map((entry, index) => readToolCall(reply, entry, before + index));
}

function readToolCall(reply: JsonObject, entry: Json, index: number): ToolCall {
  const wanted = isObject(entry) ? entry['function'] : undefined;
  const name = isObject(wanted) ? wanted['name'] : undefined;
  if (!isObject(entry) || !isObject(wanted) || typeof name !== 'string') throw malformed(entry);
  const given = wanted['arguments'];
  const text = typeof given === 'string' ? given : JSON.stringify(given ?? {});
  const id = entry['id'];
  return {
    id: typeof id === 'string' && id !== '' ? id : toolCallId(reply, index, name + text),
    name,
    arguments: text,
  };
}

/** Older servers give calls no id. Ours is the same whenever the same reply is read, and differs between turns. */
function toolCallId(reply: JsonObject, index: number, content: string): string {
  const seed = JSON.stringify([reply['model'], reply['created_at'], index, content]);
  return `call_${createHash('sha256').update(seed).digest('hex').slice(0, 24)}`;
}

/** The neutral form wraps the list as OpenAI does, and has every field of an entry. */
function readLogprobs(list: Json | undefined): Json | undefined {
  if (!isList(list) || list.length === 0) return undefined;
  const content = list.map((entry): Json => {
    if (!isObject(entry)) throw malformed(entry);
    const top = entry['top_logprobs'];
    return { ...withBytes(entry), top_logprobs: isList(top) ? top.filter(isObject).map(withBytes) : [] };
  });
  return { content, refusal: null };
}

function withBytes(entry: JsonObject): JsonObject {
  return { ...entry, bytes: entry['bytes'] ?? null };
}
