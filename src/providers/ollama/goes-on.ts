/**
 * Ollama leaves a last message of the assistant open where the model's template does. A template that somebody brought
 * along and that closes it is found out at the seam. A prompt without a template is one text with its answer.
 */
import type { GoesOn } from '../../core/adapter.ts';
import { leavesOpen } from '../closed-models.ts';

export const ollamaGoesOn: GoesOn = ({ name, described }, kind) =>
  kind === 'complete' || leavesOpen('ollama', name, described);
