/** Prompts and answers of tenants that have them kept, and erasures that have begun. */
import { type CreateTableBuilder, sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

const kinds = {
  sqlite: { whole: sql`integer`, text: sql`text`, bytes: sql`blob`, end: sql`strict, without rowid` },
  postgres: { whole: sql`bigint`, text: sql`text collate "C"`, bytes: sql`bytea`, end: sql`` },
} as const;

export const privacyStep: SchemaStep = {
  step: 8,
  name: 'privacy',
  compatibleFrom: 1,
  up: async ({ schema }, dialect) => {
    const { whole, text, bytes, end } = kinds[dialect];
    const make = (name: string, texts: readonly string[], wholes: readonly string[]) => {
      const table: CreateTableBuilder<string, string> = schema.createTable(name).modifyEnd(end);
      const named = texts.reduce(
        (sofar, each) => sofar.addColumn(each, text, (column) => column.notNull()),
        table,
      );
      return wholes.reduce(
        (sofar, each) => sofar.addColumn(each, whole, (column) => column.notNull()),
        named,
      );
    };
    await make('contents', ['id', 'tenant', 'user'], ['at_ms', 'expires_at_ms'])
      .addColumn('sealed', bytes, (column) => column.notNull())
      .addPrimaryKeyConstraint('contents_pkey', ['id'])
      .execute();
    await schema.createIndex('contents_by_owner').on('contents').columns(['tenant', 'user', 'id']).execute();
    await schema.createIndex('contents_by_age').on('contents').column('expires_at_ms').execute();
    await make('erasures', ['tenant', 'user', 'alias'], ['begun_at_ms', 'next_at_ms', 'complete'])
      .addPrimaryKeyConstraint('erasures_pkey', ['tenant', 'user'])
      .execute();
  },
  down: async ({ schema }) => {
    await schema.dropTable('erasures').execute();
    await schema.dropTable('contents').execute();
  },
};
