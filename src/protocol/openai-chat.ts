/** `POST /v1/chat/completions`. */
import type { ChatCall } from '../core/call.ts';
import type { Endpoint, ParsedBody, ReplyFacts } from '../core/exchange.ts';
import type { CallResult, Choice, Part } from '../core/part.ts';
import { readMessages, readToolChoice, readTools } from './openai-messages.ts';
import { openaiDone, openaiEvent, openaiHead } from './openai-reply.ts';
import { engineFields, readSampling, readShared, samplingFields } from './openai-sampling.ts';
import { openaiStop } from './openai-stop.ts';
import { openaiUsage } from './openai-usage.ts';
import { optionalBoolean } from './read.ts';

const known: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  ...samplingFields,
  ...engineFields,
]);

export const openaiChat: Endpoint = {
  name: 'chat',
  streamType: 'text/event-stream; charset=utf-8',
  parse,
  renderResult,
  openRenderer,
};

function parse(body: ParsedBody): ChatCall {
  const { value } = body;
  const shared = readShared(body, 'chat', known);
  const sampling = readSampling(value);
  const logprobs = optionalBoolean(value['logprobs'], 'logprobs');
  const tools = readTools(value['tools']);
  const toolChoice = readToolChoice(value['tool_choice']);
  const parallelToolCalls = optionalBoolean(value['parallel_tool_calls'], 'parallel_tool_calls');
  return {
    kind: 'chat',
    ...shared,
    messages: readMessages(value['messages']),
    sampling: logprobs === undefined ? sampling : { ...sampling, logprobs },
    ...(tools === undefined ? {} : { tools }),
    ...(toolChoice === undefined ? {} : { toolChoice }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
  };
}

function renderResult(result: CallResult, facts: ReplyFacts): string {
  if (result.kind !== 'text') throw new TypeError('a chat was answered with vectors');
  return JSON.stringify({
    ...openaiHead(facts, 'chat.completion'),
    choices: result.choices.map((choice, index) => ({
      index,
      message: renderMessage(choice),
      logprobs: choice.logprobs ?? null,
      finish_reason: openaiStop(choice.stop),
    })),
    usage: openaiUsage(result.usage),
  });
}

function renderMessage(choice: Choice) {
  return {
    role: 'assistant',
    content: choice.text === '' && choice.toolCalls !== undefined ? null : choice.text,
    refusal: choice.refusal ?? null,
    ...(choice.reasoning === undefined ? {} : { reasoning_content: choice.reasoning }),
    ...(choice.toolCalls === undefined
      ? {}
      : {
          tool_calls: choice.toolCalls.map((call) => ({
            id: call.id,
            type: 'function',
            function: { name: call.name, arguments: call.arguments },
          })),
        }),
  };
}

function openRenderer(facts: ReplyFacts): (part: Part) => string {
  const call = facts.call as ChatCall;
  const head = openaiHead(facts, 'chat.completion.chunk');
  const begun = new Set<number>();
  const chunk = (index: number, delta: object, rest: { stop?: string; logprobs?: unknown } = {}) => {
    const role = begun.has(index) ? undefined : { role: 'assistant', content: '' };
    begun.add(index);
    return openaiEvent({
      ...head,
      choices: [
        {
          index,
          delta: { ...role, ...delta },
          logprobs: rest.logprobs ?? null,
          finish_reason: rest.stop ?? null,
        },
      ],
      ...(call.wantsUsage ? { usage: null } : {}),
    });
  };
  return (part) => {
    switch (part.type) {
      case 'text-delta':
        return chunk(part.choice ?? 0, { content: part.text }, { logprobs: part.logprobs });
      case 'reasoning-delta':
        return chunk(part.choice ?? 0, { reasoning_content: part.text });
      case 'refusal-delta':
        return chunk(part.choice ?? 0, { refusal: part.text });
      case 'tool-call-delta':
        return chunk(part.choice ?? 0, { tool_calls: [renderToolCallDelta(part)] });
      case 'choice-ended':
        return chunk(part.choice ?? 0, {}, { stop: openaiStop(part.stop) });
      case 'usage':
        return call.wantsUsage ? openaiEvent({ ...head, choices: [], usage: openaiUsage(part.usage) }) : '';
      case 'reply-ended':
        return openaiDone;
      case 'reply-failed':
        return '';
    }
  };
}

function renderToolCallDelta(part: Extract<Part, { type: 'tool-call-delta' }>) {
  return {
    index: part.index,
    ...(part.id === undefined ? {} : { id: part.id, type: 'function' }),
    function: {
      ...(part.name === undefined ? {} : { name: part.name }),
      arguments: part.arguments ?? '',
    },
  };
}
