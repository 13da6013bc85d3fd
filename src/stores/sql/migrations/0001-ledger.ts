/** The ledger: a row for each exchange, and the sums by day that every report is answered from. */
import { type CreateTableBuilder, sql } from 'kysely';
import type { SchemaEditor, SchemaStep } from '../schema-step.ts';
import type { SqlDialect } from '../tables.ts';

const dimensions = ['tenant', 'team', 'user', 'key', 'route', 'model', 'upstream', 'outcome', 'saved_by'];
const sums = [
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost_nano_usd',
  'saved_nano_usd',
];

export const ledgerStep: SchemaStep = {
  step: 1,
  name: 'ledger',
  compatibleFrom: 1,
  up: async (editor, dialect) => {
    await createLedger(editor, dialect);
    await createDays(editor, dialect);
  },
  down: async ({ schema }) => {
    await schema.dropTable('ledger_days').execute();
    await schema.dropTable('ledger').execute();
  },
};

/** Of both databases the kinds that hold 64 bits, and text in the order of its bytes: reports come in one order. */
const kinds = {
  sqlite: { whole: sql`integer`, text: sql`text`, end: sql`strict, without rowid` },
  postgres: { whole: sql`bigint`, text: sql`text collate "C"`, end: sql`` },
} as const;

async function createLedger({ schema }: SchemaEditor, dialect: SqlDialect): Promise<void> {
  const texts = ['target_model', 'code', 'price_version', ...dimensions];
  const wholes = [
    'at_ms',
    'status',
    'stream',
    'took_ms',
    'first_token_ms',
    'queued_ms',
    'failed_tries',
    ...sums,
  ];
  const table = schema
    .createTable('ledger')
    .addColumn('id', kinds[dialect].text, (column) => column.primaryKey().notNull())
    .modifyEnd(kinds[dialect].end);
  await withColumns(table, { texts, wholes, dialect }).execute();
  // Pages are read in this order, of all rows by an operator and of one tenant's by itself.
  await schema.createIndex('ledger_by_time').on('ledger').columns(['at_ms', 'id']).execute();
  await schema.createIndex('ledger_by_tenant').on('ledger').columns(['tenant', 'at_ms', 'id']).execute();
}

async function createDays({ schema }: SchemaEditor, dialect: SqlDialect): Promise<void> {
  const texts = ['day', 'combination', ...dimensions];
  const table = schema.createTable('ledger_days').modifyEnd(kinds[dialect].end);
  await withColumns(table, { texts, wholes: ['exchanges', ...sums], dialect })
    .addPrimaryKeyConstraint('ledger_days_pkey', ['day', 'combination'])
    .execute();
}

interface Columns {
  readonly texts: readonly string[];
  readonly wholes: readonly string[];
  readonly dialect: SqlDialect;
}

function withColumns(
  table: CreateTableBuilder<string, string>,
  { texts, wholes, dialect }: Columns,
): CreateTableBuilder<string, string> {
  const { text, whole } = kinds[dialect];
  const withTexts = texts.reduce(
    (sofar, name) => sofar.addColumn(name, text, (column) => column.notNull()),
    table,
  );
  return wholes.reduce(
    (sofar, name) => sofar.addColumn(name, whole, (column) => column.notNull()),
    withTexts,
  );
}
