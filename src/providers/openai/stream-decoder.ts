/** OpenAI's stream, one event at a time. */

import type { Frame } from '../../core/adapter.ts';
import type { Call, Json, JsonObject } from '../../core/call.ts';
import { fail } from '../../core/failure.ts';
import { asObject } from '../../core/json-object.ts';
import type { Part } from '../../core/part.ts';
import { asText } from './as-text.ts';
import { argumentsText, badResponse, decodeStop, decodeUsage } from './decode.ts';
import { errorWithin, tellsError } from './decode-failure.ts';

const nothing: readonly Part[] = [];

/**
 * The end marker is `[DONE]`. It counts only after a choice has ended: a server that was cut writes it too when
 * its own proxy ends the stream for it.
 */
export function openaiStreamDecoder(_call: Call): (frame: Frame) => readonly Part[] {
  let choiceEnded = false;
  const told: Told = { serviceTier: undefined };
  return (frame) => {
    if (frame.data === '') return nothing;
    if (frame.data !== '[DONE]') {
      const parts = decodeChunk(frame, told);
      choiceEnded ||= parts.some((part) => part.type === 'choice-ended');
      return parts;
    }
    if (!choiceEnded) throw fail('upstream_cut', 'the upstream ended its stream without a finish reason');
    return [{ type: 'reply-ended' }];
  };
}

/** What stands in any of its events. */
interface Told {
  serviceTier: Json | undefined;
}

function decodeChunk(frame: Frame, told: Told): readonly Part[] {
  const chunk = parseChunk(frame.data);
  if (tellsError(chunk) || frame.event === 'error') {
    return [{ type: 'reply-failed', failure: errorWithin(chunk) }];
  }
  const parts: Part[] = [];
  const choices = chunk['choices'];
  if (Array.isArray(choices)) for (const choice of choices) decodeDelta(choice, parts);
  told.serviceTier = chunk['service_tier'] ?? told.serviceTier;
  const usage = decodeUsage(chunk['usage'], told.serviceTier);
  if (usage !== undefined) parts.push({ type: 'usage', usage });
  return parts;
}

function parseChunk(data: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(data);
  } catch (cause) {
    throw badResponse('holds an event that is not JSON', cause);
  }
  const chunk = asObject(parsed);
  if (chunk === undefined) throw badResponse('holds an event that is not an object');
  return chunk;
}

function decodeDelta(entry: Json, parts: Part[]): void {
  const value = asObject(entry);
  if (value === undefined) throw badResponse('holds a choice that is not an object');
  const choice = indexOf(value);
  const delta = asObject(value['delta']) ?? {};
  const reasoning = asText(delta['reasoning_content']) ?? asText(delta['reasoning']);
  if (reasoning) parts.push({ type: 'reasoning-delta', text: reasoning, choice });
  decodeText(asText(delta['content']) ?? asText(value['text']) ?? '', value, parts);
  const refusal = asText(delta['refusal']);
  if (refusal) parts.push({ type: 'refusal-delta', text: refusal, choice });
  const calls = delta['tool_calls'];
  if (Array.isArray(calls)) for (const call of calls) parts.push(decodeToolCallDelta(call, choice));
  const stop = decodeStop(value['finish_reason']);
  if (stop !== undefined) parts.push({ type: 'choice-ended', stop, choice });
}

/** A token may be a part of a character: it has no text, and yet its logprobs. */
function decodeText(text: string, value: JsonObject, parts: Part[]): void {
  const logprobs = asObject(value['logprobs']);
  if (text === '' && logprobs === undefined) return;
  const choice = indexOf(value);
  parts.push({ type: 'text-delta', text, choice, ...(logprobs === undefined ? {} : { logprobs }) });
}

function indexOf({ index }: JsonObject): number {
  return typeof index === 'number' ? index : 0;
}

function decodeToolCallDelta(entry: Json, choice: number): Part {
  const call = asObject(entry);
  const wanted = asObject(call?.['function']);
  // Some servers repeat the field in later pieces, empty.
  const id = asText(call?.['id']) || undefined;
  const name = asText(wanted?.['name']) || undefined;
  return {
    type: 'tool-call-delta',
    index: indexOf(call ?? {}),
    choice,
    arguments: argumentsText(wanted?.['arguments']) ?? '',
    ...(id === undefined ? {} : { id }),
    ...(name === undefined ? {} : { name }),
  };
}
