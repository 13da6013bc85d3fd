/**
 * The client's own bytes, with the model's name at the upstream and, on streams, a request for usage; and with the
 * beginning of the answer where only the rest is wanted.
 */
import type { Call, JsonObject } from '../../core/call.ts';
import { asObject } from '../../core/json-object.ts';
import { messagesWithBegun, promptWithBegun } from '../../protocol/begun-message.ts';
import { type Edit, splice } from '../../protocol/splice.ts';
import { encodeMessage, goingOn } from './encode.ts';

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
  if (call.begun !== undefined) edits.push(...begunEdits(call));
  edits.sort((one, other) => one.start - other.start);
  return splice(bytes, edits);
}

/** By how many names a server may be told how long an answer may be. */
const bounds = ['max_completion_tokens', 'max_tokens', 'n_predict'] as const;

function begunEdits(call: Call): readonly Edit[] {
  if (call.kind === 'embed') return [];
  const { value } = call.wire;
  const max = call.sampling.maxTokens;
  const bounded = bounds.filter((name) => max !== undefined && typeof value[name] === 'number');
  const changed = Object.fromEntries(bounded.map((name) => [name, max]));
  return Object.entries({ ...changed, ...begunFields(call) }).map(([key, json]) =>
    setTo(call, key, JSON.stringify(json)),
  );
}

/** The client's messages stay as it wrote them: only what is behind them is ours. */
function begunFields(call: Exclude<Call, { kind: 'embed' }>): JsonObject {
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
