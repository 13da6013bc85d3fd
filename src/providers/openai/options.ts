import { z } from 'zod';
import { connectionOptions } from '../../net/options.ts';

export const openaiOptions = z
  .strictObject({
    type: z.literal('openai').describe('OpenAI, or a server that speaks its API.'),
    ...connectionOptions,
    url: connectionOptions.url
      .prefault('https://api.openai.com/v1')
      .describe('The address that its paths follow, usually with `/v1` at the end.'),
  })
  .describe('OpenAI and everything compatible: vLLM, llama.cpp, LM Studio, the clouds.');
