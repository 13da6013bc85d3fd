/** Which answers another target can go on with from their text so far: what is said besides, nobody could hand over. */
import type { Call, CompleteCall } from '../core/call.ts';

/** Only the engine that began such an answer knows how far into its grammar it is. */
const structures = [
  'guided_json',
  'guided_regex',
  'guided_choice',
  'guided_grammar',
  'structured_outputs',
  'json_schema',
  'grammar',
  'structural_tag',
] as const;
/** What would be asked for twice, and what has no place among messages: a real Ollama's own memory. */
const others = ['best_of', 'audio', 'prompt_logprobs', 'template', 'system', 'functions', 'context'] as const;

export function isContinuable(call: Call): boolean {
  if (!call.stream || call.kind === 'embed' || call.format !== undefined) return false;
  const { choices = 1, logprobs = false } = call.sampling;
  if (choices > 1 || logprobs) return false;
  if ([...structures, ...others].some((name) => isSet(call.extra[name]))) return false;
  return call.kind === 'complete' ? isOneText(call) : call.messages.length > 0 && !isBegun(call.messages);
}

/** A client that began the answer itself is gone on with by rules that differ from server to server. */
function isBegun(messages: Extract<Call, { kind: 'chat' }>['messages']): boolean {
  return messages.at(-1)?.role === 'assistant';
}

function isOneText({ prompt, suffix = '', echo = false }: CompleteCall): boolean {
  return typeof prompt === 'string' && suffix === '' && !echo;
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}
