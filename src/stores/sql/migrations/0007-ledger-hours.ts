/** Sums by hour, upstream and its model: what servers cost and carry is told from them. */
import { sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

const sums = ['input_tokens', 'cached_input_tokens', 'output_tokens', 'reasoning_tokens', 'cost_nano_usd'];

export const ledgerHoursStep: SchemaStep = {
  step: 7,
  name: 'ledger hours',
  compatibleFrom: 1,
  up: async (editor, dialect) => {
    const isSqlite = dialect === 'sqlite';
    const text = isSqlite ? sql`text` : sql`text collate "C"`;
    const whole = isSqlite ? sql`integer` : sql`bigint`;
    const table = editor.schema
      .createTable('ledger_hours')
      .addColumn('hour_ms', whole, (column) => column.notNull())
      .addColumn('upstream', text, (column) => column.notNull())
      .addColumn('target_model', text, (column) => column.notNull())
      .addPrimaryKeyConstraint('ledger_hours_pkey', ['hour_ms', 'upstream', 'target_model'])
      .modifyEnd(isSqlite ? sql`strict, without rowid` : sql``);
    await ['exchanges', ...sums]
      .reduce((sofar, name) => sofar.addColumn(name, whole, (column) => column.notNull()), table)
      .execute();
    // What the ledger kept before.
    const summed = sql.join(sums.map((name) => sql`sum(${sql.ref(name)})`));
    await sql`insert into ledger_hours
      select at_ms - at_ms % 3600000, upstream, target_model, count(*), ${summed}
      from ledger where input_tokens + output_tokens + cost_nano_usd > 0 group by 1, 2, 3`.execute(editor);
  },
  down: async ({ schema }) => {
    await schema.dropTable('ledger_hours').execute();
  },
};
