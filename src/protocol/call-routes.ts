/** Every route that calls a model. */
import type { BodyLimits, Endpoint, Route, Voice } from '../core/exchange.ts';
import { callPaths } from './call-paths.ts';
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
  readonly endpoint: Endpoint;
  readonly voice: Voice;
  readonly totalMs?: number;
}

const table: Readonly<Record<keyof typeof callPaths, CallRoute>> = {
  'openai.chat': { endpoint: openaiChat, voice: openaiVoice },
  'openai.completions': { endpoint: openaiCompletions, voice: openaiVoice },
  'openai.embeddings': { endpoint: openaiEmbeddings, voice: openaiVoice },
  'ollama.chat': { endpoint: ollamaChat, voice: ollamaVoice },
  'ollama.generate': { endpoint: ollamaGenerate, voice: ollamaVoice },
  'ollama.embed': { endpoint: ollamaEmbed, voice: ollamaVoice },
  'ollama.embeddings': { endpoint: ollamaEmbeddings, voice: ollamaVoice },
  'simple.generate': { endpoint: simpleGenerate, voice: simpleVoice },
  // Its clients were promised an answer or `LLM timeout` by then.
  'simple.complete': { endpoint: simpleComplete, voice: simpleVoice, totalMs: 30_000 },
  'simple.stream': { endpoint: simpleStream, voice: simpleVoice },
  'simple.chat': { endpoint: simpleChat, voice: simpleVoice },
  'simple.embeddings': { endpoint: simpleEmbeddings, voice: simpleVoice },
};

export function callRoutes(limits: BodyLimits): readonly PlacedRoute[] {
  const names = Object.keys(callPaths) as (keyof typeof callPaths)[];
  return names.flatMap((name) => {
    const route: Route = { name, permission: 'infer', limits, ...table[name] };
    return callPaths[name].map((path) => ({ method: 'POST', path, route }));
  });
}
