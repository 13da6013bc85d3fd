/**
 * Sealers for what replicas share that share no database: data keys in one's own would open nothing at another. Their
 * keys live as long as the master key, and none can be destroyed alone.
 */
import type { Sealers } from '../core/ports.ts';
import type { KeyRing } from '../lib/seal.ts';

export function createDerivedSealers(masterKeys: KeyRing): Pick<Sealers, 'of'> {
  return {
    of: (tenant, user) => Promise.resolve(masterKeys.derive(`data key ${JSON.stringify([tenant, user])}`)),
  };
}
