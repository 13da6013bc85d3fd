/** `POST /api/generate`: a question with its memory in the request, or a text to be carried on. */
import type { Call, ChatCall, CompleteCall, Json, JsonObject, Message } from '../core/call.ts';
import type { Endpoint, ParsedBody, ReplyFacts } from '../core/exchange.ts';
import { ndjsonType, readCallFacts } from './ollama-chat.ts';
import { contextBytesMax, decodeContext, encodeContext, isGatewayContext } from './ollama-context.ts';
import { readImages, withImages } from './ollama-messages.ts';
import { readFormat, readSettings, readThink, textFields } from './ollama-options.ts';
import { openOllamaRenderer, type ReplyForm, renderOllamaResult } from './ollama-reply.ts';
import { present } from './present.ts';
import { bounds, invalid, optionalBoolean, optionalList, optionalString, otherFields } from './read.ts';

const known: ReadonlySet<string> = new Set([
  'model',
  'prompt',
  'stream',
  'system',
  'template',
  'suffix',
  'context',
  'raw',
  'images',
  ...textFields,
]);

export const ollamaGenerate: Endpoint = {
  name: 'generate',
  streamType: ndjsonType,
  parse,
  renderResult: (result, facts) => renderOllamaResult(createForm(facts), result, facts),
  openRenderer: (facts) => openOllamaRenderer(createForm(facts), facts),
};

interface Question {
  readonly prompt: string;
  readonly system: string;
  readonly template: string;
  readonly suffix: string;
  readonly raw: boolean;
  readonly images: readonly string[];
  readonly context: readonly Json[] | undefined;
}

function parse(body: ParsedBody): Call {
  const { value } = body;
  const question = readQuestion(value);
  refuseContradictions(question);
  const shared = {
    ...readCallFacts(body, 'generate'),
    ...readSettings(value),
    wantsUsage: true,
    ...present('format', readFormat(value['format'])),
    ...present('think', readThink(value['think'])),
  };
  const extra = otherFields(value, known);
  if (question.prompt === '') return { kind: 'chat', ...shared, messages: [], extra };
  const carriesOn = question.raw || question.suffix !== '' || question.template !== '';
  return carriesOn
    ? { ...shared, ...asCompletion(question, extra) }
    : { ...shared, ...asChat(question, extra) };
}

function readQuestion(value: JsonObject): Question {
  const text = (key: string) => optionalString(value[key], key) ?? '';
  return {
    prompt: text('prompt'),
    system: text('system'),
    template: text('template'),
    suffix: text('suffix'),
    raw: optionalBoolean(value['raw'], 'raw') ?? false,
    images: readImages(value['images'], 'images', bounds.images),
    context: readContext(value['context']),
  };
}

const contextLengthMax = 200_000;

function readContext(value: Json | undefined): readonly Json[] | undefined {
  const context = optionalList(value, 'context', contextLengthMax);
  if (context === undefined || context.length === 0) return undefined;
  const wrong = context.findIndex((entry) => !Number.isInteger(entry));
  if (wrong !== -1) throw invalid(`context[${wrong}]`, 'must be a whole number');
  return context;
}

function refuseContradictions({ raw, template, system, suffix, context }: Question): void {
  if (raw && template !== '') throw invalid('template', 'has no meaning with raw');
  if (raw && system !== '') throw invalid('system', 'has no meaning with raw');
  if (raw && context !== undefined) throw invalid('context', 'has no meaning with raw');
  if (isGatewayContext(context) && (template !== '' || suffix !== '')) {
    throw invalid('context', 'is a conversation, and cannot go with template or suffix');
  }
}

type ChatMeaning = Pick<ChatCall, 'kind' | 'messages' | 'extra'>;
type CompleteMeaning = Pick<CompleteCall, 'kind' | 'prompt' | 'suffix' | 'images' | 'extra'>;

/** Token ids of a real Ollama stay in `extra`: only an Ollama can read them. */
function asChat(question: Question, extra: JsonObject): ChatMeaning {
  const { context, prompt, system } = question;
  const ours = isGatewayContext(context);
  const remembered = ours ? decodeContext(context) : [];
  const user: Message = { role: 'user', content: withImages(prompt, question.images) };
  return {
    kind: 'chat',
    messages: [...withSystem(remembered, system), user],
    extra: context === undefined || ours ? extra : { ...extra, context },
  };
}

/** A new system prompt takes the place of the remembered one. */
function withSystem(remembered: readonly Message[], system: string): readonly Message[] {
  if (system === '') return remembered;
  const rest = remembered[0]?.role === 'system' ? remembered.slice(1) : remembered;
  return [{ role: 'system', content: system }, ...rest];
}

function asCompletion(question: Question, extra: JsonObject): CompleteMeaning {
  const { prompt, suffix, images, template, system, context } = question;
  return {
    kind: 'complete',
    prompt,
    ...(suffix === '' ? {} : { suffix }),
    ...(images.length === 0 ? {} : { images }),
    extra: {
      ...extra,
      ...(template === '' ? {} : { template }),
      ...(system === '' ? {} : { system }),
      ...present('context', context),
    },
  };
}

function createForm(facts: ReplyFacts): ReplyForm {
  const { call } = facts;
  const render: ReplyForm['render'] = (said) => ({
    response: said.text,
    thinking: said.thinking,
    tool_calls: said.toolCalls,
  });
  if (call.kind !== 'chat') return { render };
  let answer = '';
  return {
    render,
    hear: (text) => {
      // Longer than this it would not fit into the context anyway.
      if (answer.length <= contextBytesMax) answer += text;
    },
    last: () => ({ context: encodeContext(call.messages, answer) }),
  };
}
