/**
 * Brings a database to the schema that this gateway knows, one step a transaction: a step that fails leaves the schema
 * as it was, and whoever serves with it goes on. Gateways that start together take turns (P12).
 */
import { type RawBuilder, sql, type Transaction } from 'kysely';
import { Failure } from '../../core/failure.ts';
import type { Clock } from '../../lib/clock.ts';
import type { SchemaStep } from './schema-step.ts';
import type { Database, SqlDialect, Tables } from './tables.ts';

export interface MigrateOptions {
  readonly dialect: SqlDialect;
  readonly steps: readonly SchemaStep[];
  readonly clock: Clock;
}

export interface SchemaState {
  /** The last step that the database has taken; 0 when it is empty. */
  readonly step: number;
  readonly compatibleFrom: number;
}

/** Another gateway has taken the schema further than this one can follow. What is to be kept waits for the right one. */
export class SchemaTooNewError extends Failure {
  constructor(state: SchemaState, known: number) {
    super(
      `the database's schema is at step ${state.step} and needs a gateway that knows step ${state.compatibleFrom}; ` +
        `this one knows ${known}: run the newer gateway, or restore the backup made before it`,
      { code: 'dependency_unavailable' },
    );
    this.name = 'SchemaTooNewError';
  }
}

/** All steps that are missing. Any number of gateways may do this at once; who misses none waits for nobody. */
export async function migrate(database: Database, options: MigrateOptions): Promise<SchemaState> {
  const known = options.steps.length;
  const before = await findSchema(database, options.dialect);
  assertCompatible(before, known);
  if (before.step >= known) return before;
  for (;;) {
    const { done, state } = await inTurn(database, options, async (transaction) => {
      const found = await readSchema(transaction);
      assertCompatible(found, known);
      const next = options.steps[found.step];
      if (next === undefined) return { done: true, state: found };
      await takeStep(transaction, next, options);
      return { done: false, state: { step: next.step, compatibleFrom: next.compatibleFrom } };
    });
    if (done) return state;
  }
}

/** Takes steps back until `step` is the last one left: what an operator does before running an older gateway again. */
export async function migrateDown(
  database: Database,
  options: MigrateOptions & { readonly step: number },
): Promise<void> {
  for (;;) {
    const done = await inTurn(database, options, async (transaction) => {
      const { step } = await readSchema(transaction);
      const last = options.steps[step - 1];
      if (step <= options.step || last === undefined) return true;
      await last.down(transaction, options.dialect);
      await transaction.deleteFrom('schema_steps').where('step', '=', step).execute();
      return false;
    });
    if (done) return;
  }
}

/** Only where this gateway's own tables are: another may keep its own in the same database, in another schema. */
const stepsTables: Readonly<Record<SqlDialect, RawBuilder<{ count: number }>>> = {
  sqlite: sql`select count(*) as count from sqlite_master where type = 'table' and name = 'schema_steps'`,
  postgres: sql`select count(to_regclass('schema_steps')) as count`,
};

/** An empty database has taken no step yet. */
export async function findSchema(database: Database, dialect: SqlDialect): Promise<SchemaState> {
  const { rows } = await stepsTables[dialect].execute(database);
  return Number(rows[0]?.count) > 0 ? await readSchema(database) : { step: 0, compatibleFrom: 0 };
}

export async function readSchema(database: Database): Promise<SchemaState> {
  const last = await database
    .selectFrom('schema_steps')
    .select(['step', 'compatible_from'])
    .orderBy('step', 'desc')
    .limit(1)
    .executeTakeFirst();
  return { step: last?.step ?? 0, compatibleFrom: last?.compatible_from ?? 0 };
}

export function assertCompatible(state: SchemaState, known: number): void {
  if (state.step > known && state.compatibleFrom > known) throw new SchemaTooNewError(state, known);
}

/** Any number that no other program is likely to lock. */
const lockKey = 0x6d_69_6c_6c;

/** Longer than any step takes: another gateway is at it. */
const turnTimeoutMs = 120_000;

/** A table that is in use is waited for so long and no longer: whoever waits for it holds up all who come after. */
const tableLockTimeoutMs = 2_000;

/** Alone among all gateways: SQLite's transactions are immediate, and so one at a time by themselves. */
async function inTurn<T>(
  database: Database,
  { dialect }: MigrateOptions,
  work: (transaction: Transaction<Tables>) => Promise<T>,
): Promise<T> {
  return await database.transaction().execute(async (transaction) => {
    if (dialect === 'postgres') {
      await sql`set local lock_timeout = ${sql.lit(turnTimeoutMs)}`.execute(transaction);
      await sql`select pg_advisory_xact_lock(${sql.lit(lockKey)})`.execute(transaction);
      await sql`set local lock_timeout = ${sql.lit(tableLockTimeoutMs)}`.execute(transaction);
    }
    await createStepsTable(transaction, dialect);
    return await work(transaction);
  });
}

async function createStepsTable(transaction: Transaction<Tables>, dialect: SqlDialect): Promise<void> {
  const whole = dialect === 'sqlite' ? sql`integer` : sql`bigint`;
  await transaction.schema
    .createTable('schema_steps')
    .ifNotExists()
    .addColumn('step', whole, (column) => column.primaryKey().notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('compatible_from', whole, (column) => column.notNull())
    .addColumn('applied_at_ms', whole, (column) => column.notNull())
    .execute();
}

async function takeStep(
  transaction: Transaction<Tables>,
  step: SchemaStep,
  { dialect, clock }: MigrateOptions,
): Promise<void> {
  await step.up(transaction, dialect);
  await transaction
    .insertInto('schema_steps')
    .values({
      step: step.step,
      name: step.name,
      compatible_from: step.compatibleFrom,
      applied_at_ms: Math.trunc(clock.wall()),
    })
    .execute();
}
