/** Ollama's native API as an upstream: `/api/chat`, `/api/generate`, `/api/embed`. */
import type { Adapter, Encoded } from '../../core/adapter.ts';
import type { Call } from '../../core/call.ts';
import { asObject } from '../../core/json-object.ts';
import { isGatewayContext } from '../../protocol/ollama-context.ts';
import { type Edit, splice } from '../../protocol/splice.ts';
import { decodeFailure } from './decode-failure.ts';
import { decodeResult } from './decode-result.ts';
import { openStreamDecoder } from './decode-stream.ts';
import { encodeChat } from './encode-chat.ts';
import { encodeComplete } from './encode-complete.ts';
import { encodeEmbed } from './encode-embed.ts';
import { ollamaGoesOn } from './goes-on.ts';

export const ollamaAdapter: Adapter = {
  dialect: 'ollama',
  framing: 'ndjson',
  loads: true,
  encode: (call, model) => encodeVerbatim(call, model) ?? encodeNeutral(call, model),
  decode: decodeResult,
  openDecoder: openStreamDecoder,
  decodeFailure,
  // What it remembers by its own token ids comes back in words that no part has.
  keptFromStreams: (call) =>
    call.kind !== 'embed' && call.extra['context'] !== undefined ? 'context' : undefined,
  goesOn: ollamaGoesOn,
  manyInputs: (call) => call.kind === 'embed' && typeof call.input[0] === 'string',
};

const headers = ['content-type', 'application/json'] as const;

/** A request in Ollama's own words passes with nothing but the model's name changed. */
function encodeVerbatim(call: Call, model: string): Encoded | undefined {
  const { wire } = call;
  const span = wire.spans.get('model');
  // The client's own words have no place for what another said of the answer.
  if (call.begun !== undefined) return undefined;
  if (wire.dialect !== 'ollama' || span === undefined || isGatewayContext(wire.value['context']))
    return undefined;
  const edits: Edit[] = [];
  const added = addedText(call);
  if (wire.value['model'] !== model || added !== '')
    edits.push({ ...span, text: `${JSON.stringify(model)}${added}` });
  const options = wire.spans.get('options');
  if (call.boundTokens !== undefined && options !== undefined)
    edits.push({ ...options, text: boundedOptions(call) });
  const flag = wire.spans.get('stream');
  // Where the client wants it whole, and it is collected here.
  if (call.stream && wire.value['stream'] === false && flag !== undefined)
    edits.push({ ...flag, text: 'true' });
  edits.sort((one, other) => one.start - other.start);
  const body = splice(wire.bytes, edits);
  return {
    request: { method: 'POST', path: `/api/${wire.endpoint}`, headers, body },
    verbatim: true,
    dropUsage: false,
  };
}

/** What the client did not say: how long the model is to stay, and how much a budget has left for the answer. */
function addedText(call: Call): string {
  const { value, spans } = call.wire;
  const { keepAlive } = call.engine;
  const isKept = keepAlive !== undefined && value['keep_alive'] === undefined;
  const kept = isKept ? `,"keep_alive":${JSON.stringify(keepAlive)}` : '';
  const isBounded = call.boundTokens !== undefined && !spans.has('options');
  return isBounded ? `${kept},"options":${boundedOptions(call)}` : kept;
}

function boundedOptions({ wire, boundTokens }: Call): string {
  return JSON.stringify({ ...asObject(wire.value['options']), num_predict: boundTokens });
}

function encodeNeutral(call: Call, model: string): Encoded {
  const { path, body } = encodeBody(call, model);
  return {
    request: { method: 'POST', path, headers, body: JSON.stringify(body) },
    verbatim: false,
    dropUsage: false,
  };
}

function encodeBody(call: Call, model: string): { path: string; body: object } {
  switch (call.kind) {
    case 'chat':
      return { path: '/api/chat', body: encodeChat(call, model) };
    case 'complete':
      return { path: '/api/generate', body: encodeComplete(call, model) };
    case 'embed':
      return { path: '/api/embed', body: encodeEmbed(call, model) };
  }
}
