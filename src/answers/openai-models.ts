/** `GET /v1/models` and `/v1/models/ID`. */
import type { Route } from '../core/exchange.ts';
import { assertModelInScope, modelsInScope } from '../identity/model-scope.ts';
import { decodePercent } from '../lib/percent.ts';
import { jsonReply } from './json-reply.ts';
import type { Knowledge } from './knowledge.ts';

type Answer = NonNullable<Route['answer']>;

export function listModels(knowledge: Knowledge): Answer {
  return ({ principal }) =>
    jsonReply({ object: 'list', data: modelsInScope(principal, knowledge.models.names()).map(describe) });
}

export function showModel(knowledge: Knowledge): Answer {
  return async ({ incoming, principal }) => {
    const id = decodePercent(incoming.path.replace(/^(?:\/v1)?\/models\//, ''));
    assertModelInScope(principal, id);
    knowledge.models.require(id);
    return jsonReply(describe(id));
  };
}

/** When a model came into being is not known here; clients want the field all the same. */
function describe(id: string) {
  return { id, object: 'model', created: 0, owned_by: 'millrace' };
}
