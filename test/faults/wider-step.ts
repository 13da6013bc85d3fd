/** The schema a step further than this version knows, as a newer version takes it; it can be held up in the middle. */
import { sql } from 'kysely';
import type { SchemaStep } from '../../src/stores/sql/schema-step.ts';
import { schemaSteps } from '../../src/stores/sql/schema-steps.ts';

/** Whoever holds this lock holds up the step. */
export const gate = 7_070_707;

export const widerStep: SchemaStep = {
  step: schemaSteps.length + 1,
  name: 'wider',
  compatibleFrom: 1,
  up: async (editor) => {
    await editor.schema.alterTable('ledger').addColumn('wider', 'text').execute();
    await sql`set local lock_timeout = 0`.execute(editor);
    await sql`select pg_advisory_xact_lock(${sql.lit(gate)})`.execute(editor);
    await editor.schema.alterTable('directory').addColumn('wider', 'text').execute();
  },
  down: async ({ schema }) => {
    for (const table of ['ledger', 'directory']) {
      await schema.alterTable(table).dropColumn('wider').execute();
    }
  },
};
