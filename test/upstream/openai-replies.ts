import {
  type Answer,
  type Ask,
  begunIn,
  composeAnswer,
  contentText,
  countWords,
  splitBegun,
} from './answer.ts';
import type { Behaviour } from './behaviour.ts';
import { embed, toBase64 } from './embedding.ts';
import { fieldsOf, listOf, textOf } from './json.ts';
import { type Frame, jsonReply, type Reply, replayable, sseEvent, sseReply } from './reply.ts';
import { bornAt, type RouteContext, type Routes } from './route.ts';

export const openaiRoutes: Routes = {
  'POST /v1/chat/completions': (context) => answer(context, chat),
  'POST /v1/completions': (context) => answer(context, completion),
  'POST /v1/embeddings': embeddings,
  'GET /v1/models': ({ library }) => jsonReply({ object: 'list', data: library.models().map(modelRow) }),
};

export function openaiFailure(status: number, message: string): Reply {
  const [type, code] = failureTypes[status] ?? [
    status >= 500 ? 'server_error' : 'invalid_request_error',
    null,
  ];
  return jsonReply({ error: { message, type, param: null, code } }, { status });
}

const failureTypes: Readonly<Record<number, readonly [string, string | null]>> = {
  401: ['invalid_request_error', 'invalid_api_key'],
  404: ['invalid_request_error', 'model_not_found'],
  429: ['requests', 'rate_limit_exceeded'],
};

/** Where the two generating endpoints differ. */
interface Shape {
  readonly prefix: string;
  readonly object: string;
  readonly chunkObject: string;
  ask(body: Readonly<Record<string, unknown>>, behaviour: Behaviour): Ask;
  whole(answer: Answer): Readonly<Record<string, unknown>>;
  /** The chunks of one choice: what goes beside its index, and whether it is content. */
  chunks(answer: Answer): Iterable<readonly [Frame['kind'], Readonly<Record<string, unknown>>]>;
}

const unset = Number.POSITIVE_INFINITY;

const chat: Shape = {
  prefix: 'chatcmpl',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  ask: askOfChat,
  whole: ({ text, reasoning, toolCalls }) => ({
    message: {
      role: 'assistant',
      content: toolCalls.length > 0 ? null : text,
      refusal: null,
      ...(reasoning.length > 0 ? { reasoning_content: reasoning.join('') } : {}),
      ...(toolCalls.length > 0 ? { tool_calls: toolCalls.map(wholeToolCall) } : {}),
    },
  }),
  *chunks({ texts, reasoning, toolCalls }) {
    yield ['other', { delta: { role: 'assistant', content: '' } }];
    for (const text of reasoning) yield ['content', { delta: { reasoning_content: text } }];
    for (const text of texts) yield ['content', { delta: { content: text } }];
    for (const [index, call] of toolCalls.entries()) {
      const { id, type, function: called } = wholeToolCall(call, index);
      const start = { index, id, type, function: { name: called.name, arguments: '' } };
      yield ['content', { delta: { tool_calls: [start] } }];
      for (const fragment of called.arguments.match(/.{1,6}/gsu) ?? []) {
        yield ['content', { delta: { tool_calls: [{ index, function: { arguments: fragment } }] } }];
      }
    }
  },
};

const completion: Shape = {
  prefix: 'cmpl',
  object: 'text_completion',
  chunkObject: 'text_completion',
  ask: (body, { chunks }) => ({
    begun: begunIn(promptText(body['prompt']), chunks),
    lastText: promptText(body['prompt']),
    lastRole: 'user',
    promptTokens: countWords(body['prompt']),
    tools: [],
    toolChoice: 'none',
    schema: undefined,
    thinks: false,
    tokensMax: Number(body['max_tokens'] ?? unset),
  }),
  whole: ({ text }) => ({ text }),
  *chunks({ texts }) {
    for (const text of texts) yield ['content', { text }];
  },
};

function answer(context: RouteContext, shape: Shape): Reply {
  const body = fieldsOf(context.json);
  const composed = composeAnswer(shape.ask(body, context.behaviour), context.behaviour);
  const choices = Array.from({ length: Number(body['n'] ?? 1) }, (_, index) => index);
  const head = {
    id: context.behaviour.id ?? `${shape.prefix}-fake-${context.serial}`,
    created: Math.floor(bornAt.getTime() / 1000),
    model: body['model'] ?? null,
  };
  if (body['stream'] !== true) {
    const rows = choices.map((index) => ({
      index,
      ...shape.whole(composed),
      logprobs: null,
      finish_reason: composed.finish,
    }));
    const whole = { ...head, object: shape.object, choices: rows, ...usageField(composed) };
    return jsonReply(whole, { tokens: composed.tokens });
  }
  const frames = replayable(() => streamFrames(composed, shape, { head, choices, body }));
  return sseReply(frames, {
    error: { message: 'the model failed', type: 'server_error', param: null, code: 500 },
  });
}

