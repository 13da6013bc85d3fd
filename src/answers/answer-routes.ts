/** Every route that calls no model. */
import type { Route, Voice } from '../core/exchange.ts';
import { ollamaVoice } from '../protocol/ollama-voice.ts';
import { openaiVoice } from '../protocol/openai-voice.ts';
import type { PlacedRoute } from '../protocol/route-table.ts';
import { simpleVoice } from '../protocol/simple-voice.ts';
import { answerPaths } from './answer-paths.ts';
import { audited } from './audited.ts';
import { dependencies } from './dependencies.ts';
import { health, livez, metrics, readyz } from './health.ts';
import type { Knowledge } from './knowledge.ts';
import { running, version } from './ollama-about.ts';
import { checkBlob, uploadBlob } from './ollama-blobs.ts';
import { copy, remove } from './ollama-changes.ts';
import { listLoaded } from './ollama-ps.ts';
import { show } from './ollama-show.ts';
import { listTags } from './ollama-tags.ts';
import { create, pull, push } from './ollama-transfers.ts';
import { listModels, showModel } from './openai-models.ts';

type Answer = NonNullable<Route['answer']>;
type Name = keyof typeof answerPaths;

const answers: Readonly<Record<Name, (knowledge: Knowledge) => Answer>> = {
  'openai.models': listModels,
  'openai.model': showModel,
  'ollama.root': running,
  'ollama.version': version,
  'ollama.tags': listTags,
  'ollama.ps': listLoaded,
  'ollama.show': show,
  'ollama.pull': pull,
  'ollama.push': push,
  'ollama.create': create,
  'ollama.copy': copy,
  'ollama.delete': remove,
  'ollama.blob': checkBlob,
  'ollama.upload': uploadBlob,
  livez,
  readyz,
  health,
  dependencies,
  metrics,
};
const ofBlobs: readonly Name[] = ['ollama.blob', 'ollama.upload'];

export function answerRoutes(knowledge: Knowledge): readonly PlacedRoute[] {
  const names = Object.keys(answers) as Name[];
  return names.flatMap((name) => {
    const { method, permission, paths } = answerPaths[name];
    const plain = answers[name](knowledge);
    const changes = permission === 'operate' && method !== 'HEAD';
    const answer = changes ? audited(knowledge.auditor, plain) : plain;
    const limits = ofBlobs.includes(name) ? knowledge.blobLimits : knowledge.limits;
    const route: Route = { name, permission, answer, limits, voice: voiceOf(name) };
    return paths.map((path) => ({ method, path, route }));
  });
}

/** Whose route it is, its name begins with; what is nobody's is told plainly. */
function voiceOf(name: Name): Voice {
  if (name.startsWith('openai.')) return openaiVoice;
  return name.startsWith('ollama.') ? ollamaVoice : simpleVoice;
}
