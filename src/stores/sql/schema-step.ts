/** One change of the schema. Numbers follow one another from 1 and never change once released. */
import type { QueryExecutorProvider, SchemaModule } from 'kysely';
import type { SqlDialect } from './tables.ts';

/** What a step works with: the schema and plain SQL. Tables by type would be today's, and not those of its time. */
export interface SchemaEditor extends QueryExecutorProvider {
  readonly schema: SchemaModule;
}

export interface SchemaStep {
  readonly step: number;
  readonly name: string;
  /**
   * The oldest step that a gateway must know to work with the schema after this one. A step that only adds keeps the
   * number of the one before, so that old and new gateways run side by side; one that takes away raises it, and is
   * released only after every gateway has stopped using what goes.
   */
  readonly compatibleFrom: number;
  up(editor: SchemaEditor, dialect: SqlDialect): Promise<void>;
  down(editor: SchemaEditor, dialect: SqlDialect): Promise<void>;
}
