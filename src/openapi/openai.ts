/** The routes of OpenAI's dialect, described: the fields that the gateway reads. All others go along to engines that know them. */
import { z } from 'zod';
import { bounds } from '../protocol/read.ts';
import type { DescribedRoutes } from './described-route.ts';

const penalty = z.number().min(-2).max(2).optional();

/** What chat and completions share. */
const sampling = {
  max_tokens: z.int().min(0).optional().describe('How long the answer may be.'),
  max_completion_tokens: z.int().min(0).optional().describe('The same; it goes before `max_tokens`.'),
  temperature: z.number().min(0).max(5).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.int().optional().describe('Known to local engines.'),
  min_p: z.number().min(0).max(1).optional().describe('Known to local engines.'),
  seed: z.int().optional(),
  stop: z
    .union([z.string(), z.array(z.string()).max(bounds.stops)])
    .optional()
    .describe('What ends the answer.'),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  repeat_penalty: z.number().optional().describe('Known to local engines.'),
  n: z.int().min(1).max(bounds.choices).optional().describe('How many answers.'),
};

const engine = {
  keep_alive: z
    .union([z.string(), z.number()])
    .optional()
    .describe('How long an Ollama server keeps the model loaded: `5m`, or seconds.'),
  options: z.record(z.string(), z.unknown()).optional().describe('Options of local engines.'),
};

const thinking = {
  think: z.union([z.boolean(), z.enum(['low', 'medium', 'high'])]).optional(),
  reasoning_effort: z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh']).optional(),
  response_format: z
    .union([
      z.looseObject({ type: z.enum(['text', 'json_object']) }),
      z.looseObject({
        type: z.literal('json_schema'),
        json_schema: z.looseObject({
          schema: z.record(z.string(), z.unknown()),
          name: z.string().optional(),
          strict: z.boolean().optional(),
        }),
      }),
    ])
    .optional(),
};

const stream = {
  stream: z.boolean().optional().describe('Whether the answer comes as it is made; false when absent.'),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).optional(),
};

const toolCall = z.looseObject({
  id: z.string().optional(),
  type: z.literal('function').optional(),
  function: z.looseObject({ name: z.string(), arguments: z.string() }),
});

const part = z
  .looseObject({ type: z.string() })
  .describe('`text` with `text`, `image_url` with `image_url.url`; others go along as they are.');

export const openaiMessage = z
  .looseObject({
    role: z.enum(['user', 'assistant', 'system', 'developer', 'tool']),
    content: z
      .union([z.string(), z.array(part), z.null()])
      .optional()
      .describe(`Only an assistant's may be absent. At most ${bounds.images} images in a request.`),
    name: z.string().optional(),
    tool_call_id: z.string().optional(),
    tool_calls: z.array(toolCall).max(bounds.tools).optional(),
    reasoning_content: z.string().optional(),
  })
  .meta({ id: 'OpenaiMessage' });

const tool = z.looseObject({
  type: z.literal('function'),
  function: z.looseObject({
    name: z.string(),
    description: z.string().optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
    strict: z.boolean().optional(),
  }),
});

const chatBody = z.looseObject({
  model: z.string(),
  messages: z.array(openaiMessage).min(1).max(bounds.messages),
  ...stream,
  tools: z.array(tool).max(bounds.tools).optional(),
  tool_choice: z
    .union([
      z.enum(['auto', 'none', 'required']),
      z.looseObject({ function: z.looseObject({ name: z.string() }) }),
    ])
    .optional(),
  parallel_tool_calls: z.boolean().optional(),
  ...sampling,
  logprobs: z.boolean().optional(),
  top_logprobs: z.int().min(0).max(bounds.topLogprobs).optional(),
  ...thinking,
  ...engine,
});

const usage = z
  .looseObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() })
  .meta({ id: 'OpenaiUsage' });

const head = { id: z.string(), created: z.int(), model: z.string() };
const finish = z.enum(['stop', 'length', 'tool_calls', 'content_filter', 'function_call']);

