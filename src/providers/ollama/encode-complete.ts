/** A text to be carried on, as the body of `/api/generate`. */
import type { CompleteCall } from '../../core/call.ts';
import { promptWithBegun } from '../../protocol/begun-message.ts';
import { bareBase64 } from './encode-messages.ts';
import { encodeShared } from './encode-options.ts';
import { cannot, ownExtra } from './refuse.ts';

/** Raw, because a completion has no template; except with a suffix, which only the model's template can place. */
export function encodeComplete(call: CompleteCall, model: string): object {
  if (call.echo === true) throw cannot('echo', 'repeat the prompt');
  return {
    ...ownExtra(call),
    model,
    prompt: onePrompt(promptWithBegun(call)),
    suffix: call.suffix,
    raw: call.suffix === undefined || call.suffix === '',
    images: call.images?.map((image, index) => bareBase64(image, `images[${index}]`)),
    ...encodeShared(call),
  };
}

function onePrompt(prompt: CompleteCall['prompt']): string {
  const [first = '', ...others] = typeof prompt === 'string' ? [prompt] : prompt;
  if (others.length > 0) throw cannot('prompt', 'answer several prompts at once');
  if (typeof first !== 'string') throw cannot('prompt', 'take token ids');
  if (first === '') throw cannot('prompt', 'carry on an empty text');
  return first;
}
