/** Secrets that operators keep in the store: sealed with a key of the gateway's own. */
import type { Sealers } from '../core/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { SealError } from '../lib/seal.ts';
import { unavailable } from './sql/outage.ts';
import type { SecretFacts, SecretRows } from './sql/secret-rows.ts';

export interface StoredSecretsOptions {
  readonly rows: SecretRows;
  readonly sealers: Pick<Sealers, 'of'>;
  readonly clock: Clock;
}

export interface StoredSecrets {
  /** Names and dates: values come back to nobody but the configuration. */
  list(): Promise<readonly SecretFacts[]>;
  /** For the configuration alone. */
  read(name: string): Promise<string | undefined>;
  put(name: string, value: string, by: string): Promise<SecretFacts>;
  /** False when there was none. */
  remove(name: string): Promise<boolean>;
}

export function createStoredSecrets({ rows, sealers, clock }: StoredSecretsOptions): StoredSecrets {
  return {
    list: () => rows.list(),
    read: async (name) => {
      const row = await rows.find(name);
      if (row === undefined) return undefined;
      const sealer = await sealers.of('', '');
      try {
        return Buffer.from(sealer.open(Buffer.from(row.sealed, 'base64url'), about(name))).toString();
      } catch (cause) {
        if (!(cause instanceof SealError)) throw cause;
        throw unavailable(`the secret ${name} does not open: ${cause.message}`, cause);
      }
    },
    put: async (name, value, by) => {
      const sealer = await sealers.of('', '');
      const sealed = Buffer.from(sealer.seal(Buffer.from(value), about(name))).toString('base64url');
      return await rows.put({ name, sealed, updatedAtMs: clock.wall(), updatedBy: by });
    },
    remove: (name) => rows.remove(name),
  };
}

/** One that is copied under another's name does not open there. */
function about(name: string): string {
  return `secret ${name}`;
}
