/** What was read last, sealed in the data folder: a restart does not need those who were asked for it. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode } from '../lib/has-code.ts';
import { type KeyRing, SealError } from '../lib/seal.ts';

export interface KeptSecrets {
  readonly atMs: number;
  /** By their references as they are written. */
  readonly values: ReadonlyMap<string, string>;
}

const shape = z.object({ atMs: z.number(), values: z.record(z.string(), z.string()) });
const fileName = 'secrets.sealed';
const about = 'kept secrets';

/** Nothing where none were kept, or none that these keys open. */
export async function readKeptSecrets(folder: string, masterKeys: KeyRing): Promise<KeptSecrets | undefined> {
  try {
    const sealed = await readFile(join(folder, fileName));
    const { atMs, values } = shape.parse(JSON.parse(masterKeys.open(sealed, about).toString()));
    return { atMs, values: new Map(Object.entries(values)) };
  } catch (thrown) {
    if (thrown instanceof SealError || hasCode(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
}

/** Appears whole or not at all. */
export async function keepSecrets(
  folder: string,
  masterKeys: KeyRing,
  { atMs, values }: KeptSecrets,
): Promise<void> {
  const text = JSON.stringify({ atMs, values: Object.fromEntries(values) });
  const path = join(folder, fileName);
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(beside, masterKeys.seal(Buffer.from(text), about), {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    });
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
}
