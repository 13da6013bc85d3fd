/** What the simulator takes from a request before it makes up an answer. */
import type { ChatCall, CompleteCall, Message } from '../../core/call.ts';
import { fail } from '../../core/failure.ts';
import { hashText } from '../../lib/hash-text.ts';
import type { SimulatorOptions } from '../simulator-options.ts';
import { hashNumber } from './random.ts';
import { countTokens } from './tokenise.ts';

export interface Ask {
  readonly call: ChatCall | CompleteCall;
  /** What the user said last. */
  readonly said: string;
  /** The tools' results that nobody has answered yet. */
  readonly toolResults: readonly ToolResult[];
  readonly images: number;
  readonly promptTokens: number;
  /** How many tokens the answer may have. */
  readonly tokensMax: number;
  readonly thinks: boolean;
  /** How the answer begins that is to be gone on with; empty where none is. */
  readonly begun: string;
  /** Depends on the configured seed, the request's seed and every word of the prompt. */
  readonly seed: number;
}

interface ToolResult {
  readonly name: string;
  readonly text: string;
}

const imageTokens = 256;
/** Answers are made up before they are sent, so that they need a bound of their own: all of one request together. */
const answerTokensMax = 32_768;

export function askOfChat(call: ChatCall, options: SimulatorOptions): Ask {
  refuseLogprobs(call);
  const reading = { tokens: 0, images: 0, seed: seedOf(call, options) };
  const begun = begunIn(call);
  const messages = begun === '' ? call.messages : call.messages.slice(0, -1);
  for (const message of messages) readMessage(message, reading);
  if (call.tools !== undefined) readText(JSON.stringify(call.tools), reading);
  const thinks = call.think === undefined ? options.reasoning : call.think !== false && call.think !== 'none';
  // What was begun is read, and is no part of the question: that has the answer which it had.
  const promptTokens = reading.tokens + countTokens(begun);
  const lastUser = messages.findLast((message) => message.role === 'user');
  return {
    call,
    said: lastUser === undefined ? '' : textOf(lastUser),
    toolResults: unansweredResults(messages),
    images: reading.images,
    promptTokens,
    tokensMax: roomFor(call, promptTokens, options),
    thinks: thinks && begun === '',
    begun,
    seed: reading.seed,
  };
}

/** A completion may have several prompts; each is an ask of its own. */
export function asksOfComplete(call: CompleteCall, options: SimulatorOptions): readonly Ask[] {
  refuseLogprobs(call);
  const prompts = typeof call.prompt === 'string' ? [call.prompt] : call.prompt;
  return prompts.map((prompt) => {
    if (typeof prompt !== 'string') {
      throw fail('unsupported', 'the simulator reads text, and no token ids', { param: 'prompt' });
    }
    const reading = { tokens: 0, images: 0, seed: seedOf(call, options) };
    readText(prompt, reading);
    if (call.suffix !== undefined) readText(call.suffix, reading);
    return {
      call,
      said: prompt,
      toolResults: [],
      images: 0,
      promptTokens: reading.tokens,
      tokensMax: roomFor(call, reading.tokens, options),
      thinks: false,
      begun: '',
      seed: reading.seed,
    };
  });
}

/** As vLLM's clients say it: the last message is open. */
function begunIn({ messages, extra }: ChatCall): string {
  const last = messages.at(-1);
  return extra['continue_final_message'] === true && last?.role === 'assistant' ? textOf(last) : '';
}

function textOf(message: Message): string {
  if (typeof message.content === 'string') return message.content;
  return message.content.map((content) => (content.type === 'text' ? content.text : '')).join('');
}

/** Refuses a prompt that does not fit, in the words of OpenAI's own refusal. */
export function refuseTooLong(tokens: number, contextSize: number, param: string): void {
  if (tokens <= contextSize) return;
  throw fail(
    'context_length_exceeded',
    `This model's maximum context length is ${contextSize} tokens. However, your messages resulted in ${tokens} tokens.`,
    { param },
  );
}

function refuseLogprobs(call: ChatCall | CompleteCall): void {
  if (call.sampling.logprobs !== true) return;
  throw fail('unsupported', 'the simulator has no probabilities to tell', { param: 'logprobs' });
}

interface Reading {
  tokens: number;
  images: number;
  seed: number;
}

function seedOf(call: ChatCall | CompleteCall, options: SimulatorOptions): number {
  return hashNumber(call.sampling.seed ?? 0, hashNumber(options.seed));
}

function readMessage(message: Message, reading: Reading): void {
  if (typeof message.content === 'string') readText(message.content, reading);
  else {
    for (const content of message.content) {
      if (content.type === 'text') readText(content.text, reading);
      else if (content.type === 'other') {
        const type = content.name.slice(0, 40);
        throw fail('unsupported', `the simulator cannot read a part of the type ${type}`, {
          param: 'messages',
        });
      } else {
        reading.images += 1;
        reading.tokens += imageTokens;
      }
    }
  }
  for (const toolCall of message.toolCalls ?? []) readText(`${toolCall.name} ${toolCall.arguments}`, reading);
}

function readText(text: string, reading: Reading): void {
  reading.tokens += countTokens(text);
  reading.seed = hashText(text, reading.seed);
}

function roomFor(call: ChatCall | CompleteCall, promptTokens: number, options: SimulatorOptions): number {
  refuseTooLong(promptTokens, options.contextSize, call.kind === 'chat' ? 'messages' : 'prompt');
  const asked = call.sampling.maxTokens ?? Number.POSITIVE_INFINITY;
  return Math.min(asked, options.contextSize - promptTokens, Math.floor(answerTokensMax / choicesOf(call)));
}

function choicesOf(call: ChatCall | CompleteCall): number {
  const prompts = call.kind === 'complete' && typeof call.prompt !== 'string' ? call.prompt.length : 1;
  return Math.max(1, prompts) * (call.sampling.choices ?? 1);
}

function unansweredResults(messages: readonly Message[]): readonly ToolResult[] {
  const begin = messages.findLastIndex((message) => message.role !== 'tool') + 1;
  const asked = messages[begin - 1]?.toolCalls ?? [];
  return messages.slice(begin).map((message) => ({
    name: message.name ?? asked.find((call) => call.id === message.toolCallId)?.name ?? 'tool',
    text: textOf(message),
  }));
}
