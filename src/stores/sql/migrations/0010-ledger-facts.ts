/**
 * Sums are told apart by the model on the server too, and rows say what else is true of them. Gateways before this step go
 * on writing: their sums have no such name, and lie beside those that have one.
 */
import { sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

const added = [
  ['ledger_days', 'target_model'],
  ['ledger_months', 'target_model'],
  ['ledger', 'facts'],
] as const;

export const ledgerFactsStep: SchemaStep = {
  step: 10,
  name: 'ledger facts',
  compatibleFrom: 1,
  up: async ({ schema }, dialect) => {
    const text = dialect === 'sqlite' ? sql`text` : sql`text collate "C"`;
    for (const [table, name] of added) {
      await schema
        .alterTable(table)
        .addColumn(name, text, (column) => column.notNull().defaultTo(''))
        .execute();
    }
  },
  down: async ({ schema }) => {
    for (const [table, name] of added) await schema.alterTable(table).dropColumn(name).execute();
  },
};
