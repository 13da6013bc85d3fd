/** What OpenAI's servers refuse to stream, and what of their answers has no neutral word: only a whole answer tells it. */
import type { Call, JsonObject } from '../../core/call.ts';

const fields = ['functions', 'audio', 'web_search_options', 'prompt_logprobs', 'return_token_ids'] as const;

export function keptFromStreams(call: Call): string | undefined {
  if (call.kind === 'embed') return undefined;
  const { extra } = call;
  if (isMoreThanOne(extra)) return 'best_of';
  if (call.kind === 'chat' && call.tools?.some((tool) => tool.other !== undefined)) return 'tools';
  return fields.find((field) => isAsked(extra[field]));
}

function isMoreThanOne({ best_of: best }: JsonObject): boolean {
  return typeof best === 'number' && best > 1;
}

function isAsked(value: JsonObject[string]): boolean {
  return value !== undefined && value !== null && value !== false;
}
