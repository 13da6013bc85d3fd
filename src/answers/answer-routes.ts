/** Every route that calls no model. */
import type { Permission, Route } from '../core/exchange.ts';
import { openaiVoice } from '../protocol/openai-voice.ts';
import type { PlacedRoute } from '../protocol/route-table.ts';
import { simpleVoice } from '../protocol/simple-voice.ts';
import { health, livez, metrics, readyz } from './health.ts';
import type { Knowledge } from './knowledge.ts';
import { listModels, showModel } from './openai-models.ts';

type Answer = NonNullable<Route['answer']>;
type Row = readonly [method: string, path: string, name: string, permission: Permission, answer: Answer];

export function answerRoutes(knowledge: Knowledge): readonly PlacedRoute[] {
  const openai: readonly Row[] = [
    ['GET', '/v1/models', 'openai.models', 'infer', listModels(knowledge)],
    ['GET', '/models', 'openai.models', 'infer', listModels(knowledge)],
    ['GET', '/v1/models/*', 'openai.model', 'infer', showModel(knowledge)],
    ['GET', '/models/*', 'openai.model', 'infer', showModel(knowledge)],
  ];
  const plain: readonly Row[] = [
    ['GET', '/livez', 'livez', 'public', livez()],
    ['GET', '/readyz', 'readyz', 'public', readyz(knowledge)],
    ['GET', '/health', 'health', 'public', health(knowledge)],
    ['GET', '/metrics', 'metrics', 'metrics', metrics(knowledge)],
  ];
  const { limits } = knowledge;
  return [
    ...openai.map((row) => place(row, { voice: openaiVoice, limits })),
    ...plain.map((row) => place(row, { voice: simpleVoice, limits })),
  ];
}

function place(row: Row, rest: Pick<Route, 'voice' | 'limits'>): PlacedRoute {
  const [method, path, name, permission, answer] = row;
  return { method, path, route: { name, permission, answer, ...rest } };
}
