/** The routes of Ollama's dialect, described: the fields that the gateway reads. All others go along to engines that know them. */
import { z } from 'zod';
import { bounds } from '../protocol/read.ts';
import type { DescribedRoutes } from './described-route.ts';

const engine = {
  options: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('`temperature`, `num_predict`, `seed`, `stop` and the others of the engine.'),
  keep_alive: z
    .union([z.string(), z.number()])
    .optional()
    .describe('How long the model stays loaded: `5m`, or seconds.'),
};
const texts = {
  ...engine,
  stream: z.boolean().optional().describe('Whether the answer comes as it is made; true when absent.'),
  format: z
    .union([z.enum(['json', '']), z.record(z.string(), z.unknown())])
    .optional()
    .describe('`json`, or the JSON Schema that the answer must fit.'),
  think: z.union([z.boolean(), z.enum(['low', 'medium', 'high', 'max'])]).optional(),
  logprobs: z.boolean().optional(),
  top_logprobs: z.int().min(0).max(bounds.topLogprobs).optional(),
};
const images = z.array(z.string()).max(bounds.images).optional().describe('In base64.');

const toolCall = z.looseObject({
  function: z.looseObject({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }),
});

const message = z
  .looseObject({
    role: z.enum(['system', 'user', 'assistant', 'tool', 'developer']),
    content: z.string().optional(),
    images,
    thinking: z.string().optional(),
    tool_calls: z.array(toolCall).optional(),
    tool_name: z.string().optional(),
    tool_call_id: z.string().optional(),
  })
  .meta({ id: 'OllamaMessage' });

const chatBody = z.looseObject({
  model: z.string(),
  messages: z
    .array(message)
    .max(bounds.messages)
    .optional()
    .describe('None asks to load the model, or with `keep_alive` 0 to unload it.'),
  tools: z
    .array(z.looseObject({ type: z.string() }))
    .max(bounds.tools)
    .optional(),
  ...texts,
});

const generateBody = z.looseObject({
  model: z.string(),
  prompt: z.string().optional().describe('None asks to load the model.'),
  system: z.string().optional(),
  template: z.string().optional(),
  suffix: z.string().optional(),
  raw: z.boolean().optional(),
  context: z.array(z.int()).max(200_000).optional().describe('Of the answer before.'),
  images,
  ...texts,
});

const end = {
  done: z.boolean(),
  done_reason: z.string().optional(),
  total_duration: z.int().optional().describe('In nanoseconds, as all durations.'),
  load_duration: z.int().optional(),
  prompt_eval_count: z.int().optional(),
  prompt_eval_duration: z.int().optional(),
  eval_count: z.int().optional(),
  eval_duration: z.int().optional(),
};

const chatAnswer = z
  .looseObject({ model: z.string(), created_at: z.string(), message, ...end })
  .meta({ id: 'OllamaChatAnswer' });
const generateAnswer = z
  .looseObject({
    model: z.string(),
    created_at: z.string(),
    response: z.string(),
    thinking: z.string().optional(),
    context: z.array(z.int()).optional(),
    ...end,
  })
  .meta({ id: 'OllamaGenerateAnswer' });

const lines = {
  type: 'application/x-ndjson',
  description: 'A JSON object on each line; the last has `done` true. A failure is a line with `error`.',
};

const details = z.looseObject({
  parent_model: z.string().optional(),
  format: z.string(),
  family: z.string(),
  families: z.array(z.string()).nullish(),
  parameter_size: z.string(),
  quantization_level: z.string(),
});

const named = {
  model: z.string().optional(),
  name: z.string().optional().describe('The older word for `model`.'),
};
const chosen = {
  upstreams: z
    .union([z.string(), z.array(z.string()).max(64)])
    .optional()
    .describe('The upstreams that are meant; every Ollama server when absent.'),
};
const transferBody = z.looseObject({
  ...named,
  insecure: z.boolean().optional(),
  stream: z.boolean().optional().describe('True when absent.'),
  ...chosen,
});
const createBody = z.looseObject({
  ...named,
  from: z.string().optional(),
  files: z.record(z.string(), z.string()).optional().describe('Digests of blobs, by file name.'),
  modelfile: z.string().optional(),
  stream: z.boolean().optional().describe('True when absent.'),
  ...chosen,
});
const progress = z
  .looseObject({
    status: z.string(),
    digest: z.string().optional(),
    total: z.number().optional(),
    completed: z.number().optional(),
  })
  .meta({ id: 'OllamaProgress' });
