/** Operators change servers, so they name models as servers do: a name that is only the gateway's own changes nothing. */
import type { Json } from '../core/call.ts';
import { fail } from '../core/failure.ts';
import type { Knowledge } from './knowledge.ts';
import { isOllamaTarget } from './known-model.ts';

const targetsNamedMax = 5;

/**
 * Throws for a name of the configuration's `models` that none of its Ollama servers knows. Passed on, it would mean a
 * stranger's model in a registry to pull, or make one that no client reaches, since the configured name comes first.
 */
export function refuseAlias({ models }: Knowledge, name: Json | undefined, param: string): void {
  const alias = typeof name === 'string' ? models.configured(name) : undefined;
  if (alias === undefined) return;
  const servers = alias.targets.filter(isOllamaTarget);
  if (servers.some(({ model }) => withTag(model) === withTag(alias.name))) return;
  const behind = (servers.length === 0 ? alias.targets : servers)
    .slice(0, targetsNamedMax)
    .map(({ upstream, model }) => `${model} on ${upstream.name}`);
  const stands = `"${alias.name}" is the gateway's own name for ${behind.join(', ') || 'nothing'}`;
  const instead =
    servers.length === 0 ? 'which no Ollama server keeps' : 'so name the model as it is called there';
  const tag = alias.name.includes(':')
    ? ''
    : `; a server's own model of that name is "${withTag(alias.name)}"`;
  throw fail('invalid_request', `${stands}, ${instead}${tag}`, { param });
}

/** Ollama's names mean `:latest` when they say nothing. */
function withTag(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).includes(':') ? name : `${name}:latest`;
}
