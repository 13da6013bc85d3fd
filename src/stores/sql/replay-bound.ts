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
/** At one time; more than that go at the next. */
const rowsMax = 50_000;

/** Outlives the connection to the database. */
export class ReplayBound {
  readonly bytesMax: number;
  readonly #written = new Map<string, number>();
  /** One tenant after the other. */
  #work: Promise<void> = Promise.resolve();
  #trouble: unknown;

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

  begin(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((thrown: unknown) => {
      this.#trouble ??= thrown;
    });
  }

  /** When all that was begun has ended. Throws once what went wrong since the last time. */
  async settled(): Promise<void> {
    await this.#work;
    const trouble = this.#trouble;
    this.#trouble = undefined;
    if (trouble !== undefined) throw trouble;
  }
}

export interface Trimmed {
  readonly tenant: string;
  readonly bytesMax: number;
  readonly now: Now;
  readonly dialect: SqlDialect;
}

export async function forgetOldest(database: Database, trimmed: Trimmed): Promise<void> {
  const beyond = await oldestBeyond(database, trimmed);
  for (let from = 0; from < beyond.length; from += rowsAtOnce)
    await forget(database, beyond.slice(from, from + rowsAtOnce), trimmed.dialect);
}

/** Found once, and by their tokens from then on: to find them, all that the tenant has is looked through. */
async function oldestBeyond(database: Database, { tenant, bytesMax, now }: Trimmed) {
  const newest = database
    .selectFrom('replays')
    .select(['token', 'until_ms'])
    .select(
      sql<number>`sum(length(reply)) over (order by until_ms desc, token rows unbounded preceding)`.as(
        'newer',
      ),
    )
    .where('tenant', '=', tenant)
    .where('reply', 'is not', null)
    // What is too old is removed by others.
    .where('until_ms', '>', now());
  const found = await database
    .selectFrom(newest.as('newest'))
    .select('token')
    .where('newer', '>', bytesMax)
    .orderBy('until_ms')
    .orderBy('token')
    .limit(rowsMax)
    .execute();
  return found.map(({ token }) => token);
}

async function forget(database: Database, tokens: readonly string[], dialect: SqlDialect): Promise<void> {
  const theirs = database.selectFrom('replays').select('token').where('token', 'in', tokens);
  await database
    .updateTable('replays')
    .set({ reply: null })
    // Who waits for nobody is in nobody's way: what somebody else has in hand he forgets, or removes (R4).
    .where('token', 'in', dialect === 'postgres' ? theirs.forUpdate().skipLocked() : theirs)
    .execute();
}
