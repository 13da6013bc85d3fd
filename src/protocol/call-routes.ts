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
import { simpleChat } from './simple-chat.ts';
import { simpleComplete, simpleStream } from './simple-complete.ts';
import { simpleEmbeddings } from './simple-embeddings.ts';
import { simpleGenerate } from './simple-generate.ts';
import { simpleVoice } from './simple-voice.ts';

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
  {
    name: 'simple.generate',
    paths: ['/generate'],
    endpoint: simpleGenerate,
    voice: simpleVoice,
  },
  {
    name: 'simple.complete',
    paths: ['/api/v1/complete', '/api/complete'],
    endpoint: simpleComplete,
    voice: simpleVoice,
    // Its clients were promised an answer or `LLM timeout` by then.
    totalMs: 30_000,
  },
  { name: 'simple.stream', paths: ['/api/v1/stream'], endpoint: simpleStream, voice: simpleVoice },
  { name: 'simple.chat', paths: ['/chat', '/api/v1/chat'], endpoint: simpleChat, voice: simpleVoice },
  { name: 'simple.embeddings', paths: ['/embeddings'], endpoint: simpleEmbeddings, voice: simpleVoice },
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
