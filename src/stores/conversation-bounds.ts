/** What is kept of a conversation when it grows too long: the same in every driver. */
import type { Content, Message } from '../core/call.ts';

export interface ConversationBounds {
  readonly messagesMax: number;
  readonly conversationBytesMax: number;
}

export interface ConversationsOptions extends ConversationBounds {
  /** How long one is kept after its last turn. */
  readonly ttlS: number;
  /** What all of them may hold together; those continued longest ago go first. */
  readonly bytesMax: number;
}

/** Drops the oldest turns, each a question with all that answered it, until the rest fits. Rules stay. */
export function withinBounds(messages: readonly Message[], options: ConversationBounds): readonly Message[] {
  const candidates = withoutRepeatedRules(messages);
  let count = candidates.length;
  let bytes = sizeOf(candidates);
  const tooMuch = () => count > options.messagesMax || bytes > options.conversationBytesMax;
  let dropping = tooMuch();
  const kept = candidates.filter((message) => {
    if (isRule(message)) return true;
    if (message.role === 'user') dropping = tooMuch();
    if (dropping) {
      count -= 1;
      bytes -= sizeOf([message]);
    }
    return !dropping;
  });
  return tooMuch() ? [] : kept;
}

/** Clients send the same rules with every turn; once is enough. */
function withoutRepeatedRules(messages: readonly Message[]): readonly Message[] {
  const seen = new Set<string>();
  return messages.filter((message) => {
    if (!isRule(message)) return true;
    const text = JSON.stringify(message);
    return !seen.has(text) && seen.add(text);
  });
}

function isRule({ role }: Message): boolean {
  return role === 'system' || role === 'developer';
}

export const bytesPerUnit = 2;
const messageBytes = 64;

/** An upper bound: strings take one or two bytes a unit, and objects a little beside them. */
export function sizeOf(messages: readonly Message[]): number {
  return messages.reduce((bytes, message) => bytes + messageBytes + unitsOf(message) * bytesPerUnit, 0);
}

function unitsOf({ content, reasoning = '', toolCalls = [], toolCallId = '', name = '' }: Message): number {
  const texts = typeof content === 'string' ? [content] : content.map(textOf);
  const calls = toolCalls.flatMap((call) => [call.id, call.name, call.arguments]);
  return [...texts, ...calls, reasoning, toolCallId, name].reduce((units, text) => units + text.length, 0);
}

function textOf(content: Content): string {
  if (content.type === 'other') return JSON.stringify(content.value);
  return content.type === 'text' ? content.text : content.url;
}
