/** Keys of the configuration and of the first run, looked up by their hash. */
import { hash } from 'node:crypto';
import type { Principal } from '../../core/exchange.ts';

export interface StaticKey {
  readonly key: string;
  readonly principal: Principal;
}

export interface MemoryKeyStore {
  find(key: string): Principal | undefined;
}

/**
 * By SHA-256 of the whole key: how long a look-up takes tells nothing about keys that exist (G2, G3). A key that was found
 * is found by itself from then on; the table compares its seeded hash first, so that near misses take as long as far ones.
 */
export function createMemoryKeyStore(keys: readonly StaticKey[]): MemoryKeyStore {
  const byHash = new Map(keys.map(({ key, principal }) => [hashOf(key), principal]));
  const seen = new Map<string, Principal>();
  return {
    find: (key) => {
      const known = seen.get(key);
      if (known !== undefined) return known;
      const principal = byHash.get(hashOf(key));
      if (principal !== undefined) seen.set(key, principal);
      return principal;
    },
  };
}

function hashOf(key: string): string {
  return hash('sha256', key, 'base64');
}
