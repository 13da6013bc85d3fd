/** `POST /generate`. */
import type { Endpoint } from '../core/exchange.ts';
import { optionalBoolean, readText } from './read.ts';
import { readSampling, renderResponse, sharedFields, simpleCall, tokenStream } from './simple-text.ts';

const known: ReadonlySet<string> = new Set(['prompt', 'stream', ...sharedFields]);
const defaults = { maxTokens: 512, temperature: 0.7 };

export const simpleGenerate: Endpoint = {
  name: 'generate',
  ...tokenStream,
  renderResult: renderResponse,
  parse: (body) =>
    simpleCall(body, {
      endpoint: 'generate',
      messages: [{ role: 'user', content: readText(body.value['prompt'], 'prompt') }],
      stream: optionalBoolean(body.value['stream'], 'stream') ?? false,
      sampling: readSampling(body.value, defaults),
      known,
    }),
};
