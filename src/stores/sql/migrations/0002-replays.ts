/** What is kept of requests with an `Idempotency-Key`: who is at it, and what came of it. */
import { type CreateTableBuilder, sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

const kinds = {
  sqlite: { whole: sql`integer`, text: sql`text`, bytes: sql`blob`, end: sql`strict, without rowid` },
  postgres: { whole: sql`bigint`, text: sql`text collate "C"`, bytes: sql`bytea`, end: sql`` },
} as const;

const texts = ['tenant', 'key', 'user', 'fingerprint', 'token', 'state'];

export const replaysStep: SchemaStep = {
  step: 2,
  name: 'replays',
  compatibleFrom: 1,
  up: async ({ schema }, dialect) => {
    const { whole, text, bytes, end } = kinds[dialect];
    const table: CreateTableBuilder<string, string> = schema.createTable('replays').modifyEnd(end);
    await texts
      .reduce((sofar, name) => sofar.addColumn(name, text, (column) => column.notNull()), table)
      .addColumn('until_ms', whole, (column) => column.notNull())
      .addColumn('reply', bytes)
      .addPrimaryKeyConstraint('replays_pkey', ['tenant', 'key'])
      .execute();
    await schema.createIndex('replays_by_token').on('replays').column('token').unique().execute();
    await schema.createIndex('replays_by_age').on('replays').column('until_ms').execute();
  },
  down: async ({ schema }) => {
    await schema.dropTable('replays').execute();
  },
};
