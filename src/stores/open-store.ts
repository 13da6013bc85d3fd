/** The one switch between the durable stores. A database that is not configured is not loaded. */
import { join } from 'node:path';
import { createStore, type Store, type StoreContext } from './sql/store.ts';
import { type DurableStoreOption, fileName } from './store-options.ts';

export interface OpenStoreOptions extends StoreContext {
  /** The folder of the embedded database. */
  readonly dataDir: string;
  /** How many gateways share the database now. Asked again and again: replicas come and go. */
  readonly replicas: () => number;
  /** Told when the database has too few connections for them all, and with nothing when it no longer has. */
  readonly onScarce?: (told: string | undefined) => void;
  /** Of who examines and goes: what is kept free for operators is for him. */
  readonly looks?: boolean;
}

/** Opens nothing yet that could fail for a database that is down: what is asked of the store says so. */
export async function openStore(option: DurableStoreOption, options: OpenStoreOptions): Promise<Store> {
  if (option === 'sqlite') {
    const { openSqliteBackend } = await import('./sqlite/open-sqlite.ts');
    const path = join(options.dataDir, fileName);
    return createStore(openSqliteBackend({ path, clock: options.clock }), options);
  }
  const { openPostgresBackend } = await import('./postgres/open-postgres.ts');
  return createStore(await openPostgresBackend(option, options), options);
}
