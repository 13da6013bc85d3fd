/** Whole replies of Ollama, made neutral. */

import type { Call, JsonObject } from '../../core/call.ts';
import { fail } from '../../core/failure.ts';
import { asObject } from '../../core/json-object.ts';
import type { CallResult } from '../../core/part.ts';
import { present } from '../../protocol/present.ts';
import { excerpt } from './excerpt.ts';
import { malformed, readSaid, readStop, readUsage } from './reply-fields.ts';

export function decodeResult(call: Call, body: unknown): CallResult {
  const reply = asObject(body);
  if (reply === undefined) throw malformed(body);
  const error = reply['error'];
  if (typeof error === 'string') throw fail('upstream_failed', excerpt(error));
  return call.kind === 'embed' ? decodeVectors(reply) : decodeText(reply);
}

function decodeText(reply: JsonObject): CallResult {
  if (reply['done'] !== true) throw malformed(reply);
  const said = readSaid(reply, 0);
  const calledTools = said.toolCalls.length > 0;
  const choice = {
    text: said.text,
    stop: readStop(reply, calledTools),
    ...(said.reasoning === '' ? {} : { reasoning: said.reasoning }),
    ...(calledTools ? { toolCalls: said.toolCalls } : {}),
    ...present('logprobs', said.logprobs),
  };
  return { kind: 'text', choices: [choice], usage: readUsage(reply) };
}

/** `/api/embed` answers with a list of vectors, `/api/embeddings` with one, which is empty for an empty text. */
function decodeVectors(reply: JsonObject): CallResult {
  const { embeddings, embedding } = reply;
  if (isVectors(embeddings)) return { kind: 'vectors', vectors: embeddings, usage: readUsage(reply) };
  if (!isVector(embedding)) throw malformed(reply);
  return { kind: 'vectors', vectors: embedding.length === 0 ? [] : [embedding], usage: readUsage(reply) };
}

function isVectors(value: unknown): value is readonly (readonly number[])[] {
  return Array.isArray(value) && value.every(isVector);
}

function isVector(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'number');
}
