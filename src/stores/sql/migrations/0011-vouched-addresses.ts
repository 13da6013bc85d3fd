/**
 * Versions say which addresses an owner answers for. Gateways before this step go on writing: theirs say nothing, and are
 * believed as they were.
 */
import { sql } from 'kysely';
import type { SchemaStep } from '../schema-step.ts';

export const vouchedAddressesStep: SchemaStep = {
  step: 11,
  name: 'vouched addresses',
  compatibleFrom: 1,
  up: async ({ schema }, dialect) => {
    const text = dialect === 'sqlite' ? sql`text` : sql`text collate "C"`;
    await schema.alterTable('config_versions').addColumn('vouched', text).execute();
  },
  down: async ({ schema }) => {
    await schema.alterTable('config_versions').dropColumn('vouched').execute();
  },
};
