/** Several calls as one, and its answer as one for each of them. */
import type { Call, CompleteCall, EmbedCall, Wire } from '../core/call.ts';
import { fail } from '../core/failure.ts';
import type { CallResult, Choice, Usage } from '../core/part.ts';
import { apportion } from '../lib/apportion.ts';
import { answersOf, promptTokens } from './token-estimate.ts';

type ManyInputs = CompleteCall | EmbedCall;

/**
 * What calls must have in common to be sent as one, as a text to compare. Undefined where one goes by itself: because it
 * says more than has a neutral word, because its answer comes as a stream, or because others would wait for it for as
 * long as the model likes to talk.
 */
export function sharedBy(call: Call): string | undefined {
  if (call.kind === 'chat' || call.stream || Object.keys(call.extra).length > 0) return undefined;
  if (call.kind === 'embed') return sharedByEmbeddings(call);
  const { sampling, echo, engine, suffix, images, format, think } = call;
  if (!sampling.maxTokens || [suffix, images, format, think].some((field) => field !== undefined)) {
    return undefined;
  }
  return JSON.stringify(['complete', typeof inputsOf(call)[0], sampling, echo, engine]);
}

function sharedByEmbeddings(call: EmbedCall): string | undefined {
  const { input, dimensions, engine, wire } = call;
  // Nothing to embed asks to load the model. Ollama's older endpoint answers with vectors of another length.
  if (input.length === 0 || (wire.dialect === 'ollama' && wire.endpoint === 'embeddings')) return undefined;
  return JSON.stringify(['embed', typeof input[0], dimensions, cutsLongTexts(call), engine]);
}

/** Ollama's clients expect it unless they say otherwise, and nobody else's do. */
function cutsLongTexts({ truncate, wire }: EmbedCall): boolean {
  return truncate ?? wire.dialect === 'ollama';
}

export function inputsOf(call: ManyInputs): readonly (string | readonly number[])[] {
  if (call.kind === 'embed') return call.input;
  return typeof call.prompt === 'string' ? [call.prompt] : call.prompt;
}

/** All have in common what `sharedBy` tells. */
export function mergeCalls([first, ...others]: readonly [ManyInputs, ...ManyInputs[]]): Call {
  if (others.length === 0) return first;
  const all = [first, ...others];
  const { engine, model } = first;
  const shared = { wire: wireOf(all), model, stream: false, engine, extra: {} } as const;
  // All are texts, or all are token ids.
  const inputs = all.flatMap(inputsOf) as readonly string[];
  if (first.kind === 'embed') {
    const { dimensions, truncate } = first;
    return {
      ...shared,
      kind: 'embed',
      input: inputs,
      encoding: 'float',
      ...(dimensions === undefined ? {} : { dimensions }),
      ...(truncate === undefined ? {} : { truncate }),
    };
  }
  const { sampling, echo } = first;
  const complete = { ...shared, kind: 'complete', prompt: inputs, sampling, wantsUsage: false } as const;
  return echo === undefined ? complete : { ...complete, echo };
}

const noSpans = new Map();

/** No request says all of it, so that every adapter writes its own. The bytes stand for what it holds in memory. */
function wireOf(calls: readonly ManyInputs[]): Wire {
  const ofOllama = calls[0]?.wire.dialect === 'ollama';
  return {
    dialect: ofOllama ? 'ollama' : 'simple',
    endpoint: 'batch',
    bytes: Buffer.concat(calls.map((call) => call.wire.bytes)),
    spans: noSpans,
    value: {},
  };
}

/** An answer for each call, in their order, with its share of the usage. What is not there for everybody is for nobody. */
export function splitResult(result: CallResult, calls: readonly ManyInputs[]): readonly CallResult[] {
  const answers: readonly unknown[] = result.kind === 'vectors' ? result.vectors : result.choices;
  const counts = calls.map((call) => (call.kind === 'embed' ? call.input.length : answersOf(call)));
  const expected = counts.reduce((sum, count) => sum + count, 0);
  if (answers.length !== expected) {
    const message = `the upstream was asked for ${expected} answers in one call, and gave ${answers.length}`;
    throw fail('bad_upstream_response', message);
  }
  let at = 0;
  const ranges = counts.map((count) => {
    at += count;
    return [at - count, at] as const;
  });
  if (result.kind === 'vectors') {
    const usages = shareUsage(result.usage, calls, () => 0);
    return ranges.map(([from, to], index) => ({
      kind: 'vectors',
      vectors: result.vectors.slice(from, to),
      usage: usages[index],
    }));
  }
  const choices = ranges.map(([from, to]) => result.choices.slice(from, to));
  const usages = shareUsage(result.usage, calls, (index) => textBytes(choices[index] ?? []));
  return choices.map((own, index) => ({ kind: 'text', choices: own, usage: usages[index] }));
}

function textBytes(choices: readonly Choice[]): number {
  return choices.reduce((sum, choice) => sum + Buffer.byteLength(choice.text), 0);
}

/** One count was told for all: each has its part by the length of what it asked, and of what it was answered. */
export function shareUsage(
  usage: Usage | undefined,
  calls: readonly ManyInputs[],
  answerBytes: (index: number) => number,
): readonly (Usage | undefined)[] {
  if (usage === undefined) return calls.map(() => undefined);
  const asked = calls.map(promptTokens);
  const answered = calls.map((_, index) => answerBytes(index));
  const input = apportion(usage.inputTokens, asked);
  const output = apportion(usage.outputTokens, answered);
  const cached = apportion(usage.cachedTokens ?? 0, asked);
  return calls.map((_, index) => ({
    ...usage,
    inputTokens: input[index] ?? 0,
    outputTokens: output[index] ?? 0,
    ...(usage.cachedTokens === undefined ? {} : { cachedTokens: cached[index] ?? 0 }),
  }));
}
