/** Conversations as they lie in Redis: JSON, believed only where it is what we would have written. */
import { z } from 'zod';
import type { JsonObject } from '../../core/call.ts';
import type { KeptConversation } from '../../core/ports.ts';

const text = z.string();
const object = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

const content = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text'), text }),
  z.looseObject({ type: z.literal('image'), url: text }),
  z.looseObject({ type: z.literal('other'), name: text, value: object }),
]);

const messages = z.array(
  z.looseObject({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
    content: z.union([text, z.array(content)]),
    reasoning: text.optional(),
    toolCalls: z.array(z.looseObject({ id: text, name: text, arguments: text })).optional(),
    toolCallId: text.optional(),
    name: text.optional(),
  }),
);

const conversation = z.object({ id: text, messages });

/** Nothing when it is no conversation. */
export function parseConversation(json: string): KeptConversation | undefined {
  try {
    const parsed = conversation.safeParse(JSON.parse(json));
    return parsed.success ? (parsed.data as KeptConversation) : undefined;
  } catch {
    return undefined;
  }
}
