/** Lines of Ollama's streams, made neutral one by one. */

import type { Frame } from '../../core/adapter.ts';
import type { Call, JsonObject } from '../../core/call.ts';
import { fail } from '../../core/failure.ts';
import { isObject } from '../../core/json-object.ts';
import type { Part } from '../../core/part.ts';
import { present } from '../../protocol/present.ts';
import { excerpt } from './excerpt.ts';
import { malformed, readSaid, readStop, readUsage, type Said } from './reply-fields.ts';

export function openStreamDecoder(_call: Call): (frame: Frame) => readonly Part[] {
  let toolCalls = 0;
  let ended = false;
  return (frame) => {
    if (frame.data === '') return [];
    if (ended) throw malformed(frame.data);
    const line = parseLine(frame.data);
    const error = line['error'];
    if (error !== undefined) {
      ended = true;
      const text = typeof error === 'string' ? error : JSON.stringify(error);
      return [{ type: 'reply-failed', failure: fail('upstream_failed', excerpt(text)) }];
    }
    const said = readSaid(line, toolCalls);
    const parts = saidParts(said, toolCalls);
    toolCalls += said.toolCalls.length;
    if (line['done'] !== true) return parts;
    ended = true;
    return [...parts, ...endParts(line, toolCalls > 0)];
  };
}

/** A line with none of these is somebody else's. */
const telling = ['done', 'message', 'response', 'error'] as const;

function parseLine(data: string): JsonObject {
  const line = parseJson(data);
  if (!isObject(line) || !telling.some((key) => key in line)) throw malformed(data);
  return line;
}

function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw malformed(data, cause);
  }
}

function saidParts(said: Said, toolCallsBefore: number): Part[] {
  const parts: Part[] = [];
  if (said.reasoning !== '') parts.push({ type: 'reasoning-delta', text: said.reasoning });
  if (said.text !== '' || said.logprobs !== undefined) {
    parts.push({ type: 'text-delta', text: said.text, ...present('logprobs', said.logprobs) });
  }
  for (const [index, call] of said.toolCalls.entries()) {
    parts.push({ type: 'tool-call-delta', index: toolCallsBefore + index, ...call });
  }
  return parts;
}

function endParts(line: JsonObject, calledTools: boolean): readonly Part[] {
  const usage = readUsage(line);
  return [
    { type: 'choice-ended', stop: readStop(line, calledTools) },
    ...(usage === undefined ? [] : [{ type: 'usage', usage } as const]),
    { type: 'reply-ended' },
  ];
}
