/** The client's own bytes, with the model's name at the upstream and, on streams, a request for usage. */

import type { Call } from '../../core/call.ts';
import { asObject } from '../../core/json-object.ts';
import { type Edit, splice } from '../../protocol/splice.ts';

export function passOn(call: Call, model: string): Uint8Array {
  const { bytes, spans, value } = call.wire;
  const edits: Edit[] = [];
  const at = spans.get('model');
  if (at !== undefined && call.model !== model) edits.push({ ...at, text: JSON.stringify(model) });
  if (call.stream && call.kind !== 'embed' && !call.wantsUsage) {
    const options = spans.get('stream_options');
    const asked = JSON.stringify({ ...asObject(value['stream_options']), include_usage: true });
    if (options !== undefined) edits.push({ ...options, text: asked });
    else edits.push({ ...afterOpeningBrace(bytes), text: `"stream_options":${asked},` });
  }
  edits.sort((one, other) => one.start - other.start);
  return splice(bytes, edits);
}

function afterOpeningBrace(bytes: Uint8Array): { start: number; end: number } {
  const at = bytes.indexOf(0x7b) + 1;
  return { start: at, end: at };
}
