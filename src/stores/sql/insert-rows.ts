/**
 * Many rows at once. kysely builds a node for each value, which for a ledger is most of what its rows cost: here the text
 * of the statement is made once, and only values travel. SQLite runs it for each row, PostgreSQL unfolds a list a column.
 */
import { CompiledQuery } from 'kysely';
import type { Database, SqlDialect } from './tables.ts';

export type Value = string | number;

export interface InsertOptions<Name extends string> {
  readonly table: string;
  /** In the order of the values, with the kind of each. */
  readonly columns: Readonly<Record<Name, 'text' | 'whole'>>;
  /** What follows the values: `on conflict …`. */
  readonly ending: string;
}

export type Insert<Row extends object> = (
  database: Database,
  rows: readonly Row[],
) => Promise<readonly unknown[]>;

export function createInsert<Name extends string>(
  dialect: SqlDialect,
  { table, columns, ending }: InsertOptions<Name>,
): Insert<Readonly<Record<Name, Value>>> {
  const names = Object.keys(columns) as Name[];
  const into = `insert into ${quoted(table)} (${names.map(quoted).join(', ')})`;
  const values =
    dialect === 'sqlite'
      ? `values (${names.map(() => '?').join(', ')})`
      : `select * from unnest(${names.map((name, index) => `$${index + 1}::${listKinds[columns[name]]}`).join(', ')})`;
  const text = `${into} ${values} ${ending}`;
  return async (database, rows) => {
    if (rows.length === 0) return [];
    const given =
      dialect === 'sqlite'
        ? rows.map((row) => names.map((name) => row[name]))
        : names.map((name) => rows.map((row) => row[name]));
    return (await database.executeQuery(CompiledQuery.raw(text, given))).rows;
  };
}

const listKinds = { text: 'text[]', whole: 'bigint[]' } as const;

function quoted(name: string): string {
  return `"${name}"`;
}
