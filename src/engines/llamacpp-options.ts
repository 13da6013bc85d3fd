import { z } from 'zod';

export const llamacppOptions = z
  .strictObject({
    type: z.literal('llamacpp').describe('A model file, served by llama.cpp in a child process.'),
    file: z.string().min(1).describe('The GGUF file, relative to the configuration file.'),
    slots: z.int().min(1).max(256).default(4).describe('Requests decoded together in one batch.'),
    threads: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe('Threads to compute with. Chosen so that a small machine stays usable when absent.'),
    contextSize: z.int().min(16).max(10_000_000).default(4_096).describe('Tokens of context of each slot.'),
  })
  .describe('A GGUF file, decoded on this machine.');
