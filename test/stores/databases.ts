/** Both databases, empty, for tests that are about neither of them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { openStore } from '../../src/stores/open-store.ts';
import { openPostgresBackend } from '../../src/stores/postgres/open-postgres.ts';
import type { Backend, Store } from '../../src/stores/sql/store.ts';
import { openSqliteBackend } from '../../src/stores/sqlite/open-sqlite.ts';
import { durableStoreOption } from '../../src/stores/store-options.ts';

export const clock = systemClock;

export async function temporaryFolder(t: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-store-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function sqliteBackend(t: TestContext, path: string): Backend {
  const backend = openSqliteBackend({ path, clock });
  t.after(() => backend.close());
  return backend;
}

export async function postgresBackend(t: TestContext, url: string): Promise<Backend> {
  const option = durableStoreOption.parse(url);
  if (option === 'sqlite') throw new Error(`${url} is no address`);
  const backend = await openPostgresBackend(option, { clock, replicas: () => 1 });
  t.after(() => backend.close());
  return backend;
}

export interface OpenedStore extends Store {
  /** What `onTrouble` was told, one after another. */
  readonly troubles: readonly (Error | undefined)[];
}

export async function openTestStore(
  t: TestContext,
  option: unknown,
  changed: { readonly dataDir?: string; readonly replicas?: () => number } = {},
): Promise<OpenedStore> {
  const troubles: (Error | undefined)[] = [];
  const store = await openStore(durableStoreOption.parse(option), {
    dataDir: changed.dataDir ?? '',
    replicas: changed.replicas ?? (() => 1),
    clock,
    onTrouble: (trouble) => troubles.push(trouble),
  });
  t.after(() => store.close());
  return { ...store, troubles };
}
