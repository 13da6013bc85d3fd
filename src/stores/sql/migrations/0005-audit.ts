/** The audit log: a chain of records, and the row that says where it ends. */
import { type CreateTableBuilder, sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

const kinds = {
  sqlite: { whole: sql`integer`, text: sql`text`, end: sql`strict` },
  postgres: { whole: sql`bigint`, text: sql`text collate "C"`, end: sql`` },
} as const;

const texts = ['actor', 'tenant', 'address', 'action', 'object', 'outcome', 'detail', 'digest'];

export const auditStep: SchemaStep = {
  step: 5,
  name: 'audit',
  compatibleFrom: 1,
  up: async (editor, dialect) => {
    const { whole, text, end } = kinds[dialect];
    const table: CreateTableBuilder<string, string> = editor.schema.createTable('audit').modifyEnd(end);
    await texts
      .reduce((sofar, name) => sofar.addColumn(name, text, (column) => column.notNull()), table)
      .addColumn('number', whole, (column) => column.primaryKey().notNull())
      .addColumn('at_ms', whole, (column) => column.notNull())
      .execute();
    await editor.schema.createIndex('audit_by_tenant').on('audit').columns(['tenant', 'number']).execute();
    await editor.schema
      .createTable('audit_head')
      .modifyEnd(end)
      .addColumn('number', whole, (column) => column.notNull())
      .addColumn('digest', text, (column) => column.notNull())
      .execute();
    await sql`insert into audit_head (number, digest) values (0, '')`.execute(editor);
  },
  down: async ({ schema }) => {
    await schema.dropTable('audit_head').execute();
    await schema.dropTable('audit').execute();
  },
};
