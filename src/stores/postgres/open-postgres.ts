/** The shared database: a pool for what is short, a smaller one for reports, and one on a read replica if there is one. */
import { Kysely, PostgresDialect } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import { isOutage } from '../sql/outage.ts';
import type { Backend } from '../sql/store.ts';
import type { Database, Tables } from '../sql/tables.ts';
import type { PostgresOptions } from '../store-options.ts';
import { CheckedPool } from './checked-pool.ts';
import { type PoolShare, poolShare } from './pool-share.ts';
import { lacksTable, tookTooLong } from './postgres-failure.ts';
import { isPostgresUrl } from './postgres-url.ts';
import { ReadOnlyServers } from './read-only.ts';
import { wholeNumbers } from './whole-numbers.ts';

export interface PostgresContext {
  readonly clock: Clock;
  readonly replicas: () => number;
}

const connectTimeoutMs = 2_000;
const idleTimeoutMs = 600_000;
const keepAliveDelayMs = 10_000;
/** What the server does not end in time, because it stands still, is given up here so much later. */
const graceMs = 1_000;
const statementTimeoutMs = { short: 2_000, reports: 30_000, migration: 600_000 } as const;
type Purpose = keyof typeof statementTimeoutMs;

/** The server's limit is asked again of a new connection after so long: operators change it. */
const limitAgeMs = 60_000;

export async function openPostgresBackend(
  { url, replica, pool }: PostgresOptions,
  { clock, replicas }: PostgresContext,
): Promise<Backend> {
  const limit = new ServerLimit(clock);
  const share = (): PoolShare =>
    poolShare({ configured: pool.size, serverMax: limit.connectionsMax, replicas: replicas() });
  const plain = { clock, pool, onConnect: async () => undefined };
  const settings = {
    ...plain,
    onConnect: (client: PoolClient) => limit.ask(client),
    readOnly: new ReadOnlyServers(clock),
  };
  const reach = await createReach();
  const short = reach(url, { ...settings, purpose: 'short', size: () => share().short });
  const reports = reach(url, { ...settings, purpose: 'reports', size: () => share().reports });
  const copy =
    replica === undefined
      ? undefined
      : reach(replica, { ...plain, purpose: 'reports', size: () => share().reports });
  const all = [short, reports, ...(copy === undefined ? [] : [copy])];
  return {
    dialect: 'postgres',
    version: "current_setting('server_version')",
    connections: () => {
      for (const { pool: checked } of all) checked.resize();
      return { open: short.pool.open + reports.pool.open, most: share().short + share().reports };
    },
    write: (work) => work(short.database),
    report: (work) => reportFrom(copy?.database, reports.database, work),
    migrateWith: async (work) => {
      const alone = reach(url, { ...plain, purpose: 'migration', size: () => 1 });
      return await work(alone.database).finally(() => alone.close());
    },
    close: async () => {
      await Promise.all(all.map(({ close }) => close()));
    },
  };
}

interface ReachOptions {
  readonly clock: Clock;
  readonly pool: PostgresOptions['pool'];
  readonly purpose: Purpose;
  readonly size: () => number;
  readonly onConnect: (client: PoolClient) => Promise<void>;
  /** Absent where a server that only reads will do. */
  readonly readOnly?: ReadOnlyServers;
}

interface Reach {
  readonly database: Database;
  readonly pool: CheckedPool;
  close(): Promise<void>;
}

/** pg is loaded here and not before: who has no PostgreSQL does not pay for it. */
async function createReach(): Promise<(url: Secret, options: ReachOptions) => Reach> {
  const { Client, Pool, types } = await import('pg');
  const numbers = wholeNumbers(types.getTypeParser);
  return (url, { clock, pool, purpose, size, onConnect, readOnly }) => {
    const plain = new Pool({
      connectionString: assertWhole(url.reveal()),
      application_name: `millrace ${purpose}`,
      max: size(),
      connectionTimeoutMillis: connectTimeoutMs,
      idleTimeoutMillis: idleTimeoutMs,
      statement_timeout: statementTimeoutMs[purpose],
      query_timeout: statementTimeoutMs[purpose] + graceMs,
      idle_in_transaction_session_timeout: statementTimeoutMs[purpose] + graceMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveDelayMs,
      types: numbers,
      ...(readOnly && { Client: readOnly.hearing(Client) }),
    });
    const { idleCheckMs, recycleMs } = pool;
    const checked = new CheckedPool(plain, {
      ...{ clock, size, onConnect, idleCheckMs, recycleMs },
      isOutdated: (client) => readOnly?.isOutdated(client) === true,
    });
    const database = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: checked }) });
    return { database, pool: checked, close: () => closeOnce(plain) };
  };
}

/** kysely closes only what it has used. */
async function closeOnce(pool: Pool): Promise<void> {
  if (!pool.ending) await pool.end();
}

function assertWhole(url: string): string {
  if (isPostgresUrl(url)) return url;
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

class ServerLimit {
  readonly #clock: Clock;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  connectionsMax: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async ask(client: PoolClient): Promise<void> {
    const nowMs = this.#clock.now();
    if (nowMs - this.#askedAtMs < limitAgeMs) return;
    const { rows } = await client.query<{ max_connections: string }>('show max_connections');
    this.#askedAtMs = nowMs;
    this.connectionsMax = Number(rows[0]?.max_connections);
  }
}
