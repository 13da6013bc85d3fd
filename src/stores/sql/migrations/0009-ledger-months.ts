/** Sums by month beside those by day, of the same form: a report over a year is answered from a thirtieth of the rows. */
import { type CreateTableBuilder, sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

const texts = ['tenant', 'team', 'user', 'key', 'route', 'model', 'upstream', 'outcome', 'saved_by'];
const sums = [
  'exchanges',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_nano_usd',
  'saved_nano_usd',
];

export const ledgerMonthsStep: SchemaStep = {
  step: 9,
  name: 'ledger months',
  compatibleFrom: 1,
  up: async (editor, dialect) => {
    const isSqlite = dialect === 'sqlite';
    const text = isSqlite ? sql`text` : sql`text collate "C"`;
    const whole = isSqlite ? sql`integer` : sql`bigint`;
    const table: CreateTableBuilder<string, string> = editor.schema
      .createTable('ledger_months')
      .modifyEnd(isSqlite ? sql`strict, without rowid` : sql``);
    const withTexts = ['day', 'combination', ...texts].reduce(
      (sofar, name) => sofar.addColumn(name, text, (column) => column.notNull()),
      table,
    );
    await sums
      .reduce((sofar, name) => sofar.addColumn(name, whole, (column) => column.notNull()), withTexts)
      .addPrimaryKeyConstraint('ledger_months_pkey', ['day', 'combination'])
      .execute();
    // What the ledger kept before. A combination's names are the same on all its days.
    const names = sql.join(texts.map((name) => sql`min(${sql.ref(name)})`));
    const summed = sql.join(sums.map((name) => sql`sum(${sql.ref(name)})`));
    await sql`insert into ledger_months
      select substr(day, 1, 7) || '-01', combination, ${names}, ${summed}
      from ledger_days group by 1, 2`.execute(editor);
  },
  down: async ({ schema }) => {
    await schema.dropTable('ledger_months').execute();
  },
};
