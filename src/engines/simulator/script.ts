/** A reply as it will be played: made up at once, sent token by token. */
import type { EmbedCall, ToolCall } from '../../core/call.ts';
import type { Endpoint, ReplyFacts } from '../../core/exchange.ts';
import type { Failure } from '../../core/failure.ts';
import type { Choice, Part, Usage } from '../../core/part.ts';
import { openaiVoice } from '../../protocol/openai-voice.ts';
import { invalid } from '../../protocol/read.ts';
import type { SimulatorOptions } from '../simulator-options.ts';
import { type Answer, composeAnswer } from './answer.ts';
import { type Ask, askOfChat, asksOfComplete, refuseTooLong } from './ask.ts';
import { embedText } from './embeddings.ts';
import { countTokens } from './tokenise.ts';

export interface Script {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether frames go out as they come due; else all of it when the last one is. */
  readonly streamed: boolean;
  /** How many tokens' time it takes, of each choice at once. At least 1. */
  readonly steps: number;
  /** What goes out with the token of this index; a whole reply has one frame only. */
  frame(index: number): string;
}

export function wholeScript(status: number, body: string, steps = 1): Script {
  return {
    status,
    headers: { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) },
    streamed: false,
    steps,
    frame: () => body,
  };
}

export function failureScript(failure: Failure, id: string): Script {
  const { status, headers, body } = openaiVoice.renderFailure(failure, id);
  const script = wholeScript(status, body);
  const named: Record<string, string> = { ...script.headers };
  for (let at = 0; at + 1 < headers.length; at += 2) named[headers[at] ?? ''] = headers[at + 1] ?? '';
  return { ...script, headers: named };
}

interface Scene {
  readonly endpoint: Endpoint;
  readonly facts: ReplyFacts;
  readonly options: SimulatorOptions;
}

const choicesMax = 128;
const embeddedTokensMax = 300_000;
const dimensionsMax = 4_096;

/** Refuses at once what does not fit; the answer is made up when its turn has come, as those who wait are many. */
export function prepareScript(scene: Scene): () => Script {
  const { call } = scene.facts;
  if (call.kind === 'embed') return prepareVectors(call, scene);
  const asks = call.kind === 'chat' ? [askOfChat(call, scene.options)] : asksOfComplete(call, scene.options);
  const perAsk = call.sampling.choices ?? 1;
  if (asks.length * perAsk > choicesMax) throw invalid('n', `makes more than ${choicesMax} answers`);
  return () => {
    const tellings = asks.flatMap((ask, place) =>
      Array.from({ length: perAsk }, (_, nth) => tell(ask, place * perAsk + nth)),
    );
    const usage = usageOf(asks, tellings);
    return call.stream ? streamedText(tellings, usage, scene) : wholeText(tellings, usage, scene);
  };
}

/** An answer, after the prompt where the client wants that repeated. */
interface Telling extends Answer {
  readonly echo: string;
}

function tell(ask: Ask, choice: number): Telling {
  const echo = ask.call.kind === 'complete' && ask.call.echo === true ? ask.said : '';
  return { echo, ...composeAnswer(ask, choice) };
}

function usageOf(asks: readonly Ask[], tellings: readonly Telling[]): Usage {
  const reasoningTokens = sum(tellings.map((telling) => telling.reasoningTokens));
  return {
    inputTokens: sum(asks.map((ask) => ask.promptTokens)),
    outputTokens: sum(tellings.map((telling) => telling.parts.length)),
    ...(reasoningTokens === 0 ? {} : { reasoningTokens }),
  };
}

function streamedText(tellings: readonly Telling[], usage: Usage, { endpoint, facts }: Scene): Script {
  const steps = stepsOf(tellings);
  const render = endpoint.openRenderer(facts);
  return {
    status: 200,
    headers: { 'content-type': endpoint.streamType, 'cache-control': 'no-cache' },
    streamed: true,
    steps,
    frame: (index) => {
      let frame = '';
      for (const [choice, telling] of tellings.entries()) {
        for (const part of partsAt(telling, index, choice)) frame += render(part);
      }
      return index < steps - 1
        ? frame
        : frame + render({ type: 'usage', usage }) + render({ type: 'reply-ended' });
    },
  };
}

function partsAt(telling: Telling, index: number, choice: number): readonly Part[] {
  const { parts, stop, echo } = telling;
  const due: Part[] = [];
  if (index === 0 && echo !== '') due.push({ type: 'text-delta', text: echo, choice });
  const part = parts[index];
  if (part !== undefined) due.push(part);
  if (index === Math.max(parts.length, 1) - 1) due.push({ type: 'choice-ended', stop, choice });
  return due;
}

function wholeText(tellings: readonly Telling[], usage: Usage, { endpoint, facts }: Scene): Script {
  const choices = tellings.map(wholeChoice);
  return wholeScript(200, endpoint.renderResult({ kind: 'text', choices, usage }, facts), stepsOf(tellings));
}

function stepsOf(tellings: readonly Telling[]): number {
  return tellings.reduce((most, telling) => Math.max(most, telling.parts.length), 1);
}

function wholeChoice({ echo, parts, stop }: Telling): Choice {
  let text = echo;
  let reasoning = '';
  const calls: ToolCall[] = [];
  for (const part of parts) {
    if (part.type === 'text-delta') text += part.text;
    if (part.type === 'reasoning-delta') reasoning += part.text;
    if (part.type === 'tool-call-delta') addFragment(calls, part);
  }
  return {
    text,
    stop,
    ...(reasoning === '' ? {} : { reasoning }),
    ...(calls.length === 0 ? {} : { toolCalls: calls }),
  };
}

function addFragment(calls: ToolCall[], part: Extract<Part, { type: 'tool-call-delta' }>): void {
  const { index, id = '', name = '', arguments: fragment = '' } = part;
  const call = calls[index] ?? { id, name, arguments: '' };
  calls[index] = { ...call, arguments: call.arguments + fragment };
}

function prepareVectors(call: EmbedCall, { endpoint, facts, options }: Scene): () => Script {
  const dimensions = call.dimensions ?? options.embeddingDimensions;
  if (dimensions > dimensionsMax) throw invalid('dimensions', `must be at most ${dimensionsMax}`);
  const inputTokens = sum(call.input.map((input) => sizeOf(input, options)));
  if (inputTokens > embeddedTokensMax) throw invalid('input', `has more than ${embeddedTokensMax} tokens`);
  return () => {
    const vectors = call.input.map((input) =>
      embedText(typeof input === 'string' ? input : input.join(' '), dimensions),
    );
    return wholeScript(
      200,
      endpoint.renderResult({ kind: 'vectors', vectors, usage: { inputTokens, outputTokens: 0 } }, facts),
    );
  };
}

function sizeOf(input: string | readonly number[], options: SimulatorOptions): number {
  const tokens = typeof input === 'string' ? countTokens(input) : input.length;
  refuseTooLong(tokens, options.contextSize, 'input');
  return tokens;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
