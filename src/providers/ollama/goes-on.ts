/**
 * Ollama leaves a last message of the assistant open, and the model goes on with it, where the model's template does.
 * One that closes it, or trims it, is found out at the seam; these are known beforehand and not asked at all.
 */

/** Their format has channels, and a message that is begun has none. */
const closed = /(?:^|\/)(?:gpt-oss)(?:[:-]|$)/i;

export function ollamaGoesOn(model: string): boolean {
  return !closed.test(model);
}
