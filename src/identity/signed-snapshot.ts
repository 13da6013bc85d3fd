/**
 * What a gateway knew of the directory and of budgets when it last looked, in files beside it: with them known keys are
 * served although the stores are away at the start. Signed by the pepper, because whoever could change them could let
 * himself in, or spend more.
 */
import { timingSafeEqual } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { hasCode } from '../lib/has-code.ts';
import type { Digester } from './digester.ts';

export interface Snapshot<Entry> {
  /** Whose entries these are; absent of those of the directory, which were there first. */
  readonly kind?: 'budgets' | undefined;
  /** Of what is kept. */
  readonly version: number;
  /** By the wall clock. */
  readonly savedAtMs: number;
  /** Which store it is of: another one's keys are nothing here. */
  readonly store: string;
  readonly entries: readonly Entry[];
}

export interface SnapshotPlace {
  readonly path: string;
  readonly digester: Digester;
  /** Where it is written before it is put in place: of each process another where several write it. */
  readonly beside?: string;
}

/** 500,000 entries of some 400 bytes. */
const bytesMax = 256 * 1024 * 1024;
const ageMsMax = 86_400_000;
/** A line each: so many are written before requests have their turn. */
const linesAtOnce = 1_000;

/** All of it or nothing: it is written beside and then put in place. */
export async function writeSnapshot<Entry>(
  snapshot: Snapshot<Entry>,
  { path, digester, beside = `${path}.new` }: SnapshotPlace,
): Promise<void> {
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

export type ReadSnapshot<Entry> = Snapshot<Entry> | { readonly refused: string } | undefined;

/** Nothing where there is none. */
export async function readSnapshot<Entry>(
  { path, digester }: SnapshotPlace,
  expected: { readonly nowMs: number } & Pick<Snapshot<Entry>, 'kind' | 'store'>,
): Promise<ReadSnapshot<Entry>> {
  const text = await readText(path);
  if (text === undefined || typeof text === 'object') return text;
  const body = signedPart(text, digester);
  if (body === undefined) return { refused: 'it is not signed by this gateway' };
  const [head = '', ...lines] = body.split('\n');
  const { kind, version, savedAtMs, store } = JSON.parse(head) as Omit<Snapshot<Entry>, 'entries'>;
  if (kind !== expected.kind) return { refused: 'it is of something else' };
  if (store !== expected.store) return { refused: 'it is of another store' };
  if (Math.abs(expected.nowMs - savedAtMs) > ageMsMax) return { refused: 'it is older than a day' };
  // Signed by us: what we wrote is what we read.
  const entries = lines.map((line) => JSON.parse(line) as Entry);
  return { kind, version, savedAtMs, store, entries };
}

function* pieces(head: object, entries: readonly unknown[]): Generator<string> {
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
