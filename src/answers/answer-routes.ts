/** Every route that calls no model. */
import type { Permission, Route } from '../core/exchange.ts';
import { ollamaVoice } from '../protocol/ollama-voice.ts';
import { openaiVoice } from '../protocol/openai-voice.ts';
import type { PlacedRoute } from '../protocol/route-table.ts';
import { simpleVoice } from '../protocol/simple-voice.ts';
import { audited } from './audited.ts';
import { dependencies } from './dependencies.ts';
import { health, livez, metrics, readyz } from './health.ts';
import type { Knowledge } from './knowledge.ts';
import { running, version } from './ollama-about.ts';
import { blobsPath, checkBlob, uploadBlob } from './ollama-blobs.ts';
import { copy, remove } from './ollama-changes.ts';
import { listLoaded } from './ollama-ps.ts';
import { show } from './ollama-show.ts';
import { listTags } from './ollama-tags.ts';
import { create, pull, push } from './ollama-transfers.ts';
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
  const ollama: readonly Row[] = [
    ['GET', '/', 'ollama.root', 'public', running()],
    ['GET', '/api/version', 'ollama.version', 'infer', version()],
    ['GET', '/api/tags', 'ollama.tags', 'infer', listTags(knowledge)],
    ['GET', '/api/ps', 'ollama.ps', 'infer', listLoaded(knowledge)],
    ['POST', '/api/show', 'ollama.show', 'infer', show(knowledge)],
    ['POST', '/api/pull', 'ollama.pull', 'operate', pull(knowledge)],
    ['POST', '/api/push', 'ollama.push', 'operate', push(knowledge)],
    ['POST', '/api/create', 'ollama.create', 'operate', create(knowledge)],
    ['POST', '/api/copy', 'ollama.copy', 'operate', copy(knowledge)],
    ['DELETE', '/api/delete', 'ollama.delete', 'operate', remove(knowledge)],
  ];
  const blobs: readonly Row[] = [
    ['HEAD', `${blobsPath}*`, 'ollama.blob', 'operate', checkBlob(knowledge)],
    ['POST', `${blobsPath}*`, 'ollama.upload', 'operate', uploadBlob(knowledge)],
  ];
  const plain: readonly Row[] = [
    ['GET', '/livez', 'livez', 'public', livez()],
    ['GET', '/readyz', 'readyz', 'public', readyz(knowledge)],
    ['GET', '/health', 'health', 'public', health(knowledge)],
    ['GET', '/healthz/deps', 'dependencies', 'metrics', dependencies(knowledge)],
    ['GET', '/metrics', 'metrics', 'metrics', metrics(knowledge)],
  ];
  const { limits, blobLimits, auditor } = knowledge;
  const withAudit = ({ method, path, route }: PlacedRoute): PlacedRoute => {
    const { permission, answer } = route;
    const changes = permission === 'operate' && method !== 'HEAD' && answer !== undefined;
    return { method, path, route: changes ? { ...route, answer: audited(auditor, answer) } : route };
  };
  return [
    ...openai.map((row) => place(row, { voice: openaiVoice, limits })),
    ...ollama.map((row) => place(row, { voice: ollamaVoice, limits })).map(withAudit),
    ...blobs.map((row) => place(row, { voice: ollamaVoice, limits: blobLimits })).map(withAudit),
    ...plain.map((row) => place(row, { voice: simpleVoice, limits })),
  ];
}

function place(row: Row, rest: Pick<Route, 'voice' | 'limits'>): PlacedRoute {
  const [method, path, name, permission, answer] = row;
  return { method, path, route: { name, permission, answer, ...rest } };
}
