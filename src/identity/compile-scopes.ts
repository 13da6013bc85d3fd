/** What a key is narrowed to, as requests are asked about it. */
import type { KeyScopes } from '../core/directory.ts';
import type { Scopes } from '../core/exchange.ts';

export type CompileAddresses = (addresses: readonly string[]) => (address: string) => boolean;

/** Nothing where the lists are empty: they narrow nothing. */
export function compileScopes(
  { models, routes, addresses }: KeyScopes,
  compileAddresses: CompileAddresses,
): Scopes | undefined {
  if (models.length + routes.length + addresses.length === 0) return undefined;
  return {
    ...(models.length === 0 ? {} : { models: new Set(models) }),
    ...(routes.length === 0 ? {} : { routes: new Set(routes) }),
    ...(addresses.length === 0 ? {} : { allowsAddress: compileAddresses(addresses) }),
  };
}
