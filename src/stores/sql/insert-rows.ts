/**
 * Many rows at once. kysely builds a node for each value, which for a ledger is most of what its rows cost: here the text
 * of the statement is made once, and only values travel. SQLite runs it for each row, PostgreSQL unfolds a list a column.
 */
import { CompiledQuery } from 'kysely';
import type { Database, SqlDialect } from './tables.ts';

type Value = string | number;

type Row<Name extends string> = Readonly<Record<Name, Value>>;

interface TableColumns<Name extends string> {
  readonly table: string;
  /** In the order of the values, with the kind of each. */
  readonly columns: Readonly<Record<Name, 'text' | 'whole'>>;
}

export interface AdditionOptions<Name extends string> extends TableColumns<Name> {
  /** What tells one row from another. */
  readonly id: NoInfer<Name>;
}

/** Answers with those that were not there. */
export type Addition<Name extends string> = <Added extends Row<Name>>(
  database: Database,
  rows: readonly Added[],
) => Promise<readonly Added[]>;

/** Adds the rows that are not there yet. */
export function createAddition<Name extends string>(
  dialect: SqlDialect,
  { id, ...into }: AdditionOptions<Name>,
): Addition<Name> {
  const conflict = `on conflict (${quoted(id)}) do nothing`;
  if (dialect === 'sqlite') {
    const insert = createInsert(dialect, { ...into, ending: conflict });
    return async (database, rows) => {
      const changed = await insert(database, rows);
      return rows.filter((_, at) => changed[at] === 1);
    };
  }
  const insert = createInsert(dialect, { ...into, ending: `${conflict} returning ${quoted(id)}` });
  return async (database, rows) => {
    const added = new Set((await insert(database, rows)).map((row) => (row as Row<Name>)[id]));
    return rows.filter((row) => added.has(row[id]));
  };
}

export interface SumsOptions<Name extends string> extends TableColumns<Name> {
  /** What tells one sum from another. */
  readonly place: readonly NoInfer<Name>[];
  /** What is added up. */
  readonly counted: readonly NoInfer<Name>[];
}

export type AddUp<Sum extends object> = (database: Database, sums: readonly Sum[]) => Promise<void>;

/** Adds to the sums that are there, and begins those that are not. */
export function createAddUp<Name extends string>(
  dialect: SqlDialect,
  { place, counted, ...into }: SumsOptions<Name>,
): AddUp<Row<Name>> {
  const table = quoted(into.table);
  const added = counted.map(
    (name) => `${quoted(name)} = ${table}.${quoted(name)} + excluded.${quoted(name)}`,
  );
  const ending = `on conflict (${place.map(quoted).join(', ')}) do update set ${added.join(', ')}`;
  const insert = createInsert(dialect, { ...into, ending });
  if (dialect !== 'sqlite') return async (database, sums) => void (await insert(database, sums));
  const more = counted.map((name) => `${quoted(name)} = ${quoted(name)} + ?`).join(', ');
  const there = place.map((name) => `${quoted(name)} = ?`).join(' and ');
  const text = `update ${table} set ${more} where ${there}`;
  // Most are there, and to bind a value costs as much as to look one up: their names are not given again.
  const names = [...counted, ...place];
  return async (database, sums) => {
    const changed = await run(database, text, valuesOf(sums, names));
    await insert(
      database,
      sums.filter((_, at) => changed[at] === 0),
    );
  };
}

interface InsertOptions<Name extends string> extends TableColumns<Name> {
  /** What follows the values: `on conflict …`. */
  readonly ending: string;
}

/** Answers with the rows that are returned; of SQLite, where none are, how much each changed. */
type Insert<Inserted extends object> = (
  database: Database,
  rows: readonly Inserted[],
) => Promise<readonly unknown[]>;

function createInsert<Name extends string>(
  dialect: SqlDialect,
  { table, columns, ending }: InsertOptions<Name>,
): Insert<Row<Name>> {
  const names = Object.keys(columns) as Name[];
  const into = `insert into ${quoted(table)} (${names.map(quoted).join(', ')})`;
  const values =
    dialect === 'sqlite'
      ? `values (${names.map(() => '?').join(', ')})`
      : `select * from unnest(${names.map((name, index) => `$${index + 1}::${listKinds[columns[name]]}`).join(', ')})`;
  const text = `${into} ${values} ${ending}`;
  return async (database, rows) => {
    const given =
      dialect === 'sqlite' ? valuesOf(rows, names) : names.map((name) => rows.map((row) => row[name]));
    return rows.length === 0 ? [] : await run(database, text, given);
  };
}

function valuesOf<Name extends string>(rows: readonly Row<Name>[], names: readonly Name[]): Value[][] {
  return rows.map((row) => names.map((name) => row[name]));
}

async function run(database: Database, text: string, given: Value[][]): Promise<readonly unknown[]> {
  return given.length === 0 ? [] : (await database.executeQuery(CompiledQuery.raw(text, given))).rows;
}

const listKinds = { text: 'text[]', whole: 'bigint[]' } as const;

function quoted(name: string): string {
  return `"${name}"`;
}
