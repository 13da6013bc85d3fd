/** `POST /v1/chat/completions`. */
import { randomUUID } from 'node:crypto';
import { parseChatPrompt } from './chat-prompt.ts';
import type { Engine } from './engine.ts';
import type { Fields } from './fields.ts';
import { parseGeneration, parseStreamWish } from './generation-fields.ts';
import { type Exchange, type Shape, sendReply } from './reply.ts';

export async function answerChat(exchange: Exchange, fields: Fields): Promise<void> {
  const wish = parseStreamWish(fields);
  const generation = await parseGeneration(exchange.engine, fields, {
    field: 'messages',
    parse: parseChatPrompt,
  });
  await sendReply(exchange, generation, { shape: chatShape(exchange.engine), wish });
}

function chatShape(engine: Engine): Shape {
  const base = {
    id: `chatcmpl-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: engine.name,
  };
  return {
    whole: { ...base, object: 'chat.completion' },
    chunk: { ...base, object: 'chat.completion.chunk' },
    opening: { delta: { role: 'assistant', content: '' } },
    wholeChoice: (content) => ({ message: { role: 'assistant', content, refusal: null } }),
    chunkChoice: (content) => ({ delta: { content } }),
    lastChoice: { delta: {} },
  };
}
