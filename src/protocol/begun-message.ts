/** The beginning of an answer that somebody else said, as the message that is gone on with. */
import type { ChatCall, CompleteCall, Message } from '../core/call.ts';

/** What is sent in place of the client's messages; the same where nothing was begun. */
export function messagesWithBegun({ messages, begun }: ChatCall): readonly Message[] {
  if (begun === undefined || begun.text === '') return messages;
  const { text: content, reasoning } = begun;
  return [...messages, { role: 'assistant', content, ...(reasoning === '' ? {} : { reasoning }) }];
}

/** A prompt and its answer are one text. Only one text is gone on with. */
export function promptWithBegun({ prompt, begun }: CompleteCall): CompleteCall['prompt'] {
  return begun === undefined || typeof prompt !== 'string' ? prompt : prompt + begun.text;
}
