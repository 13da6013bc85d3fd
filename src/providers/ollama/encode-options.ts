/** What chat and complete have in common: sampling, engine options, format, thinking. */
import type { EngineOptions, Format, JsonObject, Sampling, Think } from '../../core/call.ts';
import { cannot } from './refuse.ts';

interface TextCall {
  readonly stream: boolean;
  readonly sampling: Sampling;
  readonly engine: EngineOptions;
  readonly format?: Format;
  readonly think?: Think;
}

export function encodeShared(call: TextCall) {
  const { sampling, engine, format, think } = call;
  if ((sampling.choices ?? 1) > 1) throw cannot('n', 'give several choices');
  return {
    stream: call.stream,
    format: format === undefined || format === 'json' ? format : format.schema,
    think: think === undefined ? undefined : thinkValues[String(think) as `${Think}`],
    logprobs: sampling.logprobs,
    top_logprobs: sampling.topLogprobs,
    options: encodeOptions(sampling, engine),
    keep_alive: engine.keepAlive,
  };
}

/** Zero tokens mean "without limit" to Ollama. */
export function encodeOptions(sampling: Sampling, engine: EngineOptions): JsonObject | undefined {
  if (sampling.maxTokens === 0) throw cannot('max_tokens', 'answer with no token at all');
  const options: JsonObject = {
    ...engine.options,
    ...given('temperature', sampling.temperature),
    ...given('top_p', sampling.topP),
    ...given('top_k', sampling.topK),
    ...given('min_p', sampling.minP),
    ...given('num_predict', sampling.maxTokens),
    ...given('seed', sampling.seed),
    ...given('stop', sampling.stop),
    ...given('repeat_penalty', sampling.repeatPenalty),
    ...given('presence_penalty', sampling.presencePenalty),
    ...given('frequency_penalty', sampling.frequencyPenalty),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}

/** Left out rather than undefined, so that it does not hide what the client put into `options` itself. */
function given(name: string, value: number | readonly string[] | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value };
}

/** Ollama has no effort below `low`. */
const thinkValues: Readonly<Record<`${Think}`, boolean | string>> = {
  true: true,
  false: false,
  none: false,
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
};
