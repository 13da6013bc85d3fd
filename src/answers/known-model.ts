/** What the fleet has told about the model behind a name. */
import type { JsonObject } from '../core/call.ts';
import type { Target, Upstream } from '../core/exchange.ts';
import type { KnownModel } from '../protocol/ollama-listing.ts';
import type { Knowledge } from './knowledge.ts';

/** What each upstream says of each of its models. */
export type Descriptions = (target: Target) => JsonObject | undefined;

export function descriptionsOf({ catalogue }: Knowledge): Descriptions {
  const byUpstream = new Map<Upstream, ReadonlyMap<string, JsonObject>>();
  return ({ upstream, model }) => {
    let models = byUpstream.get(upstream);
    if (models === undefined) {
      models = new Map(catalogue.described(upstream).map((offer) => [offer.name, offer.described]));
      byUpstream.set(upstream, models);
    }
    return models.get(model) ?? models.get(`${model}:latest`);
  };
}

/** Ollama's own servers tell most about a model, so theirs are asked first. */
export function knownModel(name: string, targets: readonly Target[], describe: Descriptions): KnownModel {
  const described = targets.filter((target) => describe(target) !== undefined);
  const target = described.find(isOllamaTarget) ?? described[0] ?? targets[0];
  return {
    name,
    model: target?.model ?? name,
    dialect: target?.upstream.adapter.dialect ?? '',
    described: target === undefined ? undefined : describe(target),
  };
}

export function isOllamaTarget(target: Target): boolean {
  return isOllama(target.upstream);
}

export function isOllama(upstream: Upstream): boolean {
  return upstream.adapter.dialect === 'ollama';
}
