/** Secrets in Vault or OpenBao: the key-value engine, version 2. */
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { Dialer } from '../net/dialer.ts';
import type { VaultOptions } from './options.ts';
import { type SecretDocument, type SecretSource, SecretTrouble } from './secret-source.ts';
import { type AskVault, createAskVault, VaultRefusal } from './vault-request.ts';
import { VaultToken } from './vault-token.ts';

export interface VaultContext {
  readonly dialer: Dialer;
  readonly clock: Clock;
  /** In PEM. */
  readonly ca: string | undefined;
  /** For each question. */
  readonly timeoutMs: number;
}

const document = z.object({ data: z.object({ data: z.record(z.string(), z.unknown()) }) });

export function createVault(options: VaultOptions, context: VaultContext): SecretSource {
  const ask = createAskVault({ options, ...context });
  const token = new VaultToken(options.auth, { ask, clock: context.clock });
  return {
    read: async (place) => {
      const path = `${options.mount}/data/${place.split('/').map(encodeURIComponent).join('/')}`;
      const read = document.safeParse(await askWith(token, ask, path));
      if (read.success) return read.data.data.data as SecretDocument;
      throw new SecretTrouble(`Vault has no version 2 secret at ${options.mount}/${place}`, { away: false });
    },
    close: () => token.close(),
  };
}

/** A token that ended while nobody looked is followed by a new one, once. */
async function askWith(token: VaultToken, ask: AskVault, path: string): Promise<unknown> {
  try {
    return await ask({ method: 'GET', path, token: await token.text() });
  } catch (thrown) {
    if (!(thrown instanceof VaultRefusal) || thrown.status !== 403 || !token.drop()) throw thrown;
    return await ask({ method: 'GET', path, token: await token.text() });
  }
}
