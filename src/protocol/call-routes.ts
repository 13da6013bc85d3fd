/** Every route that calls a model. */
import type { BodyLimits, Endpoint, Route, Voice } from '../core/exchange.ts';
import { ollamaChat } from './ollama-chat.ts';
import { ollamaEmbed, ollamaEmbeddings } from './ollama-embed.ts';
import { ollamaGenerate } from './ollama-generate.ts';
import { ollamaVoice } from './ollama-voice.ts';
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
  { name: 'ollama.chat', paths: ['/api/chat'], endpoint: ollamaChat, voice: ollamaVoice },
  { name: 'ollama.generate', paths: ['/api/generate'], endpoint: ollamaGenerate, voice: ollamaVoice },
  { name: 'ollama.embed', paths: ['/api/embed'], endpoint: ollamaEmbed, voice: ollamaVoice },
  { name: 'ollama.embeddings', paths: ['/api/embeddings'], endpoint: ollamaEmbeddings, voice: ollamaVoice },
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
