/** The keys that seal what is kept: as configured, or made once in the data folder. */
import type { InstallConfig } from '../config/schema.ts';
import type { Sealers } from '../core/ports.ts';
import { openOwnMasterKey } from '../identity/own-secrets.ts';
import { KeyRing, parseKey, type SealingKey } from '../lib/seal.ts';

export async function openMasterKeys(config: InstallConfig): Promise<KeyRing> {
  const { masterKey, previousMasterKeys } = config.secrets;
  const current = masterKey?.reveal() ?? (await openOwnMasterKey(config.data));
  return new KeyRing(
    readKey(current),
    previousMasterKeys.map((key) => readKey(key.reveal())),
  );
}

/**
 * For what replicas share that share no database: data keys in one's own would open nothing at another. These live as
 * long as the master key.
 */
export function derivedSealers(masterKeys: KeyRing): Pick<Sealers, 'of'> {
  return {
    of: (tenant, user) => Promise.resolve(masterKeys.derive(`data key ${JSON.stringify([tenant, user])}`)),
  };
}

/** What the configuration says was checked when it was loaded; what lies in the data folder was not. */
function readKey(text: string): SealingKey {
  const key = parseKey(text);
  if (key === undefined) throw new SpoiltMasterKey();
  return key;
}

export class SpoiltMasterKey extends Error {
  constructor() {
    super(
      'the file master-key in the data folder is no key: put back the one that was there; without it what it sealed is lost',
    );
    this.name = 'SpoiltMasterKey';
  }
}
