/** Where something is answered that calls no model, by the names of the routes: read by the configuration too, without what answers. */
import type { Permission } from '../core/exchange.ts';

interface AnswerPaths {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  readonly permission: Permission;
  readonly paths: readonly string[];
}

/** Blobs are named by their digests. */
export const blobsPath = '/api/blobs/';

export const answerPaths = {
  'openai.models': { method: 'GET', permission: 'infer', paths: ['/v1/models', '/models'] },
  'openai.model': { method: 'GET', permission: 'infer', paths: ['/v1/models/*', '/models/*'] },
  'ollama.root': { method: 'GET', permission: 'public', paths: ['/'] },
  'ollama.version': { method: 'GET', permission: 'infer', paths: ['/api/version'] },
  'ollama.tags': { method: 'GET', permission: 'infer', paths: ['/api/tags'] },
  'ollama.ps': { method: 'GET', permission: 'infer', paths: ['/api/ps'] },
  'ollama.show': { method: 'POST', permission: 'infer', paths: ['/api/show'] },
  'ollama.pull': { method: 'POST', permission: 'operate', paths: ['/api/pull'] },
  'ollama.push': { method: 'POST', permission: 'operate', paths: ['/api/push'] },
  'ollama.create': { method: 'POST', permission: 'operate', paths: ['/api/create'] },
  'ollama.copy': { method: 'POST', permission: 'operate', paths: ['/api/copy'] },
  'ollama.delete': { method: 'DELETE', permission: 'operate', paths: ['/api/delete'] },
  'ollama.blob': { method: 'HEAD', permission: 'operate', paths: [`${blobsPath}*`] },
  'ollama.upload': { method: 'POST', permission: 'operate', paths: [`${blobsPath}*`] },
  livez: { method: 'GET', permission: 'public', paths: ['/livez'] },
  readyz: { method: 'GET', permission: 'public', paths: ['/readyz'] },
  health: { method: 'GET', permission: 'public', paths: ['/health'] },
  dependencies: { method: 'GET', permission: 'metrics', paths: ['/healthz/deps'] },
  metrics: { method: 'GET', permission: 'metrics', paths: ['/metrics'] },
} as const satisfies Readonly<Record<string, AnswerPaths>>;

/** Where it is told what can be asked, unless that is switched off. */
export const documentPaths = {
  'documents.openapi': '/openapi.json',
  'documents.docs': '/docs',
  'documents.redoc': '/redoc',
} as const;
