/** The keys of the configuration, as requests meet them. */
import type { Config } from '../config/schema.ts';
import { compileScopes } from '../identity/compile-scopes.ts';
import { compileAddresses } from '../net/compile-addresses.ts';
import type { StaticKey } from '../stores/memory/key-store.ts';

export function configuredKeys({ keys }: Pick<Config, 'keys'>): readonly StaticKey[] {
  return keys.map(({ name, key, tenant, team = '', user = '', role, scopes, expiresAt }) => {
    const compiled = compileScopes(scopes, compileAddresses);
    const narrowed = compiled === undefined ? {} : { scopes: compiled };
    return {
      key: key.reveal(),
      principal: { keyName: name, tenant, team, user, role, ...narrowed },
      ...(expiresAt === null ? {} : { untilMs: Date.parse(expiresAt) }),
    };
  });
}
