/** Secrets that operators keep in the gateway's own store, for the configuration that refers to them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../core/failure.ts';
import type { Clock } from '../lib/clock.ts';
import type { KeyRing } from '../lib/seal.ts';
import { type SecretSource, SecretTrouble } from '../secrets/secret-source.ts';
import { createMemoryPresence } from '../stores/memory/presence.ts';
import { openStore } from '../stores/open-store.ts';
import { createSealers } from '../stores/sealers.ts';
import { sayOutage } from '../stores/sql/outage.ts';
import type { Store } from '../stores/sql/store.ts';
import type { DurableStoreOption } from '../stores/store-options.ts';
import { fileName } from '../stores/store-options.ts';
import { createStoredSecrets, type StoredSecrets } from '../stores/stored-secrets.ts';

export interface StorePlace {
  readonly store: DurableStoreOption;
  readonly dataDir: string;
  readonly masterKeys: KeyRing;
  readonly clock: Clock;
}

export interface OpenedStore {
  readonly store: Store;
  readonly secrets: StoredSecrets;
  readonly masterKeys: KeyRing;
  close(): Promise<void>;
}

export async function openStoredSecrets({
  store: option,
  dataDir,
  masterKeys,
  clock,
}: StorePlace): Promise<OpenedStore> {
  const store = await openStore(option, { dataDir, replicas: () => 1, clock, onTrouble: () => {} });
  const sealers = createSealers({
    dataKeys: store.dataKeys,
    masterKeys,
    clock,
    presence: createMemoryPresence(),
  });
  const secrets = createStoredSecrets({ rows: store.secretRows, sealers, clock });
  const close = async () => {
    sealers.close();
    await store.close();
  };
  return { store, secrets, masterKeys, close };
}

/** Open from the first secret that is read on. */
export function createStoreSource({
  masterKeys,
  ...place
}: Omit<StorePlace, 'masterKeys'> & { readonly masterKeys: KeyRing | undefined }): SecretSource {
  let opened: Promise<OpenedStore> | undefined;
  return {
    read: async (name) => {
      // Opening it would make it; and without a master key nothing was ever kept in it.
      const made = place.store !== 'sqlite' || existsSync(join(place.dataDir, fileName));
      if (masterKeys === undefined || !made) throw missing();
      opened ??= openStoredSecrets({ ...place, masterKeys });
      const value = await (await opened).secrets.read(name).catch((cause: unknown) => {
        if (!(cause instanceof Failure)) throw cause;
        const away = cause.code === 'dependency_unavailable';
        throw new SecretTrouble(`the store cannot be asked: ${sayOutage(cause)}`, { away, cause });
      });
      if (value === undefined) throw missing();
      return value;
    },
    close: async () => {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

function missing(): SecretTrouble {
  return new SecretTrouble('the store has no such secret; `millrace secrets set NAME` keeps one', {
    away: false,
  });
}
