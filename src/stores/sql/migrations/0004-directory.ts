/** The directory: tenants, teams, users and keys in one table, the counter of its changes, and when keys were used. */
import { type CreateTableBuilder, sql } from 'kysely';
import type { SchemaEditor, SchemaStep } from '../schema-step.ts';
import type { SqlDialect } from '../tables.ts';

export const directoryStep: SchemaStep = {
  step: 4,
  name: 'directory',
  compatibleFrom: 1,
  up: async (editor, dialect) => {
    await createDirectory(editor, dialect);
    await createKeyUses(editor, dialect);
    await begin(editor);
  },
  down: async ({ schema }) => {
    await schema.dropTable('key_uses').execute();
    await schema.dropTable('directory_version').execute();
    await schema.dropTable('directory').execute();
  },
};

const kinds = {
  sqlite: { whole: sql`integer`, text: sql`text`, end: sql`strict, without rowid`, plain: sql`strict` },
  postgres: { whole: sql`bigint`, text: sql`text collate "C"`, end: sql``, plain: sql`` },
} as const;

const texts = ['kind', 'tenant', 'name', 'team', 'user', 'role', 'digest', 'previous_digest', 'rest'];
const wholes = ['version', 'created_at_ms', 'removed_at_ms', 'active', 'previous_until_ms', 'expires_at_ms'];

async function createDirectory({ schema }: SchemaEditor, dialect: SqlDialect): Promise<void> {
  await withColumns(schema.createTable('directory').modifyEnd(kinds[dialect].end), dialect, { texts, wholes })
    .addPrimaryKeyConstraint('directory_pkey', ['kind', 'tenant', 'name'])
    .execute();
  // Whoever follows reads in this order.
  await schema.createIndex('directory_by_version').unique().on('directory').column('version').execute();
  await schema
    .createIndex('directory_by_digest')
    .unique()
    .on('directory')
    .column('digest')
    .where(sql.ref('digest'), '<>', sql.lit(''))
    .execute();
  // What was taken out long ago is looked for at every change.
  await schema
    .createIndex('directory_removed')
    .on('directory')
    .column('removed_at_ms')
    .where(sql.ref('removed_at_ms'), '>', sql.lit(0))
    .execute();
  const counter = schema.createTable('directory_version').modifyEnd(kinds[dialect].plain);
  await withColumns(counter, dialect, { texts: [], wholes: ['version'] }).execute();
}

async function createKeyUses({ schema }: SchemaEditor, dialect: SqlDialect): Promise<void> {
  const table = schema.createTable('key_uses').modifyEnd(kinds[dialect].end);
  await withColumns(table, dialect, { texts: ['tenant', 'name'], wholes: ['used_at_ms'] })
    .addPrimaryKeyConstraint('key_uses_pkey', ['tenant', 'name'])
    .execute();
}

/** Every directory begins with the tenant that everything belongs to of which nothing else was said. */
async function begin(editor: SchemaEditor): Promise<void> {
  await sql`insert into directory_version (version) values (1)`.execute(editor);
  await sql`insert into directory (kind, tenant, name, team, "user", role, digest, previous_digest, rest, version,
    created_at_ms, removed_at_ms, active, previous_until_ms, expires_at_ms)
    values ('tenant', 'default', '', '', '', '', '', '', '{"keepContentDays":0}', 1, ${Date.now()}, 0, 1, 0, 0)`.execute(
    editor,
  );
}

interface Columns {
  readonly texts: readonly string[];
  readonly wholes: readonly string[];
}

function withColumns(
  table: CreateTableBuilder<string, string>,
  dialect: SqlDialect,
  columns: Columns,
): CreateTableBuilder<string, string> {
  const { text, whole } = kinds[dialect];
  const all = [
    ...columns.texts.map((name) => ({ name, kind: text })),
    ...columns.wholes.map((name) => ({ name, kind: whole })),
  ];
  return all.reduce(
    (sofar, { name, kind }) => sofar.addColumn(name, kind, (column) => column.notNull()),
    table,
  );
}
