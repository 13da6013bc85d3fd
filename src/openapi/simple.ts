/** The routes of the simple API, described. */
import { z } from 'zod';
import { bounds } from '../protocol/read.ts';
import type { DescribedRoutes } from './described-route.ts';
import { openaiMessage, openaiVectors } from './openai.ts';

const shared = {
  model: z.string().optional().describe('The gateway’s default model when absent.'),
  max_tokens: z.int().min(1).optional().describe('How long the answer may be.'),
  temperature: z.number().min(0).max(5).optional(),
};

const generateBody = z
  .looseObject({
    prompt: z.string().min(1),
    ...shared,
    max_tokens: z.int().min(1).optional().describe('512 when absent.'),
    temperature: z.number().min(0).max(5).optional().describe('0.7 when absent.'),
    stream: z.boolean().optional().describe('Whether the answer comes word by word; false when absent.'),
  })
  .meta({ id: 'GenerateBody' });

const question = {
  query: z.string().min(1),
  context: z.string().optional().describe('What the model should know before it reads the question.'),
  ...shared,
  max_tokens: z.int().min(1).optional().describe('500 when absent.'),
};
const completeBody = z.looseObject(question).meta({ id: 'CompleteBody' });

const chatBody = z
  .looseObject({
    message: z.string().min(1).optional().describe('What is said now. This or `messages`.'),
    messages: z.array(openaiMessage).min(1).max(bounds.messages).optional(),
    conversation_id: z
      .string()
      .regex(/^[A-Za-z0-9._:-]{1,128}$/)
      .optional()
      .describe('Of the answer before; absent where a conversation begins.'),
    ...shared,
  })
  .meta({ id: 'ChatBody' });

const embeddingsBody = z
  .looseObject({
    input: z
      .union([z.string(), z.array(z.string()).min(1).max(bounds.inputs)])
      .optional()
      .describe('A text or several. This, `text` or `prompt`.'),
    text: z.union([z.string(), z.array(z.string())]).optional(),
    prompt: z.union([z.string(), z.array(z.string())]).optional(),
    model: z.string().optional().describe('The gateway’s default model when absent.'),
    dimensions: z.int().min(1).optional(),
    encoding_format: z.enum(['float', 'base64']).optional(),
  })
  .meta({ id: 'EmbeddingsBody' });

const answer = z.looseObject({ response: z.string() }).meta({ id: 'TextAnswer' });
const chatAnswer = z
  .looseObject({
    response: z.string(),
    conversation_id: z.string().describe('Send it with what is said next.'),
  })
  .meta({ id: 'ChatAnswer' });
const token = z.looseObject({ token: z.string() }).meta({ id: 'TokenEvent' });

const stream = {
  type: 'text/event-stream',
  item: token,
  description: 'Server-sent events; the last one is `data: [DONE]`. A failure is an event with `error`.',
};

export const simpleRoutes: DescribedRoutes = {
  'simple.generate': {
    summary: 'A prompt in, a text out',
    body: generateBody,
    answer,
    stream,
    example: { body: { prompt: 'Name three rivers.', max_tokens: 64 } },
  },
  'simple.complete': {
    summary: 'A question in, an answer out, or 504 within 30 seconds',
    body: completeBody,
    answer,
    example: { body: { query: 'What is a mill race?', context: 'You explain in one sentence.' } },
  },
  'simple.stream': {
    summary: 'A question in, an answer out word by word',
    body: completeBody,
    stream,
    streamsOnly: true,
    example: { body: { query: 'What is a mill race?' } },
  },
  'simple.chat': {
    summary: 'A conversation that the gateway keeps',
    body: chatBody,
    answer: chatAnswer,
    example: { body: { message: 'My name is Ada.' } },
  },
  'simple.embeddings': {
    summary: 'Vectors of texts',
    body: embeddingsBody,
    answer: openaiVectors,
    example: { body: { text: 'a mill race' } },
  },
};
