/**
 * The client's own bytes, with the model's name at the upstream and, on streams, a request for usage; and with the
 * beginning of the answer where only the rest is wanted.
 */
import type { Call, JsonObject } from '../../core/call.ts';
import { asObject } from '../../core/json-object.ts';
import { messagesWithBegun, promptWithBegun } from '../../protocol/begun-message.ts';
import { type Edit, splice } from '../../protocol/splice.ts';
import { boundName, encodeMessage, goingOn } from './encode.ts';

export function passOn(call: Call, model: string): Uint8Array {
  const { bytes, spans, value } = call.wire;
  const edits: Edit[] = [];
  const at = spans.get('model');
  if (at !== undefined && call.model !== model) edits.push({ ...at, text: JSON.stringify(model) });
  if (call.stream && call.kind !== 'embed') {
    // Where the client wants it whole, and it is collected here.
    if (value['stream'] !== true) edits.push(setTo(call, 'stream', 'true'));
    if (!call.wantsUsage) {
      const asked = { ...asObject(value['stream_options']), include_usage: true };
      edits.push(setTo(call, 'stream_options', JSON.stringify(asked)));
    }
  }
  if (call.begun !== undefined || call.boundTokens !== undefined) edits.push(...ourEdits(call, model));
  edits.sort((one, other) => one.start - other.start);
  return splice(bytes, edits);
}

function ourEdits(call: Call, model: string): readonly Edit[] {
  if (call.kind === 'embed') return [];
  return Object.entries({ ...boundFields(call, model), ...begunFields(call) }).map(([key, json]) =>
    setTo(call, key, JSON.stringify(json)),
  );
}

type TextCall = Exclude<Call, { kind: 'embed' }>;

/** By how many names a server may be told how long an answer may be. */
const bounds = ['max_completion_tokens', 'max_tokens', 'n_predict'] as const;

/** Where it is not the client's own: by the name that the client used, or by the one that servers take. */
function boundFields(call: TextCall, model: string): JsonObject {
  const { maxTokens } = call.sampling;
  if (maxTokens === undefined) return {};
  const said = bounds.filter((name) => typeof call.wire.value[name] === 'number');
  const names = said.length === 0 ? [boundName(call, model)] : said;
  return Object.fromEntries(names.map((name) => [name, maxTokens]));
}

/** The client's messages stay as it wrote them: only what is behind them is ours. */
function begunFields(call: TextCall): JsonObject {
  if (call.begun === undefined) return {};
  if (call.kind === 'complete') return { prompt: promptWithBegun(call) };
  const { messages } = call.wire.value;
  const added = messagesWithBegun(call).slice(call.messages.length).map(encodeMessage);
  return { messages: [...(Array.isArray(messages) ? messages : []), ...added], ...goingOn(call) };
}

function setTo({ wire: { bytes, spans } }: Call, key: string, json: string): Edit {
  const there = spans.get(key);
  if (there !== undefined) return { ...there, text: json };
  const start = bytes.indexOf(0x7b) + 1;
  return { start, end: start, text: `"${key}":${json},` };
}
