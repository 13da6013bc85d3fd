/** The configuration's history: what the file said, and what was applied over it. */
import { type CreateTableBuilder, sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

const texts = ['by', 'source', 'note', 'file_digest', 'text'];

export const configVersionsStep: SchemaStep = {
  step: 6,
  name: 'config-versions',
  compatibleFrom: 1,
  up: async ({ schema }, dialect) => {
    const text = dialect === 'sqlite' ? sql`text` : sql`text collate "C"`;
    const whole = dialect === 'sqlite' ? sql`integer` : sql`bigint`;
    const table: CreateTableBuilder<string, string> = schema
      .createTable('config_versions')
      .addColumn('number', whole, (column) => column.primaryKey().notNull())
      .addColumn('at_ms', whole, (column) => column.notNull())
      .addColumn('masked', whole, (column) => column.notNull())
      .modifyEnd(dialect === 'sqlite' ? sql`strict` : sql``);
    await texts
      .reduce((sofar, name) => sofar.addColumn(name, text, (column) => column.notNull()), table)
      .execute();
  },
  down: async ({ schema }) => {
    await schema.dropTable('config_versions').execute();
  },
};
