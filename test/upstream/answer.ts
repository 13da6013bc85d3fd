import type { Behaviour, ToolCall } from './behaviour.ts';
import { fieldsOf, listOf, textOf } from './json.ts';
import { replayable } from './reply.ts';
import { instanceOf } from './schema-instance.ts';

/** What a request asks, whatever its dialect. */
export interface Ask {
  /** The beginning of the answer, where the request hands one over. */
  readonly begun?: string | undefined;
  readonly lastText: string;
  readonly lastRole: string;
  readonly promptTokens: number;
  readonly tools: readonly unknown[];
  readonly toolChoice: 'auto' | 'none' | 'required';
  /** The schema its answer must match. */
  readonly schema: unknown;
  readonly thinks: boolean;
  readonly tokensMax: number;
}

export interface Answer {
  readonly reasoning: readonly string[];
  /** What a stream says, perhaps for ever. */
  readonly texts: Iterable<string>;
  /** What a whole answer says. */
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  readonly finish: string | null;
  /** Content chunks of a whole answer. */
  readonly tokens: number;
  readonly usage: { readonly prompt: number; readonly completion: number } | undefined;
}

/** Stand-ins inside JSON text for what no string can hold; the wire puts the bytes in their place. */
export const invalidBytesMark = '\uE000';
export const paddingMark = '\uE001';

export function composeAnswer(ask: Ask, behaviour: Behaviour): Answer {
  const toolCalls = chooseTools(ask, behaviour);
  const whole = toolCalls.length > 0 ? [] : chooseTexts(ask, behaviour);
  const all = ask.begun === undefined ? whole : restOf(whole, ask.begun, behaviour);
  const texts = mark(all.slice(0, ask.tokensMax), behaviour);
  const reasoning = chooseReasoning(ask, behaviour);
  const tokens = reasoning.length + texts.length + toolCalls.length;
  return {
    reasoning,
    toolCalls,
    tokens,
    text: texts.join(''),
    texts: behaviour.endless ? replayable(() => repeat(texts)) : texts,
    finish: chooseFinish(behaviour, toolCalls.length > 0, texts.length < all.length),
    usage: chooseUsage(behaviour, { prompt: ask.promptTokens, completion: tokens }),
  };
}

export const wordsOf = (text: string): readonly string[] => text.match(/\s*\S+|\s+$/g) ?? [];

export const countWords = (value: unknown): number =>
  (JSON.stringify(value ?? '').match(/\w+/g) ?? []).length;

/** A conversation whose last message is the assistant's is to be gone on with: that message, and those before it. */
export function splitBegun<Message extends { readonly role?: unknown; readonly content?: unknown }>(
  messages: readonly Message[],
): { readonly begun: string | undefined; readonly before: readonly Message[] } {
  const last = messages.at(-1);
  if (last === undefined || last.role !== 'assistant') return { begun: undefined, before: messages };
  return { begun: contentText(last.content), before: messages.slice(0, -1) };
}

/** A prompt says not where the question ends: what of it stands at the beginning of the answer was said already. */
export function begunIn(prompt: string, chunks: readonly string[] | undefined): string | undefined {
  const whole = chunks?.join('') ?? '';
  for (let length = whole.length; length > 0; length -= 1) {
    if (prompt.endsWith(whole.slice(0, length))) return whole.slice(0, length);
  }
  return undefined;
}

/** The text of a message whose content is a string or a list of parts. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return listOf(content)
    .map((part) => textOf(fieldsOf(part)['text']))
    .join('');
}

function chooseTools(ask: Ask, behaviour: Behaviour): readonly ToolCall[] {
  if (behaviour.toolCalls === 'never') return [];
  if (behaviour.toolCalls !== 'when-asked') return behaviour.toolCalls;
  // A tool's result is answered in words, or the conversation would never end.
  if (ask.tools.length === 0 || ask.toolChoice === 'none' || ask.lastRole === 'tool') return [];
  if (ask.toolChoice === 'auto' && !/\btools?\b/i.test(ask.lastText)) return [];
  const first = fieldsOf(fieldsOf(ask.tools[0])['function']);
  return [{ name: textOf(first['name']), arguments: fieldsOf(instanceOf(first['parameters'])) }];
}

function chooseTexts(ask: Ask, behaviour: Behaviour): readonly string[] {
  if (behaviour.chunks !== undefined) return behaviour.chunks;
  if (ask.schema !== undefined) return JSON.stringify(instanceOf(ask.schema)).match(/.{1,8}/gsu) ?? [];
  return wordsOf(`echo: ${ask.lastText}`);
}

/** What is said behind the beginning that it was handed. What it would not have said itself it does not go on with. */
function restOf(whole: readonly string[], begun: string, { begun: manner }: Behaviour): readonly string[] {
  const isOwn = whole.join('').startsWith(begun);
  if (manner === 'anew' || !isOwn) return whole;
  const rest = dropped(whole, begun.length);
  if (manner === 'repeats') return [/\s*\S+$/.exec(begun)?.[0] ?? '', ...rest];
  if (manner === 'skips') return rest.slice(1);
  if (manner === 'trims') return rest.map((text, index) => (index === 0 ? text.trimStart() : text));
  return rest;
}

function dropped(texts: readonly string[], chars: number): readonly string[] {
  let left = chars;
  return texts.flatMap((text) => {
    const rest = text.slice(Math.max(0, left));
    left -= text.length;
    return rest === '' ? [] : [rest];
  });
}

function mark(texts: readonly string[], behaviour: Behaviour): readonly string[] {
  const marks = `${behaviour.invalidUtf8 ? invalidBytesMark : ''}${behaviour.paddingBytes > 0 ? paddingMark : ''}`;
  return texts.map((text, index) => (index === 0 ? marks + text : text));
}

function chooseReasoning(ask: Ask, behaviour: Behaviour): readonly string[] {
  if (behaviour.reasoning === 'never') return [];
  if (behaviour.reasoning !== 'when-asked') return behaviour.reasoning;
  return ask.thinks ? ['Let me', ' think.'] : [];
}

function chooseFinish(behaviour: Behaviour, callsTools: boolean, cutShort: boolean): string | null {
  if (behaviour.finishReason !== 'natural') return behaviour.finishReason;
  if (callsTools) return 'tool_calls';
  return cutShort ? 'length' : 'stop';
}

function chooseUsage(behaviour: Behaviour, honest: { prompt: number; completion: number }): Answer['usage'] {
  if (behaviour.usage === 'absent') return undefined;
  return behaviour.usage === 'honest' ? honest : behaviour.usage;
}

function* repeat(texts: readonly string[]): Generator<string> {
  if (texts.length === 0) return;
  for (;;) yield* texts;
}
