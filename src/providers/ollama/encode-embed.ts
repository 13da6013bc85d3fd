/** Texts to embed, as the body of `/api/embed`. */
import type { EmbedCall } from '../../core/call.ts';
import { encodeOptions } from './encode-options.ts';
import { cannot, ownExtra } from './refuse.ts';

export function encodeEmbed(call: EmbedCall, model: string): object {
  return {
    ...ownExtra(call),
    model,
    input: texts(call.input),
    // Ollama cuts long texts unless told not to; no other dialect's client expects half its text embedded.
    truncate: call.truncate ?? (call.wire.dialect === 'ollama' ? undefined : false),
    dimensions: call.dimensions,
    options: encodeOptions({}, call.engine),
    keep_alive: call.engine.keepAlive,
  };
}

function texts(input: EmbedCall['input']): readonly string[] {
  return input.map((entry, index) => {
    if (typeof entry === 'string') return entry;
    throw cannot(`input[${index}]`, 'embed token ids; send text');
  });
}
