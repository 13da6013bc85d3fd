import {
  type Answer,
  type Ask,
  begunIn,
  composeAnswer,
  contentText,
  countWords,
  splitBegun,
} from './answer.ts';
import type { Behaviour, ToolCall } from './behaviour.ts';
import { embed } from './embedding.ts';
import { fieldsOf, listOf, textOf } from './json.ts';
import { type Frame, jsonReply, ndjsonLine, ndjsonReply, type Reply, replayable } from './reply.ts';
import { bornAt, type RouteContext, type Routes } from './route.ts';

/** The part of Ollama's API that runs models. */
export const ollamaRoutes: Routes = {
  'POST /api/chat': (context) => answer(context, chat),
  'POST /api/generate': (context) => answer(context, generate),
  'POST /api/embed': ({ json }) => {
    const { model, input, dimensions } = fieldsOf(json);
    const texts = (Array.isArray(input) ? input : [input]).map(textOf);
    const embeddings = texts.map((text) =>
      embed(text, dimensions === undefined ? undefined : Number(dimensions)),
    );
    return jsonReply({
      model,
      embeddings,
      total_duration: 14_143_917,
      load_duration: 1_019_500,
      prompt_eval_count: countWords(input),
    });
  },
  'POST /api/embeddings': ({ json }) => jsonReply({ embedding: embed(textOf(fieldsOf(json)['prompt'])) }),
};

export const ollamaFailure = (status: number, message: string): Reply =>
  jsonReply({ error: message }, { status });

type Fields = Readonly<Record<string, unknown>>;

/** Where chat and generate differ. */
interface Shape {
  ask(body: Fields, behaviour: Behaviour): Ask;
  /** Whether the request only loads or unloads the model. */
  isEmpty(body: Fields): boolean;
  text(text: string): Fields;
  thinking(text: string): Fields;
  toolCall(call: ToolCall, index: number): Fields;
  whole(answer: Answer): Fields;
  /** What only the last line carries. */
  last(body: Fields): Fields;
}

const chat: Shape = {
  ask: askOfChat,
  isEmpty: (body) => listOf(body['messages']).length === 0,
  text: (content) => ({ message: { role: 'assistant', content } }),
  thinking: (thinking) => ({ message: { role: 'assistant', content: '', thinking } }),
  toolCall: (call, index) => ({
    message: { role: 'assistant', content: '', tool_calls: [wholeToolCall(call, index)] },
  }),
  whole: ({ text, reasoning, toolCalls }) => ({
    message: {
      role: 'assistant',
      content: text,
      ...(reasoning.length > 0 ? { thinking: reasoning.join('') } : {}),
      ...(toolCalls.length > 0 ? { tool_calls: toolCalls.map(wholeToolCall) } : {}),
    },
  }),
  last: () => ({}),
};

const generate: Shape = {
  ask: (body, { chunks }) => ({
    begun: body['raw'] === true ? begunIn(textOf(body['prompt']), chunks) : undefined,
    lastText: textOf(body['prompt']),
    lastRole: 'user',
    promptTokens: countWords(body['prompt']),
    tools: [],
    toolChoice: 'none',
    ...sharedAsk(body),
  }),
  isEmpty: (body) => textOf(body['prompt']) === '',
  text: (response) => ({ response }),
  thinking: (thinking) => ({ response: '', thinking }),
  toolCall: () => ({ response: '' }),
  whole: ({ text, reasoning }) => ({
    response: text,
    ...(reasoning.length > 0 ? { thinking: reasoning.join('') } : {}),
  }),
  // A raw prompt has no template, and so no context to carry on from.
  last: (body) => (body['raw'] === true ? {} : { context: [...listOf(body['context']), 1, 2, 3] }),
};

const streamFailure = { error: 'an error was encountered while running the model: it failed' };

function answer(context: RouteContext, shape: Shape): Reply {
  const body = fieldsOf(context.json);
  if (shape === generate && body['keep_alive'] !== 0 && isEmbedder(body['model']))
    return ollamaFailure(400, `"${textOf(body['model'])}" does not support generate`);
  const head = { model: body['model'] ?? null, created_at: bornAt.toISOString() };
  if (shape.isEmpty(body)) {
    const reason = body['keep_alive'] === 0 ? 'unload' : 'load';
    return jsonReply({ ...head, ...shape.text(''), done: true, done_reason: reason });
  }
  const composed = composeAnswer(shape.ask(body, context.behaviour), context.behaviour);
  const last = { ...lastFields(composed, context.loadMs), ...shape.last(body) };
  if (body['stream'] === false) {
    return jsonReply({ ...head, ...shape.whole(composed), ...last }, { tokens: composed.tokens });
  }
  return ndjsonReply(
    replayable(() => streamFrames(composed, shape, { head, last })),
    streamFailure,
  );
}

/** As it is known for: such a model writes nothing. */
const isEmbedder = (model: unknown): boolean => /embed/.test(textOf(model));

function* streamFrames(
  composed: Answer,
  shape: Shape,
  { head, last }: { readonly head: Fields; readonly last: Fields },
): Generator<Frame> {
  const content = (fields: Fields): Frame => ({
    kind: 'content',
    text: ndjsonLine({ ...head, ...fields, done: false }),
  });
  for (const text of composed.reasoning) yield content(shape.thinking(text));
  for (const text of composed.texts) yield content(shape.text(text));
  for (const [index, call] of composed.toolCalls.entries()) yield content(shape.toolCall(call, index));
  yield { kind: 'end', text: ndjsonLine({ ...head, ...shape.text(''), ...last }) };
}

function lastFields({ finish, usage }: Answer, loadMs: number): Fields {
  // Ollama stops for tool calls as for anything else.
  const reason = finish === 'tool_calls' ? 'stop' : finish;
  return {
    done: true,
    ...(reason === null ? {} : { done_reason: reason }),
    total_duration: 4_883_583_458,
    load_duration: 1_334_875 + loadMs * 1e6,
    ...(usage === undefined
      ? {}
      : {
          prompt_eval_count: usage.prompt,
          prompt_eval_duration: 342_546_000,
          eval_count: usage.completion,
          eval_duration: 4_535_599_000,
        }),
  };
}

function askOfChat(body: Fields): Ask {
  const { begun, before } = splitBegun(listOf(body['messages']).map(fieldsOf));
  const last = before.at(-1) ?? {};
  return {
    begun,
    lastText: contentText(last['content']),
    lastRole: textOf(last['role']),
    promptTokens: countWords(body['messages']),
    tools: listOf(body['tools']),
    toolChoice: 'auto',
    ...sharedAsk(body),
  };
}

function sharedAsk(body: Fields): Pick<Ask, 'schema' | 'thinks' | 'tokensMax'> {
  const { format, think } = body;
  const predict = Number(fieldsOf(body['options'])['num_predict'] ?? -1);
  return {
    schema: format === 'json' ? { type: 'object' } : format === '' ? undefined : (format ?? undefined),
    thinks: think === true || typeof think === 'string',
    tokensMax: predict < 0 ? Number.POSITIVE_INFINITY : predict,
  };
}

/** Ollama's calls come whole, one a line, their arguments parsed. */
const wholeToolCall = (call: ToolCall, index: number) => ({
  id: `call_fake_${index}`,
  function: { index, name: call.name, arguments: call.arguments },
});
