/**
 * How much of a tenant's answers is kept to be given again. Beyond it the oldest go: that they were given stays known, so that
 * nothing is done twice for it.
 */
import { sql } from 'kysely';
import type { Now } from './replays.ts';
import type { Database, SqlDialect } from './tables.ts';

/** It is looked at again when so much of it was written; each gateway counts its own. */
const slackShare = 1 / 8;
/** Tenants of which it is known how much was written; beyond it each is looked at once more. */
const tenantsMax = 10_000;
const rowsAtOnce = 500;

/** Outlives the connection to the database. */
export class ReplayBound {
  readonly bytesMax: number;
  readonly #written = new Map<string, number>();

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Told of each answer that is kept: whether it is time to look how much there is. */
  isDue(tenant: string, bytes: number): boolean {
    const written = this.#written.get(tenant);
    const isDue = written === undefined || written + bytes >= this.bytesMax * slackShare;
    if (written === undefined && this.#written.size >= tenantsMax) this.#written.clear();
    this.#written.set(tenant, isDue ? 0 : written + bytes);
    return isDue;
  }
}

export interface Trimmed {
  readonly tenant: string;
  readonly bytesMax: number;
  readonly now: Now;
  readonly dialect: SqlDialect;
}

export async function forgetOldest(database: Database, trimmed: Trimmed): Promise<void> {
  const { tenant, bytesMax, now, dialect } = trimmed;
  const keptOf = () =>
    database
      .selectFrom('replays')
      .where('tenant', '=', tenant)
      .where('reply', 'is not', null)
      // What is too old is removed by others.
      .where('until_ms', '>', now());
  const newest = keptOf()
    .select('until_ms')
    .select(
      sql<number>`sum(length(reply)) over (order by until_ms desc, token rows unbounded preceding)`.as(
        'newer',
      ),
    );
  const { kept_from: keptFrom, all } = await database
    .selectFrom(newest.as('newest'))
    .select(sql<number | null>`min(case when newer <= ${bytesMax} then until_ms end)`.as('kept_from'))
    .select(sql<number | null>`max(newer)`.as('all'))
    .executeTakeFirstOrThrow();
  if (Number(all) <= bytesMax) return;
  for (let changed = rowsAtOnce; changed === rowsAtOnce; ) {
    const oldest = keptOf()
      .select('token')
      .where('until_ms', '<', keptFrom ?? Number.MAX_SAFE_INTEGER)
      .orderBy('until_ms')
      .orderBy('token')
      .limit(rowsAtOnce);
    const { numUpdatedRows } = await database
      .updateTable('replays')
      .set({ reply: null })
      // In one order, whoever else is at it (R4).
      .where('token', 'in', dialect === 'postgres' ? oldest.forUpdate() : oldest)
      .executeTakeFirst();
    changed = Number(numUpdatedRows);
  }
}
