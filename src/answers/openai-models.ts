/** `GET /v1/models` and `/v1/models/ID`. */
import type { Route } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import { decodePercent } from '../lib/percent.ts';
import { jsonReply } from './json-reply.ts';
import type { Knowledge } from './knowledge.ts';

type Answer = NonNullable<Route['answer']>;

export function listModels(knowledge: Knowledge): Answer {
  return () => jsonReply({ object: 'list', data: knowledge.models.names().map(describe) });
}

export function showModel(knowledge: Knowledge): Answer {
  return ({ incoming }) => {
    const id = decodePercent(incoming.path.replace(/^(?:\/v1)?\/models\//, ''));
    if (knowledge.models.find(id) !== undefined) return jsonReply(describe(id));
    return Promise.reject(
      fail('model_not_found', `the model "${id.slice(0, 200)}" does not exist here`, { param: 'model' }),
    );
  };
}

/** When a model came into being is not known here; clients want the field all the same. */
function describe(id: string) {
  return { id, object: 'model', created: 0, owned_by: 'millrace' };
}
