/** The copy of the applied configuration in the data folder: a gateway starts by it while the store is away. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../config/problem.ts';
import { type ConfigVersion, configSources } from '../core/config-version.ts';
import { hasCode } from '../lib/has-code.ts';

export interface AppliedCopy {
  readonly version: ConfigVersion;
  /** What the file said when it was looked at last. */
  readonly fileDigest: string;
}

const fileName = 'applied-config.json';

const copyShape = z.object({
  version: z.object({
    number: z.int().min(1),
    atMs: z.int(),
    by: z.string(),
    source: z.enum(configSources),
    note: z.string(),
    fileDigest: z.string(),
    masked: z.boolean(),
    text: z.string(),
    // One that was written before anybody asked says nothing.
    vouched: z.union([z.array(z.string()), z.literal('all')]).default('all'),
  }),
  fileDigest: z.string(),
});

/** Nothing where nobody ever applied. Throws `ConfigError` where it cannot be read: going on without it would undo what was applied. */
export async function readAppliedCopy(folder: string): Promise<AppliedCopy | undefined> {
  const path = join(folder, fileName);
  try {
    return copyShape.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    // That the data folder is none is said by whoever makes it.
    if (hasCode(cause, 'ENOENT') || hasCode(cause, 'ENOTDIR')) return undefined;
    const message = 'cannot be read; the store has the same, so remove it and start again';
    throw new ConfigError([{ file: path, line: 0, column: 0, path: '', message }], { cause });
  }
}

/** Writes one after the other, in the order they came: two at once would write into one another's. */
export class AppliedCopyFile {
  readonly #path: string;
  #written: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.#path = join(folder, fileName);
  }

  write(copy: AppliedCopy): Promise<void> {
    const written = this.#written.then(() => writeWhole(this.#path, copy));
    this.#written = written.catch(() => undefined);
    return written;
  }

  /** Resolves when nothing is written any more. */
  close(): Promise<void> {
    return this.#written;
  }
}

/** Appears whole or not at all. */
async function writeWhole(path: string, copy: AppliedCopy): Promise<void> {
  const beside = `${path}.new`;
  try {
    await writeFile(beside, JSON.stringify(copy), { mode: 0o600, flush: true });
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
}
