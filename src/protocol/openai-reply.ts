/** What every answer of OpenAI's chat and completions begins with, and how a stream frames it. */
import type { JsonObject } from '../core/call.ts';
import type { ReplyFacts } from '../core/exchange.ts';

const prefixes = {
  'chat.completion': 'chatcmpl',
  'chat.completion.chunk': 'chatcmpl',
  text_completion: 'cmpl',
} as const;

export function openaiHead(facts: ReplyFacts, object: keyof typeof prefixes) {
  return {
    id: `${prefixes[object]}-${facts.id}`,
    object,
    created: Math.floor(facts.wallMs / 1000),
    model: facts.model,
    ...begunHead(facts),
  };
}

/** What stays as the client has read it where another goes on with the answer. */
const kept = ['id', 'created', 'system_fingerprint', 'service_tier'] as const;

function begunHead({ head }: ReplyFacts): JsonObject {
  if (head === undefined) return {};
  return Object.fromEntries(kept.flatMap((key) => (head[key] === undefined ? [] : [[key, head[key]]])));
}

export function openaiEvent(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

export const openaiDone = 'data: [DONE]\n\n';
