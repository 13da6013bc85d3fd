/**
 * Which servers of OpenAI's dialect go on with a last message of the assistant. OpenAI's own, and the other clouds,
 * take it for a turn that is over, or refuse it. Servers tell what they are in their list of models.
 */
import type { GoesOn } from '../../core/adapter.ts';
import { leavesOpen } from '../closed-models.ts';

const servers = ['vllm', 'sglang', 'llamacpp'] as const;

export const openaiGoesOn: GoesOn = ({ name, described }, kind) => {
  const server = servers.find((each) => each === described?.['owned_by']);
  return server !== undefined && (kind === 'complete' || leavesOpen(server, name, described));
};
