/** Every model that may be asked for, each name once, as Ollama lists what it keeps. */
import type { Route } from '../core/exchange.ts';
import { modelsInScope } from '../identity/model-scope.ts';
import { tagRow } from '../protocol/ollama-listing.ts';
import { jsonReply } from './json-reply.ts';
import type { Knowledge } from './knowledge.ts';
import { descriptionsOf, knownModel } from './known-model.ts';

export function listTags(knowledge: Knowledge): NonNullable<Route['answer']> {
  return ({ principal }) => {
    const describe = descriptionsOf(knowledge);
    const models = modelsInScope(principal, knowledge.models.names()).map((name) =>
      tagRow(knownModel(name, knowledge.models.find(name)?.targets ?? [], describe)),
    );
    return jsonReply({ models });
  };
}
