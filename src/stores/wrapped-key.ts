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
}

const rowsAtOnce = 100;
const leftMax = 100;

/** Brings every data key under the master key in use, some at a time; what they sealed stays as it is. */
export async function rewrapDataKeys(
  dataKeys: Pick<DataKeys, 'outdated' | 'replace'>,
  masterKeys: KeyRing,
  onProgress: (rewrapped: number) => void,
): Promise<Rewrapped> {
  const master = masterKeys.current.id;
  const left: DataKeyOwner[] = [];
  let rewrapped = 0;
  let after: DataKeyOwner | undefined;
  for (;;) {
    const rows = await dataKeys.outdated({ master, after, rowsMax: rowsAtOnce });
    for (const row of rows) {
      const next = rewrap(row, masterKeys);
      if (next === undefined) {
        if (left.length < leftMax) left.push({ tenant: row.tenant, user: row.user });
      } else if (await dataKeys.replace(row, next)) rewrapped += 1;
    }
    after = rows.at(-1);
    if (after === undefined) return { rewrapped, left };
    onProgress(rewrapped);
  }
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
