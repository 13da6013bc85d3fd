/** Ollama's native API as an upstream: `/api/chat`, `/api/generate`, `/api/embed`. */
import type { Adapter, Encoded } from '../../core/adapter.ts';
import type { Call } from '../../core/call.ts';
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
  // A body of the client's own that does not say how long its model is to stay.
  const { keepAlive } = call.engine;
  const kept =
    keepAlive === undefined || wire.value['keep_alive'] !== undefined ? '' : keepAliveText(keepAlive);
  if (wire.value['model'] !== model || kept !== '')
    edits.push({ ...span, text: `${JSON.stringify(model)}${kept}` });
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

function keepAliveText(keepAlive: string | number): string {
  return `,"keep_alive":${JSON.stringify(keepAlive)}`;
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
