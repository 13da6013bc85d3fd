/** The kinds of upstream that a configuration may name. */
import { z } from 'zod';
import { llamacppOptions } from '../engines/llamacpp-options.ts';
import { simulatorOptions } from '../engines/simulator-options.ts';
import { name } from '../lib/options.ts';
import { ollamaOptions } from '../providers/ollama/options.ts';
import { openaiOptions } from '../providers/openai/options.ts';

const upstreamOptions = z.discriminatedUnion('type', [
  ollamaOptions,
  openaiOptions,
  simulatorOptions,
  llamacppOptions,
]);

export const upstreamsOptions = z.record(name, upstreamOptions).default({});