interface StreamParts {
  readonly head: Readonly<Record<string, unknown>>;
  readonly choices: readonly number[];
  readonly body: Readonly<Record<string, unknown>>;
}

function* streamFrames(
  composed: Answer,
  shape: Shape,
  { head, choices, body }: StreamParts,
): Generator<Frame> {
  const includeUsage = fieldsOf(body['stream_options'])['include_usage'] === true;
  const noUsage = includeUsage ? { usage: null } : {};
  const frame = (kind: Frame['kind'], fields: Readonly<Record<string, unknown>>): Frame => ({
    kind,
    text: sseEvent({ ...head, object: shape.chunkObject, ...fields, ...('usage' in fields ? {} : noUsage) }),
  });
  const choice = (
    index: number,
    fields: Readonly<Record<string, unknown>>,
    finish: string | null = null,
  ) => ({
    choices: [{ index, ...fields, logprobs: null, finish_reason: finish }],
  });
  for (const index of choices) {
    for (const [kind, fields] of shape.chunks(composed)) yield frame(kind, choice(index, fields));
    const last = shape === chat ? { delta: {} } : { text: '' };
    if (composed.finish !== null) yield frame('other', choice(index, last, composed.finish));
  }
  if (includeUsage && composed.usage !== undefined) {
    yield frame('other', { choices: [], ...usageField(composed) });
  }
  yield { kind: 'end', text: 'data: [DONE]\n\n' };
}

function usageField({ usage }: Answer): Readonly<Record<string, unknown>> {
  if (usage === undefined) return {};
  const { prompt, completion: completed } = usage;
  return { usage: { prompt_tokens: prompt, completion_tokens: completed, total_tokens: prompt + completed } };
}

function askOfChat(body: Readonly<Record<string, unknown>>): Ask {
  const all = listOf(body['messages']).map(fieldsOf);
  // As vLLM has it: without the word for it, a last message of the assistant is a turn that is over.
  const isOpen = body['continue_final_message'] === true && body['add_generation_prompt'] === false;
  const { begun, before } = isOpen ? splitBegun(all) : { begun: undefined, before: all };
  const last = before.at(-1) ?? {};
  const effort = body['reasoning_effort'];
  return {
    begun,
    lastText: contentText(last['content']),
    lastRole: textOf(last['role']),
    promptTokens: countWords(body['messages']),
    tools: listOf(body['tools']),
    toolChoice: toolChoiceOf(body['tool_choice']),
    schema: schemaOf(fieldsOf(body['response_format'])),
    thinks: effort !== undefined && effort !== 'none',
    tokensMax: Number(body['max_completion_tokens'] ?? body['max_tokens'] ?? unset),
  };
}

function toolChoiceOf(choice: unknown): Ask['toolChoice'] {
  if (choice === undefined || choice === 'auto') return 'auto';
  return choice === 'none' ? 'none' : 'required';
}

function schemaOf(format: Readonly<Record<string, unknown>>): unknown {
  if (format['type'] === 'json_object') return { type: 'object' };
  return format['type'] === 'json_schema' ? fieldsOf(format['json_schema'])['schema'] : undefined;
}

function wholeToolCall(call: Answer['toolCalls'][number], index: number) {
  return {
    id: `call_fake_${index}`,
    type: 'function',
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  };
}

/** A prompt is a text, a list of texts, or tokens, of which only the number means anything here. */
function promptText(prompt: unknown): string {
  return typeof prompt === 'string' ? prompt : listOf(prompt).map(String).join(' ');
}

function embeddings({ json }: RouteContext): Reply {
  const { input, model, dimensions, encoding_format: format } = fieldsOf(json);
  const data = embeddingTexts(input).map((text, index) => {
    const vector = embed(text, dimensions === undefined ? undefined : Number(dimensions));
    return { object: 'embedding', index, embedding: format === 'base64' ? toBase64(vector) : vector };
  });
  const tokens = countWords(input);
  return jsonReply({ object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } });
}

function embeddingTexts(input: unknown): readonly string[] {
  const isOne = !Array.isArray(input) || typeof input[0] === 'number';
  return isOne ? [promptText(input)] : input.map(promptText);
}

const modelRow = (id: string) => ({
  id,
  object: 'model',
  created: Math.floor(bornAt.getTime() / 1000),
  owned_by: 'fake-llm',
});
