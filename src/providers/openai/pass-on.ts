/** The client's own bytes, with the model's name at the upstream and, on streams, a request for usage. */

import type { Call } from '../../core/call.ts';
import { asObject } from '../../core/json-object.ts';
import { type Edit, splice } from '../../protocol/splice.ts';

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
  edits.sort((one, other) => one.start - other.start);
  return splice(bytes, edits);
}

function setTo({ wire: { bytes, spans } }: Call, key: string, json: string): Edit {
  const there = spans.get(key);
  if (there !== undefined) return { ...there, text: json };
  const start = bytes.indexOf(0x7b) + 1;
  return { start, end: start, text: `"${key}":${json},` };
}
