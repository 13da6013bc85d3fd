/** The shared database: a pool for what is short, a smaller one for reports, and one on a read replica if there is one. */
import { Kysely, PostgresDialect } from 'kysely';
import type { Pool } from 'pg';
import type { Clock } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import { isOutage } from '../sql/outage.ts';
import type { Backend } from '../sql/store.ts';
import type { Database, Tables } from '../sql/tables.ts';
import type { PostgresOptions } from '../store-options.ts';
import { CheckedPool } from './checked-pool.ts';
import { lacksTable, tookTooLong } from './postgres-failure.ts';
import { isPostgresUrl, withoutName } from './postgres-url.ts';
import { ReadOnlyServers } from './read-only.ts';
import { NoPlaceError, nameOf, type purposes, ServerPlaces } from './server-places.ts';
import { wholeNumbers } from './whole-numbers.ts';

export interface PostgresContext {
  readonly clock: Clock;
  readonly replicas: () => number;
  /** Told once when there are more replicas than connections for them, and once with nothing when there no longer are. */
  readonly onScarce?: ((told: string | undefined) => void) | undefined;
  /** Of who examines and goes: the places that are kept free are for him. */
  readonly looks?: boolean | undefined;
}

const connectTimeoutMs = 2_000;
/** Those that are not needed are given up: another replica may wait, of which nobody here knows. */
const idleTimeoutMs = 10_000;
const keepAliveDelayMs = 10_000;
/** What the server does not end in time, because it stands still, is given up here so much later. */
const graceMs = 1_000;
const statementTimeoutMs = { short: 2_000, reports: 30_000, migration: 600_000 } as const;
/**
 * Between two statements. Who is stopped in the middle of a step, or cut off, holds locks on tables that others serve with:
 * the server takes the step back, and another takes it.
 */
const betweenStatementsMs = { short: 3_000, reports: 31_000, migration: 20_000 } as const;
type Purpose = (typeof purposes)[number];

export async function openPostgresBackend(
  { url, replica, pool }: PostgresOptions,
  context: PostgresContext,
): Promise<Backend> {
  const reach = await createReach({ ...context, pool });
  const places = placesFor(context, pool);
  const primary = { places, readOnly: new ReadOnlyServers(context.clock) };
  const short = reach(url, { ...primary, purpose: 'short', size: () => places.share().short });
  const reports = reach(url, { ...primary, purpose: 'reports', size: () => places.share().reports });
  const copy = replica === undefined ? undefined : reachCopy(reach, replica, placesFor(context, pool));
  const all = [short, reports, ...(copy === undefined ? [] : [copy])];
  const resize = () => {
    for (const { pool: checked } of all) checked.resize();
  };
  return {
    dialect: 'postgres',
    version: "current_setting('server_version')",
    connections: () => {
      resize();
      const share = places.share();
      const open = short.pool.open + reports.pool.open;
      return { open, most: share.short + share.reports, ofAll: places.ofAll };
    },
    write: (work) => {
      resize();
      return work(short.database);
    },
    report: (work) => {
      resize();
      const elsewhere = copy?.database;
      if (places.share().reports === 0) return reportFrom(elsewhere, short.database, work);
      return reportFrom(elsewhere, reports.database, work).catch((error: unknown) => {
        // On the one that is there it has less time, which is better than none.
        if (error instanceof NoPlaceError) return reportFrom(undefined, short.database, work);
        throw error;
      });
    },
    migrateWith: async (work) => {
      const alone = reach(url, { places, purpose: 'migration', size: () => 1 });
      return await work(alone.database).finally(() => alone.close());
    },
    close: async () => {
      await Promise.all(all.map(({ close }) => close()));
    },
  };
}

/** Each server has places of its own. */
function placesFor(context: PostgresContext, { size }: PostgresOptions['pool']): ServerPlaces {
  const { replicas, onScarce = () => {} } = context;
  return new ServerPlaces({ configured: size, replicas, onScarce });
}

/** Nothing but reports is asked there. */
function reachCopy(reach: OpenReach, url: Secret, places: ServerPlaces): Reach {
  return reach(url, { places, purpose: 'reports', size: () => Math.max(1, places.share().reports) });
}

interface ReachOptions {
  readonly purpose: Purpose;
  readonly places: ServerPlaces;
  readonly size: () => number;
  /** Absent where a server that only reads will do. */
  readonly readOnly?: ReadOnlyServers;
}

interface Reach {
  readonly database: Database;
  readonly pool: CheckedPool;
  close(): Promise<void>;
}

type OpenReach = (url: Secret, options: ReachOptions) => Reach;

/** pg is loaded here and not before: who has no PostgreSQL does not pay for it. */
async function createReach({
  clock,
  looks,
  pool,
}: PostgresContext & { readonly pool: PostgresOptions['pool'] }): Promise<OpenReach> {
  const { Client, Pool, types } = await import('pg');
  const numbers = wholeNumbers(types.getTypeParser);
  return (url, { purpose, places, size, readOnly }) => {
    const plain = new Pool({
      connectionString: addressOf(url.reveal()),
      application_name: nameOf(looks === true ? 'look' : purpose),
      max: size(),
      connectionTimeoutMillis: connectTimeoutMs,
      idleTimeoutMillis: idleTimeoutMs,
      statement_timeout: statementTimeoutMs[purpose],
      query_timeout: statementTimeoutMs[purpose] + graceMs,
      idle_in_transaction_session_timeout: betweenStatementsMs[purpose],
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveDelayMs,
      types: numbers,
      ...(readOnly && { Client: readOnly.hearing(Client) }),
    });
    const { idleCheckMs, recycleMs } = pool;
    const checked = new CheckedPool(plain, {
      ...{ clock, size, idleCheckMs, recycleMs },
      onConnect: (client) => places.enter(client),
      isKept: () => places.isKept,
      isOutdated: (client) => readOnly?.isOutdated(client) === true,
    });
    const leave = places.own(() => checked.open);
    const database = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: checked }) });
    return { database, pool: checked, close: () => closeOnce(plain).finally(leave) };
  };
}

/** kysely closes only what it has used. */
async function closeOnce(pool: Pool): Promise<void> {
  if (!pool.ending) await pool.end();
}

function addressOf(url: string): string {
  if (isPostgresUrl(url)) return withoutName(url);
  throw new Error(
    'the address of PostgreSQL must name user, host and database: postgres://user@host/database',
  );
}

async function reportFrom<T>(
  copy: Database | undefined,
  primary: Database,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  if (copy === undefined) return await work(primary);
  return await work(copy).catch((error: unknown) => {
    // A copy that lags may not have the tables yet. What took too long there would take as long here.
    if ((isOutage(error) && !tookTooLong(error)) || lacksTable(error)) return work(primary);
    throw error;
  });
}
