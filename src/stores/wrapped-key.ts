/** Data keys under the master key: what each is bound to, and how all come under a new one. */
import { type KeyRing, SealError } from '../lib/seal.ts';
import type { DataKeyOwner, DataKeys, WrappedKey } from './sql/data-keys.ts';

/** A key that is copied into another's row does not open there. */
export function aboutDataKey({ tenant, user }: DataKeyOwner): string {
  return `data key ${JSON.stringify([tenant, user])}`;
}

export interface Rewrapped {
  readonly rewrapped: number;
  /** Keys whose master key is not here: they are left as they are. */
  readonly left: readonly DataKeyOwner[];
  /** Where to go on; absent when all were looked at. */
  readonly next?: DataKeyOwner;
}

/** At a time: a few seconds' work, whatever the database. */
export const rewrapRowsMax = 500;

/** Brings data keys under the master key in use, some at a time; what they sealed stays as it is. */
export async function rewrapDataKeys(
  dataKeys: Pick<DataKeys, 'outdated' | 'replace'>,
  masterKeys: KeyRing,
  after?: DataKeyOwner,
): Promise<Rewrapped> {
  const master = masterKeys.current.id;
  const rows = await dataKeys.outdated({ master, after, rowsMax: rewrapRowsMax });
  const left: DataKeyOwner[] = [];
  let rewrapped = 0;
  for (const row of rows) {
    const next = rewrap(row, masterKeys);
    if (next === undefined) left.push({ tenant: row.tenant, user: row.user });
    else if (await dataKeys.replace(row, next)) rewrapped += 1;
  }
  const last = rows.length < rewrapRowsMax ? undefined : rows.at(-1);
  return { rewrapped, left, ...(last && { next: { tenant: last.tenant, user: last.user } }) };
}

function rewrap(row: WrappedKey, masterKeys: KeyRing): WrappedKey | undefined {
  const about = aboutDataKey(row);
  try {
    const bytes = masterKeys.open(Buffer.from(row.wrapped, 'base64url'), about);
    const wrapped = masterKeys.seal(bytes, about).toString('base64url');
    bytes.fill(0);
    return { ...row, wrapped, master: masterKeys.current.id };
  } catch (thrown) {
    if (thrown instanceof SealError) return undefined;
    throw thrown;
  }
}
