/** The embedded database: one file, one thread. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Dialect, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { Clock } from '../../lib/clock.ts';
import type { Backend } from '../sql/store.ts';
import type { Database, Tables } from '../sql/tables.ts';
import { SqliteDriver } from './sqlite-driver.ts';

export interface SqliteOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Work that waits for the thread; beyond it new work is refused. */
  readonly waitingMax?: number;
}

const defaults = { waitingMax: 256 };

/** Reports stand in the same line as rows to keep: one thread has the file, and rows wait in the spool meanwhile. */
export function openSqliteBackend(options: SqliteOptions): Backend {
  const database = openSqlite(options);
  return {
    dialect: 'sqlite',
    version: 'sqlite_version()',
    write: (work) => work(database),
    report: (work) => work(database),
    migrateWith: (work) => work(database),
    close: () => database.destroy(),
  };
}

export function openSqlite(options: SqliteOptions): Database {
  mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
  const dialect: Dialect = {
    createAdapter: () => new QueuingAdapter(),
    createDriver: () => new SqliteDriver({ ...defaults, ...options }),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
  return new Kysely<Tables>({ dialect });
}

/** The driver makes its callers wait, within a bound. kysely's own waiting has none. */
class QueuingAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}
