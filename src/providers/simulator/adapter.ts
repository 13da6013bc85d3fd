/**
 * The built-in engine: OpenAI's dialect. Equal questions get equal answers, so that another one with the same `seed` goes
 * on with what it began; one with another seed is found out at the seam.
 */
import type { Adapter } from '../../core/adapter.ts';
import { openaiAdapter } from '../openai/adapter.ts';

export const simulatorAdapter: Adapter = { ...openaiAdapter, goesOn: () => true };
