/**
 * A PostgreSQL whose disk is full. A bound on the size of files stands in for the disk: the server then writes less of
 * a block than it wanted to, and says what it says of a full disk.
 */
import type { Client } from 'pg';

/** More than a segment of the log, which is made at once, and half a block. */
export const fileBytesMax = 2 * 1024 * 1024 + 4096;

/** Of the server and of all that it has started: who connects later has what the server has. It does so itself. */
export async function limitFiles(client: Client, bytes: string): Promise<void> {
  const { rows } = await client.query<{ pid: number }>(
    `select pid from pg_stat_activity where pid is not null
     union select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int`,
  );
  // A worker of the server may end meanwhile.
  const each = rows.map(({ pid }) => `prlimit --pid ${pid} --fsize=${bytes}:unlimited || ! kill -0 ${pid}`);
  await client.query(`copy (select 1) to program '${each.join('; ')}'`);
}

/** Writes into the table's own file, under keys that nobody else uses, until the server takes not one row more: with which code. */
export async function filledUp(
  client: Client,
  { table, key }: { readonly table: string; readonly key: string },
): Promise<string> {
  const { rows: columns } = await client.query<{ name: string; kind: string }>(
    `select column_name as name, data_type as kind from information_schema.columns
     where table_name = '${table}' order by ordinal_position`,
  );
  const valuesOf = (textChars: number) =>
    columns.map(({ name, kind }) => {
      if (name === key) return kind === 'bigint' ? '-1 - i' : `'filler-' || i`;
      return kind === 'bigint' ? '0' : `repeat('x', ${textChars})`;
    });
  const names = columns.map(({ name }) => `"${name}"`).join(', ');
  // What fits no more is taken out again, and its place must stay taken.
  await client.query(`alter table ${table} set (autovacuum_enabled = off)`);
  let from = 0;
  let told = '';
  for (const { rows, textChars } of fillers) {
    const values = valuesOf(textChars).join(', ');
    for (told = ''; told === '' && from < rowsMax; from += rows)
      told = await insert(
        client,
        `insert into ${table} (${names}) select ${values} from generate_series(${from}, ${from + rows - 1}) i`,
      );
  }
  return told;
}

/** Fewer and smaller ones, so that not even one more fits. */
const fillers = [
  { rows: 1_000, textChars: 100 },
  { rows: 50, textChars: 100 },
  { rows: 1, textChars: 4 },
];
const rowsMax = 200_000;

/** Gives the code of what went wrong. */
async function insert(client: Client, statement: string): Promise<string> {
  try {
    await client.query(statement);
    return '';
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
  }
}
