/** The admin token and the first client key: made once, kept in files that only their owner can read. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode } from '../lib/has-code.ts';
import { makeKey } from './api-key.ts';

export interface OwnSecrets {
  readonly adminToken: string;
  readonly clientKey: string;
  /** Whether this start made the key: only then is it worth pointing out. */
  readonly fresh: boolean;
  /** Files and folders that others than their owner may write: they could put secrets of their own in place of these. */
  readonly writableByOthers: readonly string[];
}

export async function openOwnSecrets(folder: string): Promise<OwnSecrets> {
  await makeFolder(folder);
  const token = await readOrMake(
    join(folder, 'admin-token'),
    () => `mr-admin-${randomBytes(32).toString('base64url')}`,
  );
  const key = await readOrMake(join(folder, 'client-key'), makeKey);
  const paths = [folder, join(folder, 'admin-token'), join(folder, 'client-key')];
  const open = await Promise.all(paths.map(isWritableByOthers));
  return {
    adminToken: token.text,
    clientKey: key.text,
    fresh: key.fresh,
    writableByOthers: paths.filter((_, index) => open[index]),
  };
}

/** The file's name in the data folder. Whoever has it and the database reads all that is kept sealed. */
export const masterKeyFile = 'master-key';

/** The key that seals what is kept, where the configuration names none. */
export async function openOwnMasterKey(folder: string): Promise<string> {
  await makeFolder(folder);
  const { text } = await readOrMake(join(folder, masterKeyFile), () => randomBytes(32).toString('base64url'));
  return text;
}

const pepperFile = 'key-pepper';

/** What keys in the store are hashed with, where the configuration does not say. Made when the first is. */
export async function openOwnPepper(folder: string): Promise<string> {
  await makeFolder(folder);
  const { text } = await readOrMake(join(folder, pepperFile), () => randomBytes(32).toString('base64url'));
  return text;
}

/** Nothing where none was made: then there has been no key either. */
export async function findOwnPepper(folder: string): Promise<string | undefined> {
  return await read(join(folder, pepperFile));
}

/** Nothing before the first start. */
export async function readOwnMasterKey(folder: string): Promise<string | undefined> {
  return await read(join(folder, masterKeyFile));
}

/** A file that holds no secret worth the name: an empty one would let everybody in who sends nothing. */
export class SpoiltSecret extends Error {
  constructor(path: string) {
    super(`${path} holds fewer than ${charsMin} characters; delete it, and the next start makes another`);
    this.name = 'SpoiltSecret';
  }
}

const charsMin = 16;

/** Step by step: Node's own `recursive` says ENOENT of a file system that is read-only, and never ends in /proc. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeOneFolder(folder);
  } catch (thrown) {
    if (!hasCode(thrown, 'ENOENT') || dirname(folder) === folder) throw thrown;
    await makeFolder(dirname(folder));
    await makeOneFolder(folder);
  }
}

async function makeOneFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (thrown) {
    if (!hasCode(thrown, 'EEXIST') || !(await isFolder(folder))) throw thrown;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
}

/** Windows has no such modes: what it tells there means nothing. */
async function isWritableByOthers(path: string): Promise<boolean> {
  return process.platform !== 'win32' && ((await stat(path)).mode & 0o022) !== 0;
}

async function readOrMake(path: string, make: () => string): Promise<{ text: string; fresh: boolean }> {
  const found = await read(path);
  if (found !== undefined) return { text: found, fresh: false };
  const text = make();
  if (await place(path, `${text}\n`)) return { text, fresh: true };
  return await readOrMake(path, make);
}

async function read(path: string): Promise<string | undefined> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    throw thrown;
  }
  if (text.length < charsMin) throw new SpoiltSecret(path);
  return text;
}

/**
 * The file appears with all of its contents or not at all, whatever a full disk or a sudden end does. Of two processes
 * that start at once, one places its secret and the other reads that one.
 */
async function place(path: string, text: string): Promise<boolean> {
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(beside, text, { mode: 0o600, flag: 'wx', flush: true });
    await link(beside, path);
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'EEXIST')) return false;
    throw thrown;
  } finally {
    await rm(beside, { force: true });
  }
}
