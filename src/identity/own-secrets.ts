/** The admin token and the first client key: made once, kept in files that only their owner can read. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface OwnSecrets {
  readonly adminToken: string;
  readonly clientKey: string;
  /** Whether this start made the key: only then is it worth pointing out. */
  readonly fresh: boolean;
}

export async function openOwnSecrets(folder: string): Promise<OwnSecrets> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const token = await readOrMake(join(folder, 'admin-token'), () => `mr-admin-${randomBytes(32).toString('base64url')}`);
  const key = await readOrMake(join(folder, 'client-key'), makeClientKey);
  return { adminToken: token.text, clientKey: key.text, fresh: key.fresh };
}

/** 160 random bits, a prefix that secret scanners can learn, and a checksum that tells a typing error from a wrong key. */
export function makeClientKey(): string {
  const random = randomBytes(20).toString('hex');
  return `sk-mr-${random}${createHash('sha256').update(random).digest('hex').slice(0, 6)}`;
}

async function readOrMake(path: string, make: () => string): Promise<{ text: string; fresh: boolean }> {
  try {
    return { text: (await readFile(path, 'utf8')).trim(), fresh: false };
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT')) throw thrown;
  }
  const text = make();
  try {
    // `wx`: of two processes that start at once, one makes the secret and the other reads it.
    await writeFile(path, `${text}\n`, { mode: 0o600, flag: 'wx' });
    return { text, fresh: true };
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
    return { text: (await readFile(path, 'utf8')).trim(), fresh: false };
  }
}