const transfer = {
  answer: progress,
  stream: {
    ...lines,
    item: progress,
    description: 'A JSON object on each line; the last says `success`. A failure is a line with `error`.',
  },
  choosesUpstreams: true,
} as const;
const digest = { name: 'digest', description: '`sha256:` and 64 hexadecimal digits.' };
const emptyBlob = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export const ollamaRoutes: DescribedRoutes = {
  'ollama.chat': {
    summary: 'A chat, by Ollama’s `/api/chat`',
    body: chatBody,
    answer: chatAnswer,
    stream: { ...lines, item: chatAnswer },
    example: { body: { model: 'gemma', messages: [{ role: 'user', content: 'Say hello.' }], stream: false } },
  },
  'ollama.generate': {
    summary: 'A prompt answered, by Ollama’s `/api/generate`',
    body: generateBody,
    answer: generateAnswer,
    stream: { ...lines, item: generateAnswer },
    example: { body: { model: 'gemma', prompt: 'Say hello.', stream: false } },
  },
  'ollama.embed': {
    summary: 'Vectors of texts, by Ollama’s `/api/embed`',
    body: z.looseObject({
      model: z.string(),
      input: z.union([z.string(), z.array(z.string()).max(bounds.inputs)]).optional(),
      truncate: z.boolean().optional(),
      dimensions: z.int().min(0).optional(),
      ...engine,
    }),
    answer: z.looseObject({
      model: z.string(),
      embeddings: z.array(z.array(z.number())),
      total_duration: z.int(),
      load_duration: z.int(),
      prompt_eval_count: z.int().optional(),
    }),
    example: { body: { model: 'gemma', input: ['a mill', 'a race'] } },
  },
  'ollama.embeddings': {
    summary: 'The vector of one text, by Ollama’s older `/api/embeddings`',
    body: z.looseObject({ model: z.string(), prompt: z.string().optional(), ...engine }),
    answer: z.looseObject({ embedding: z.array(z.number()) }),
    example: { body: { model: 'gemma', prompt: 'a mill race' } },
  },
  'ollama.root': {
    summary: 'Says that it runs, as Ollama does',
    answer: { type: 'text/plain', text: '`Ollama is running`' },
    example: {},
  },
  'ollama.version': {
    summary: 'The version of Ollama whose API this is',
    answer: z.looseObject({ version: z.string() }),
    example: {},
  },
  'ollama.tags': {
    summary: 'The models that the caller may ask for',
    answer: z.looseObject({
      models: z.array(
        z.looseObject({
          name: z.string(),
          model: z.string(),
          modified_at: z.string(),
          size: z.int(),
          digest: z.string(),
          details,
        }),
      ),
    }),
    example: {},
  },
  'ollama.ps': {
    summary: 'What is loaded now, on which Ollama server',
    answer: z.looseObject({
      models: z.array(z.looseObject({ name: z.string(), upstream: z.string() })),
    }),
    example: {},
  },
  'ollama.show': {
    summary: 'What a model is',
    body: z.looseObject({ ...named, verbose: z.boolean().optional() }),
    answer: z.looseObject({
      details,
      model_info: z.record(z.string(), z.unknown()),
      capabilities: z.array(z.string()).optional(),
    }),
    example: { body: { model: 'gemma' } },
  },
  'ollama.pull': {
    summary: 'Fetches a model to Ollama servers',
    body: transferBody,
    ...transfer,
    example: { body: { model: 'gemma2:2b', stream: false } },
  },
  'ollama.push': {
    summary: 'Sends a model from an Ollama server to its registry',
    body: transferBody,
    ...transfer,
    example: { body: { model: 'gemma2:2b', stream: false } },
  },
  'ollama.create': {
    summary: 'Makes a model on Ollama servers',
    body: createBody,
    ...transfer,
    example: { body: { model: 'terse', from: 'gemma2:2b', stream: false } },
  },
  'ollama.copy': {
    summary: 'Copies a model under another name, on Ollama servers',
    body: z.looseObject({ source: z.string(), destination: z.string(), ...chosen }),
    choosesUpstreams: true,
    example: { body: { source: 'gemma2:2b', destination: 'gemma2:kept' } },
  },
  'ollama.delete': {
    summary: 'Removes a model from Ollama servers',
    body: z.looseObject({ ...named, ...chosen }),
    choosesUpstreams: true,
    example: { body: { model: 'gemma2:kept' } },
  },
  'ollama.blob': {
    summary: 'Whether every Ollama server has a file of a model: 200 or 404',
    rest: digest,
    choosesUpstreams: true,
    example: { rest: emptyBlob },
  },
  'ollama.upload': {
    summary: 'Brings a file of a model to Ollama servers',
    rest: digest,
    body: 'bytes',
    choosesUpstreams: true,
    status: 201,
    otherwise: { 200: 'All servers have it already.' },
    example: { rest: emptyBlob },
  },
};
