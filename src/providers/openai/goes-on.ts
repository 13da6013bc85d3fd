/**
 * Which servers of OpenAI's dialect go on with a last message of the assistant. OpenAI's own, and the other clouds,
 * take it for a turn that is over, or refuse it. Servers tell what they are in their list of models.
 */
import type { JsonObject } from '../../core/call.ts';

const servers: ReadonlySet<unknown> = new Set(['vllm', 'llamacpp', 'sglang']);

export function openaiGoesOn(_model: string, described: JsonObject | undefined): boolean {
  return servers.has(described?.['owned_by']);
}