const chatAnswer = z.looseObject({
  ...head,
  object: z.literal('chat.completion'),
  choices: z.array(
    z.looseObject({
      index: z.int(),
      message: z.looseObject({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        refusal: z.string().nullish(),
        reasoning_content: z.string().nullish(),
        tool_calls: z.array(toolCall).nullish(),
      }),
      finish_reason: finish.nullable(),
    }),
  ),
  usage: usage.optional(),
});

const chatChunk = z
  .looseObject({
    ...head,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.looseObject({
        index: z.int(),
        delta: z.looseObject({
          role: z.string().optional(),
          content: z.string().nullish(),
          reasoning_content: z.string().nullish(),
        }),
        finish_reason: finish.nullable(),
      }),
    ),
    usage: usage.nullish(),
  })
  .meta({ id: 'OpenaiChatChunk' });

const input = z
  .union([
    z.string(),
    z.array(z.string()).min(1).max(bounds.inputs),
    z.array(z.int()).min(1).max(bounds.inputs),
    z.array(z.array(z.int()).max(100_000)).min(1).max(bounds.inputs),
  ])
  .describe('A text, several, or the same as token ids.');

const completionBody = z.looseObject({
  model: z.string(),
  prompt: input,
  suffix: z.string().optional(),
  echo: z.boolean().optional(),
  ...stream,
  ...sampling,
  logprobs: z.int().min(0).max(5).optional(),
  best_of: z.int().min(1).max(bounds.choices).optional(),
  ...thinking,
  ...engine,
});

const completion = z.looseObject({
  ...head,
  object: z.literal('text_completion'),
  choices: z.array(z.looseObject({ index: z.int(), text: z.string(), finish_reason: finish.nullable() })),
  usage: usage.nullish(),
});

const embeddingsBody = z.looseObject({
  model: z.string(),
  input,
  dimensions: z.int().min(1).optional(),
  encoding_format: z.enum(['float', 'base64']).optional(),
  ...engine,
});

export const openaiVectors = z
  .looseObject({
    object: z.literal('list'),
    data: z.array(
      z.looseObject({
        object: z.literal('embedding'),
        index: z.int(),
        embedding: z
          .union([z.array(z.number()), z.string()])
          .describe('Little-endian float32 in base64 where that was asked for.'),
      }),
    ),
    model: z.string(),
    usage: z.looseObject({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .meta({ id: 'OpenaiVectors' });

const model = z
  .looseObject({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() })
  .meta({ id: 'OpenaiModel' });

const endsWithDone =
  'Server-sent events; the last one is `data: [DONE]`. A failure is an event with `error`.';
const eventStream = 'text/event-stream';

export const openaiRoutes: DescribedRoutes = {
  'openai.chat': {
    summary: 'A chat, by OpenAI’s `/v1/chat/completions`',
    body: chatBody,
    answer: chatAnswer,
    stream: { type: eventStream, item: chatChunk, description: endsWithDone },
    example: {
      body: { model: 'gemma', messages: [{ role: 'user', content: 'Say hello.' }], max_tokens: 64 },
    },
  },
  'openai.completions': {
    summary: 'A text carried on, by OpenAI’s `/v1/completions`',
    body: completionBody,
    answer: completion,
    stream: {
      type: eventStream,
      item: completion.meta({ id: 'OpenaiCompletionChunk' }),
      description: endsWithDone,
    },
    example: { body: { model: 'gemma', prompt: 'Once upon a time', max_tokens: 64 } },
  },
  'openai.embeddings': {
    summary: 'Vectors of texts, by OpenAI’s `/v1/embeddings`',
    body: embeddingsBody,
    answer: openaiVectors,
    example: { body: { model: 'gemma', input: ['a mill', 'a race'] } },
  },
  'openai.models': {
    summary: 'The models that the caller may ask for',
    answer: z.looseObject({ object: z.literal('list'), data: z.array(model) }),
    example: {},
  },
  'openai.model': {
    summary: 'One model',
    rest: { name: 'model', description: 'Its name, which may hold a `/`.' },
    answer: model,
    example: { rest: 'gemma' },
  },
};
