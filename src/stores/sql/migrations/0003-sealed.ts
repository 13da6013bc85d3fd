/** What is sealed: the keys of those whose words are kept, and secrets that operators keep in the store. */
import { sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

export const sealedStep: SchemaStep = {
  step: 3,
  name: 'sealed',
  compatibleFrom: 1,
  up: async ({ schema }, dialect) => {
    const text = dialect === 'sqlite' ? sql`text` : sql`text collate "C"`;
    const whole = dialect === 'sqlite' ? sql`integer` : sql`bigint`;
    const end = dialect === 'sqlite' ? sql`strict, without rowid` : sql``;
    await schema
      .createTable('data_keys')
      .addColumn('tenant', text, (column) => column.notNull())
      .addColumn('user', text, (column) => column.notNull())
      .addColumn('wrapped', text, (column) => column.notNull())
      .addColumn('master', text, (column) => column.notNull())
      .addColumn('created_at_ms', whole, (column) => column.notNull())
      .addPrimaryKeyConstraint('data_keys_pkey', ['tenant', 'user'])
      .modifyEnd(end)
      .execute();
    // A rotation looks for those that are not yet wrapped by the new master key.
    await schema.createIndex('data_keys_by_master').on('data_keys').column('master').execute();
    await schema
      .createTable('secrets')
      .addColumn('name', text, (column) => column.primaryKey().notNull())
      .addColumn('sealed', text, (column) => column.notNull())
      .addColumn('version', whole, (column) => column.notNull())
      .addColumn('updated_at_ms', whole, (column) => column.notNull())
      .addColumn('updated_by', text, (column) => column.notNull())
      .modifyEnd(end)
      .execute();
  },
  down: async ({ schema }) => {
    await schema.dropTable('secrets').execute();
    await schema.dropTable('data_keys').execute();
  },
};
