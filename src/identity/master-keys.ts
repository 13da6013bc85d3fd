/** The keys that seal what is kept: as configured, or made once in the data folder. */
import { KeyRing, parseKey, type SealingKey } from '../lib/seal.ts';
import type { Secret } from '../lib/secret.ts';
import { openOwnMasterKey, readOwnMasterKey } from './own-secrets.ts';

export interface MasterKeyOptions {
  readonly masterKey?: Secret | undefined;
  readonly previousMasterKeys: readonly Secret[];
}

/** Makes one in the folder where none is configured and none was made. */
export async function openMasterKeys(options: MasterKeyOptions, folder: string): Promise<KeyRing> {
  return ringOf(options.masterKey?.reveal() ?? (await openOwnMasterKey(folder)), options);
}

/** Changes nothing: nothing where there is none yet. */
export async function readMasterKeys(
  options: MasterKeyOptions,
  folder: string,
): Promise<KeyRing | undefined> {
  const current = options.masterKey?.reveal() ?? (await readOwnMasterKey(folder));
  return current === undefined ? undefined : ringOf(current, options);
}

export class SpoiltMasterKey extends Error {
  constructor() {
    super(
      'a master key is not 32 bytes in hexadecimal or base64: put back the one that was there, without it what it sealed is lost',
    );
    this.name = 'SpoiltMasterKey';
  }
}

function ringOf(current: string, { previousMasterKeys }: MasterKeyOptions): KeyRing {
  return new KeyRing(
    readKey(current),
    previousMasterKeys.map((key) => readKey(key.reveal())),
  );
}

/** What the configuration says is checked when it is loaded; what lies in the data folder is not. */
function readKey(text: string): SealingKey {
  const key = parseKey(text);
  if (key === undefined) throw new SpoiltMasterKey();
  return key;
}
