/** `POST /v1/completions`: the older endpoint, still what code completion uses. */
import type { CompleteCall } from '../core/call.ts';
import type { Endpoint, ParsedBody, ReplyFacts } from '../core/exchange.ts';
import type { CallResult, Part } from '../core/part.ts';
import { readInput } from './openai-embeddings.ts';
import { openaiDone, openaiEvent, openaiHead } from './openai-reply.ts';
import { engineFields, readSampling, readShared, samplingFields } from './openai-sampling.ts';
import { openaiStop } from './openai-stop.ts';
import { openaiUsage } from './openai-usage.ts';
import { bounds, optionalBoolean, optionalNumber, optionalString, readString } from './read.ts';

const known: ReadonlySet<string> = new Set([
  'model',
  'prompt',
  'suffix',
  'echo',
  'stream',
  'stream_options',
  ...samplingFields,
  ...engineFields,
]);

export const openaiCompletions: Endpoint = {
  name: 'completions',
  streamType: 'text/event-stream; charset=utf-8',
  parse,
  renderResult,
  openRenderer,
};

function parse(body: ParsedBody): CompleteCall {
  const { value } = body;
  const shared = readShared(body, 'completions', known);
  const prompt = value['prompt'];
  const suffix = optionalString(value['suffix'], 'suffix');
  const echo = optionalBoolean(value['echo'], 'echo');
  // Here `logprobs` is a number: how many alternatives to tell.
  const logprobs = optionalNumber(value['logprobs'], 'logprobs', { min: 0, max: 5, whole: true });
  const sampling = readSampling(value);
  // It stays in `extra`, but bounds the work as `n` does.
  optionalNumber(value['best_of'], 'best_of', { min: 1, max: bounds.choices, whole: true });
  return {
    kind: 'complete',
    ...shared,
    prompt: typeof prompt === 'string' ? prompt : readPrompts(prompt),
    sampling: logprobs === undefined ? sampling : { ...sampling, logprobs: true, topLogprobs: logprobs },
    ...(suffix === undefined ? {} : { suffix }),
    ...(echo === undefined ? {} : { echo }),
  };
}

function readPrompts(prompt: ParsedBody['value'][string]): CompleteCall['prompt'] {
  if (prompt === undefined || prompt === null) return readString(prompt, 'prompt');
  return readInput(prompt, 'prompt');
}

function renderResult(result: CallResult, facts: ReplyFacts): string {
  if (result.kind !== 'text') throw new TypeError('a completion was answered with vectors');
  return JSON.stringify({
    ...openaiHead(facts, 'text_completion'),
    choices: result.choices.map((choice, index) => ({
      index,
      text: choice.text,
      logprobs: choice.logprobs ?? null,
      finish_reason: openaiStop(choice.stop),
    })),
    usage: openaiUsage(result.usage),
  });
}

function openRenderer(facts: ReplyFacts): (part: Part) => string {
  const call = facts.call as CompleteCall;
  const head = openaiHead(facts, 'text_completion');
  return (part) => {
    switch (part.type) {
      case 'text-delta':
        return openaiEvent({
          ...head,
          choices: [
            {
              index: part.choice ?? 0,
              text: part.text,
              logprobs: part.logprobs ?? null,
              finish_reason: null,
            },
          ],
        });
      case 'choice-ended':
        return openaiEvent({
          ...head,
          choices: [
            { index: part.choice ?? 0, text: '', logprobs: null, finish_reason: openaiStop(part.stop) },
          ],
        });
      case 'usage':
        return call.wantsUsage ? openaiEvent({ ...head, choices: [], usage: openaiUsage(part.usage) }) : '';
      case 'reply-ended':
        return openaiDone;
      case 'reasoning-delta':
      case 'refusal-delta':
      case 'tool-call-delta':
      case 'reply-failed':
        return '';
    }
  };
}
