/** The gateways at this database that share nothing else: each says again and again that it is there. */
import { sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

const kinds = {
  sqlite: { whole: sql`integer`, text: sql`text`, end: sql`strict` },
  postgres: { whole: sql`bigint`, text: sql`text collate "C"`, end: sql`` },
} as const;

export const gatewaysAloneStep: SchemaStep = {
  step: 12,
  name: 'gateways alone',
  compatibleFrom: 1,
  up: async ({ schema }, dialect) => {
    const { whole, text, end } = kinds[dialect];
    await schema
      .createTable('gateways_alone')
      .modifyEnd(end)
      .addColumn('id', text, (column) => column.primaryKey().notNull())
      .addColumn('started_ms', whole, (column) => column.notNull())
      .addColumn('seen_ms', whole, (column) => column.notNull())
      .execute();
  },
  down: async ({ schema }) => {
    await schema.dropTable('gateways_alone').execute();
  },
};
