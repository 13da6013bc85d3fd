/**
 * Our own engine: OpenAI's dialect, and between the gateway and its child the tokens of each piece, so that another
 * engine with the same model goes on with a reply from the very tokens that were drawn.
 */
import type { Adapter, Encoded, Frame } from '../../core/adapter.ts';
import type { Call, Json, JsonObject, TokenIds } from '../../core/call.ts';
import { asObject } from '../../core/json-object.ts';
import type { Part } from '../../core/part.ts';
import { openaiAdapter } from '../openai/adapter.ts';

export const llamacppAdapter: Adapter = { ...openaiAdapter, encode, openDecoder, goesOn: () => true };

function encode(call: Call, model: string): Encoded {
  const encoded = openaiAdapter.encode(call, model);
  if (!call.stream || call.kind === 'embed') return encoded;
  const body = withFields(encoded.request.body ?? '', { millrace_tokens: true, ...begunFields(call) });
  // What is between the two of us no client is to see.
  return { ...encoded, request: { ...encoded.request, body }, verbatim: false };
}

function begunFields({ begun }: Call): JsonObject {
  if (begun?.tokens === undefined) return {};
  const { text, again, tokensAgain, tokens } = begun;
  return { millrace_begun: { ...tokens, text, again, tokens_again: tokensAgain } };
}

function withFields(body: Uint8Array | string, fields: JsonObject): string {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString();
  return `${JSON.stringify(fields).slice(0, -1)},${text.slice(text.indexOf('{') + 1)}`;
}

function openDecoder(call: Call): (frame: Frame) => readonly Part[] {
  const decode = openaiAdapter.openDecoder(call);
  return (frame) => {
    const parts = decode(frame);
    if (!frame.data.includes('"millrace_tokens"')) return parts;
    const tokens = readTokens(frame.data);
    return parts.map((part) =>
      part.type === 'text-delta' && tokens !== undefined ? { ...part, tokens } : part,
    );
  };
}

function readTokens(data: string): TokenIds | undefined {
  const choices = asObject(JSON.parse(data))?.['choices'];
  const told = asObject(Array.isArray(choices) ? choices[0] : undefined)?.['millrace_tokens'];
  const { of, ids, read } = asObject(told) ?? {};
  if (typeof of !== 'string' || !isIds(ids)) return undefined;
  return isIds(read) ? { of, ids, read } : { of, ids };
}

function isIds(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((id) => typeof id === 'number');
}
