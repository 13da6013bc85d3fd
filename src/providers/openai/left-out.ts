/**
 * What the other dialects can say and OpenAI's cannot. Hints to an engine are left out with a warning, so that a
 * mixed fleet serves Ollama's clients; what would change the answer is refused by name.
 */
import type { Call } from '../../core/call.ts';
import { fail } from '../../core/failure.ts';

const changesTheAnswer = ['context', 'template', 'system'] as const;

export function leftOut(call: Call): readonly string[] {
  for (const field of changesTheAnswer) {
    if (call.extra[field] === undefined) continue;
    throw fail('unsupported', `this model is not served by an Ollama, which alone understands \`${field}\``, {
      param: field,
    });
  }
  const { keepAlive, options } = call.engine;
  const hints = Object.keys(options ?? {}).map((name) => `options.${name}`);
  if (keepAlive !== undefined) hints.push('keep_alive');
  if (call.kind === 'complete' && call.think !== undefined) hints.push('think');
  if (call.kind === 'embed' && call.truncate === true) hints.push('truncate');
  return hints.map((hint) => `${hint} means nothing to this upstream and was left out`);
}
