/** Reads what references lead to: each place once, some at a time, and each within its time. */
import type { Clock } from '../lib/clock.ts';
import { parseRemoteReference, type RemoteReference } from '../lib/secret-reference.ts';
import { type SecretDocument, type SecretSource, SecretTrouble } from './secret-source.ts';

export type Fetched =
  | { readonly text: string }
  /** `away`: nobody could be asked. Else the answer was no. */
  | { readonly problem: string; readonly away: boolean };

export interface FetchOptions {
  /** The source of a kind, or why there is none. */
  readonly source: (kind: RemoteReference['kind']) => SecretSource | { readonly problem: string };
  readonly clock: Clock;
}

export const readTimeoutMs = 5_000;
export const referencesMax = 1_000;
const atOnceMax = 8;

/** By the references as they are written. */
export async function fetchSecrets(
  references: ReadonlySet<string>,
  options: FetchOptions,
): Promise<ReadonlyMap<string, Fetched>> {
  if (references.size > referencesMax) {
    const problem = `the configuration refers to ${references.size} secrets elsewhere, and ${referencesMax} are allowed`;
    return new Map([...references].map((text) => [text, { problem, away: false }]));
  }
  const documents = new Map<string, Promise<SecretDocument>>();
  const fetched = new Map<string, Fetched>();
  const waiting = [...references];
  const work = async (): Promise<void> => {
    for (let text = waiting.shift(); text !== undefined; text = waiting.shift())
      fetched.set(text, await fetchOne(text, documents, options));
  };
  await Promise.all(Array.from({ length: atOnceMax }, work));
  return fetched;
}

async function fetchOne(
  text: string,
  documents: Map<string, Promise<SecretDocument>>,
  { source: sourceOf, clock }: FetchOptions,
): Promise<Fetched> {
  const reference = parseRemoteReference(text);
  if ('problem' in reference) return { ...reference, away: false };
  const source = sourceOf(reference.kind);
  if ('problem' in source) return { ...source, away: false };
  const place = `${reference.kind}:${reference.place}`;
  const document = documents.get(place) ?? within(clock, source.read(reference.place));
  documents.set(place, document);
  try {
    return pick(await document, reference);
  } catch (thrown) {
    if (thrown instanceof SecretTrouble) return { problem: thrown.message, away: thrown.away };
    throw thrown;
  }
}

function pick(document: SecretDocument, { field }: RemoteReference): Fetched {
  const value = field === undefined ? document : fieldOf(document, field);
  if (typeof value === 'string' && value !== '') return { text: value.trim() };
  const what = field === undefined ? 'what is there' : `the field ${field}`;
  if (value === undefined) return { problem: `what is there has no field ${field}`, away: false };
  return { problem: `${what} is ${value === '' ? 'empty' : 'no text'}`, away: false };
}

function fieldOf(document: SecretDocument, field: string): unknown {
  const fields = typeof document === 'string' ? parseObject(document) : document;
  return Object.hasOwn(fields, field) ? fields[field] : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : {};
  } catch {
    // No object has no fields: that is what is said of it.
    return {};
  }
}

async function within<T>(clock: Clock, reading: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.after(readTimeoutMs, () =>
    reject(new SecretTrouble(`it was not read within ${readTimeoutMs} ms`, { away: true })),
  );
  try {
    return await Promise.race([reading, late]);
  } finally {
    timer.cancel();
  }
}
