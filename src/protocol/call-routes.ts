/** Every route that calls a model. */
import type { BodyLimits, Endpoint, Route, Voice } from '../core/exchange.ts';
import { openaiChat } from './openai-chat.ts';
import { openaiCompletions } from './openai-completions.ts';
import { openaiEmbeddings } from './openai-embeddings.ts';
import { openaiVoice } from './openai-voice.ts';
import type { PlacedRoute } from './route-table.ts';

interface CallRoute {
  readonly name: string;
  readonly paths: readonly string[];
  readonly endpoint: Endpoint;
  readonly voice: Voice;
  readonly totalMs?: number;
}

const table: readonly CallRoute[] = [
  {
    name: 'openai.chat',
    paths: ['/v1/chat/completions', '/chat/completions'],
    endpoint: openaiChat,
    voice: openaiVoice,
  },
  {
    name: 'openai.completions',
    paths: ['/v1/completions', '/completions'],
    endpoint: openaiCompletions,
    voice: openaiVoice,
  },
  {
    name: 'openai.embeddings',
    paths: ['/v1/embeddings'],
    endpoint: openaiEmbeddings,
    voice: openaiVoice,
  },
];

export function callRoutes(limits: BodyLimits): readonly PlacedRoute[] {
  return table.flatMap(({ name, paths, endpoint, voice, totalMs }) => {
    const route: Route = {
      name,
      permission: 'infer',
      limits,
      voice,
      endpoint,
      ...(totalMs === undefined ? {} : { totalMs }),
    };
    return paths.map((path) => ({ method: 'POST', path, route }));
  });
}
