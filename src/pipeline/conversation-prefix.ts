/**
 * A number for the beginning of a conversation: all its requests have the same, and other conversations another. It takes
 * in everything up to the first answer, so that a system prompt, which many conversations share, stands for none of
 * them; and a request without an answer in it stands at the beginning of none.
 */
import type { Call, Message } from '../core/call.ts';
import { hashText } from '../lib/hash-text.ts';

/** Looked at for each message, besides its length: what differs later on differs in the first answer as well. */
const charsMax = 256;
const messagesMax = 16;

export function conversationPrefix(call: Call): number {
  if (call.kind !== 'chat') return 0;
  const { messages } = call;
  const first = messages.findIndex(({ role }) => role === 'assistant');
  // An answer at the very end is one that is to be gone on with.
  if (first < 0 || first === messages.length - 1) return 0;
  let hash = 0;
  for (const message of messages.slice(Math.max(0, first + 1 - messagesMax), first + 1)) {
    const text = textOf(message);
    hash = hashText(`${message.role} ${text.length} ${text.slice(0, charsMax)}`, hash);
  }
  return hash === 0 ? 1 : hash;
}

function textOf({ content, toolCalls }: Message): string {
  const text =
    typeof content === 'string'
      ? content
      : content.map((part) => ('text' in part ? part.text : part.type)).join(' ');
  return toolCalls === undefined ? text : `${text} ${toolCalls.map((call) => call.arguments).join(' ')}`;
}
