/**
 * What a gateway knew of the directory when it last looked, in a file beside it: with it known keys are served although
 * the store is away at the start. Signed by the pepper, because whoever could change it could let himself in.
 */
import { timingSafeEqual } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { DirectoryEntry } from '../core/directory.ts';
import { hasCode } from '../lib/has-code.ts';
import type { Digester } from './digester.ts';

export interface KeysSnapshot {
  /** Of the directory. */
  readonly version: number;
  /** By the wall clock. */
  readonly savedAtMs: number;
  /** Which store it is of: another one's keys are nothing here. */
  readonly store: string;
  readonly entries: readonly DirectoryEntry[];
}

export interface SnapshotPlace {
  readonly path: string;
  readonly digester: Digester;
}

/** 500,000 entries of some 400 bytes. */
const bytesMax = 256 * 1024 * 1024;
const ageMsMax = 86_400_000;
/** A line each: so many are written before requests have their turn. */
const linesAtOnce = 1_000;

/** All of it or nothing: it is written beside and then put in place. */
export async function writeSnapshot(
  snapshot: KeysSnapshot,
  { path, digester }: SnapshotPlace,
): Promise<void> {
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    const signature = digester.sign();
    const { entries, ...head } = snapshot;
    for (const text of pieces(head, entries)) {
      signature.add(text);
      await file.write(text);
      await setImmediate();
    }
    await file.write(`${signature.end()}\n`);
    await file.sync();
  } catch (thrown) {
    await file.close();
    await rm(beside, { force: true });
    throw thrown;
  }
  await file.close();
  await rename(beside, path);
}

export type ReadSnapshot = KeysSnapshot | { readonly refused: string } | undefined;

/** Nothing where there is none. */
export async function readSnapshot(
  { path, digester }: SnapshotPlace,
  expected: { readonly nowMs: number; readonly store: string },
): Promise<ReadSnapshot> {
  const text = await readText(path);
  if (text === undefined || typeof text === 'object') return text;
  const body = signedPart(text, digester);
  if (body === undefined) return { refused: 'it is not signed by this gateway' };
  const [head = '', ...lines] = body.split('\n');
  const { version, savedAtMs, store } = JSON.parse(head) as Omit<KeysSnapshot, 'entries'>;
  if (store !== expected.store) return { refused: 'it is of another store' };
  if (Math.abs(expected.nowMs - savedAtMs) > ageMsMax) return { refused: 'it is older than a day' };
  // Signed by us: what we wrote is what we read.
  const entries = lines.map((line) => JSON.parse(line) as DirectoryEntry);
  return { version, savedAtMs, store, entries };
}

function* pieces(head: Omit<KeysSnapshot, 'entries'>, entries: KeysSnapshot['entries']): Generator<string> {
  yield `${JSON.stringify(head)}\n`;
  for (let from = 0; from < entries.length; from += linesAtOnce) {
    const lines = entries.slice(from, from + linesAtOnce).map((entry) => `${JSON.stringify(entry)}\n`);
    yield lines.join('');
  }
}

async function readText(path: string): Promise<string | { refused: string } | undefined> {
  try {
    const { size } = await stat(path);
    return size > bytesMax ? { refused: 'it is too large' } : await readFile(path, 'utf8');
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return undefined;
    return { refused: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** Everything before the last line, without the line break that ends it. */
function signedPart(text: string, digester: Digester): string | undefined {
  const end = text.lastIndexOf('\n', text.length - 2) + 1;
  const body = text.slice(0, end);
  const given = Buffer.from(text.slice(end).trimEnd());
  const isSigned = digester.signatures().some((signature) => {
    signature.add(body);
    const right = Buffer.from(signature.end());
    return right.length === given.length && timingSafeEqual(right, given);
  });
  return isSigned ? body.slice(0, -1) : undefined;
}
