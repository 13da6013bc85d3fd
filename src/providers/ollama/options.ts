import { z } from 'zod';
import { connectionOptions } from '../../net/options.ts';

export const ollamaOptions = z
  .strictObject({
    type: z.literal('ollama').describe('An Ollama server, spoken to by its own API.'),
    ...connectionOptions,
    url: connectionOptions.url
      .prefault('http://127.0.0.1:11434')
      .describe('The address of the server, without `/api`.'),
  })
  .describe('Ollama by its own API, so that everything it can do is reachable.');
