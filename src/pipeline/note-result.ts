/** What a whole answer tells, written down where those look who keep account of it. */
import type { Parsed } from '../core/exchange.ts';
import type { CallResult, Choice } from '../core/part.ts';
import { bytesPerToken } from './token-estimate.ts';

export function noteResult(result: CallResult, { trail, transcript }: Parsed): void {
  trail.usage = result.usage;
  if (result.kind !== 'text') return;
  if (result.usage === undefined) trail.outputSeen = textTokens(result.choices);
  const [choice] = result.choices;
  trail.stop = choice?.stop;
  if (choice !== undefined) transcript?.add(choice.text);
}

/** Counted by its length, where nobody told. */
function textTokens(choices: readonly Choice[]): number {
  const bytes = choices.reduce(
    (sum, { text, reasoning = '', refusal = '', toolCalls = [] }) =>
      sum +
      Buffer.byteLength([text, reasoning, refusal, ...toolCalls.map((call) => call.arguments)].join('')),
    0,
  );
  return Math.ceil(bytes / bytesPerToken);
}
