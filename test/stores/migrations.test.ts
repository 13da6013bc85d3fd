/** Steps of the schema, on both databases (DP15, P12). */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import {
  type MigrateOptions,
  migrate,
  migrateDown,
  readSchema,
  SchemaTooNewError,
} from '../../src/stores/sql/migrate.ts';
import { ledgerHoursStep } from '../../src/stores/sql/migrations/0007-ledger-hours.ts';
import type { SchemaStep } from '../../src/stores/sql/schema-step.ts';
import { schemaSteps } from '../../src/stores/sql/schema-steps.ts';
import { type Backend, createStore } from '../../src/stores/sql/store.ts';
import { aRow } from '../conformance/ledger.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { clock, postgresBackend, sqliteBackend, temporaryFolder } from './databases.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server.stop());

/** Opens the same database again each time it is asked. */
type OpenAgain = () => Promise<Backend>;

async function onSqlite(t: TestContext): Promise<OpenAgain> {
  const path = join(await temporaryFolder(t), 'store.sqlite');
  return async () => sqliteBackend(t, path);
}

async function onPostgres(t: TestContext): Promise<OpenAgain> {
  const url = await server.createDatabase();
  return () => postgresBackend(t, url);
}

const roundsAtOnce = 10;

for (const [name, prepare] of [
  ['sqlite', onSqlite],
  ['postgres', onPostgres],
] as const) {
  const story = (what: string, run: (open: OpenAgain) => Promise<void>) =>
    test(`${name}: ${what}`, async (t) => run(await prepare(t)));

  story('a database is brought up to date once, and then left as it is', async (open) => {
    const backend = await open();
    assert.deepEqual(await up(backend), { step: schemaSteps.length, compatibleFrom: 1 });
    assert.deepEqual(await up(backend), { step: schemaSteps.length, compatibleFrom: 1 });
  });

  story('every step can be taken back and taken again', async (open) => {
    const backend = await open();
    await up(backend);
    await down(backend, 0);
    assert.equal((await schemaOf(backend)).step, 0);
    await assert.rejects(backend.write((database) => database.selectFrom('ledger').selectAll().execute()));
    await up(backend);
    assert.deepEqual(
      await backend.write((database) => database.selectFrom('ledger').selectAll().execute()),
      [],
    );
  });

  story(
    'a step that fails half-way leaves the schema as it was, and the old gateway serving (DP15)',
    async (open) => {
      const old = storeOver(await open());
      await old.migrate();
      await old.ledger.append([aRow()]);
      const newer = await open();
      await assert.rejects(up(newer, [...schemaSteps, halfWay]), /no such thing/);
      assert.equal((await schemaOf(newer)).step, schemaSteps.length);
      await assert.rejects(
        newer.write((database) => sql`select * from half_way`.execute(database)),
        /half_way/,
      );
      await old.ledger.append([aRow()]);
      assert.equal((await up(newer, [...schemaSteps, widerStep])).step, schemaSteps.length + 1);
    },
  );

  story('an old gateway works with a schema that has only been added to (DP15)', async (open) => {
    await up(await open(), [...schemaSteps, widerStep]);
    const old = storeOver(await open());
    await old.migrate();
    await old.ledger.append([aRow()]);
    const { schemaStep, schemaKnown } = await old.check();
    assert.deepEqual([schemaStep, schemaKnown], [schemaSteps.length + 1, schemaSteps.length]);
  });

  story('a schema that a newer gateway has taken away from is refused, by name', async (open) => {
    await up(await open(), [...schemaSteps, narrowerStep]);
    const old = storeOver(await open());
    const refused = (error: unknown) =>
      error instanceof SchemaTooNewError && error.message.includes(`knows ${schemaSteps.length}`);
    await assert.rejects(old.migrate(), refused);
    await assert.rejects(old.ledger.append([aRow()]), refused);
  });

  story('what the ledger kept before there were hours and months is in them too', async (open) => {
    const { ledger } = storeOver(await open());
    const noCost = { inputTokens: 0, outputTokens: 0, costNanoUsd: 0 };
    await ledger.append([aRow(), aRow({ atMs: aRow().atMs + 5_400_000 }), aRow(), aRow(noCost)]);
    const question = { fromDay: '2026-01-01', toDay: '2026-01-02', rowsMax: 10 };
    const kept = await ledger.hours(question);
    assert.equal(kept.hours.length, 2);
    const backend = await open();
    await down(backend, ledgerHoursStep.step - 1);
    await up(backend);
    assert.deepEqual(await ledger.hours(question), kept);
    const month = { fromDay: '2026-01-01', toDay: '2026-02-01', by: ['key'] as const, where: {}, rowsMax: 9 };
    const [sum] = await ledger.sum(month);
    assert.deepEqual([sum?.exchanges, sum?.inputTokens], [4, 300]);
  });

  story('sums of a gateway from before it knew the model on the server count beside ours', async (open) => {
    const { ledger } = storeOver(await open());
    await ledger.append([aRow()]);
    const backend = await open();
    await backend.write(async (database) => {
      for (const table of ['ledger_days', 'ledger_months']) {
        const all =
          'tenant, team, "user", key, route, model, upstream, outcome, saved_by, exchanges, input_tokens';
        const more = 'cached_input_tokens, output_tokens, reasoning_tokens, cost_nano_usd, saved_nano_usd';
        await sql`insert into ${sql.table(table)} (day, combination, ${sql.raw(`${all}, ${more}`)})
          select day, 'older', ${sql.raw(`${all}, ${more}`)} from ${sql.table(table)}`.execute(database);
      }
    });
    await ledger.append([aRow()]);
    for (const toDay of ['2026-01-02', '2026-02-01']) {
      const told = await ledger.sum({
        fromDay: '2026-01-01',
        toDay,
        by: ['targetModel'],
        where: {},
        rowsMax: 9,
      });
      assert.deepEqual(
        told.map(({ by, exchanges }) => [by.targetModel, exchanges]),
        [
          ['', 1],
          ['gemma2:2b', 2],
        ],
      );
    }
  });

  story('gateways that start together take every step once (P12)', async (open) => {
    for (let round = 0; round < roundsAtOnce; round += 1) {
      const backends = await Promise.all([open(), open(), open()]);
      await Promise.all(backends.map((backend) => up(backend)));
      const [first] = backends;
      const steps = await first.write((database) =>
        database.selectFrom('schema_steps').select('step').orderBy('step').execute(),
      );
      assert.deepEqual(
        steps.map(({ step }) => step),
        schemaSteps.map(({ step }) => step),
      );
      await down(first, 0);
      await Promise.all(backends.map((backend) => backend.close()));
    }
  });
}

test('postgres: what another gateway keeps in the same database, in a schema of its own, is none of this one’s', async (t) => {
  const url = await server.createDatabase();
  const inSchema = (name: string) =>
    postgresBackend(t, `${url}?options=${encodeURIComponent(`-c search_path=${name}`)}`);
  const plain = await postgresBackend(t, url);
  await up(plain);
  await plain.write((database) => sql`create schema staging`.execute(database));
  const staging = await inSchema('staging');
  assert.equal((await storeOver(staging).check()).schemaStep, 0);
  assert.equal((await up(staging)).step, schemaSteps.length);
  await storeOver(staging).ledger.append([aRow()]);
  const rows = (backend: Backend) =>
    backend.write((database) => database.selectFrom('ledger').select('id').execute());
  assert.deepEqual([(await rows(staging)).length, (await rows(plain)).length], [1, 0]);
});

test('steps are numbered from 1 without a gap, and none asks for a gateway that does not exist yet', () => {
  assert.deepEqual(
    schemaSteps.map(({ step }) => step),
    schemaSteps.map((_, at) => at + 1),
  );
  assert.ok(schemaSteps.every(({ step, compatibleFrom }) => compatibleFrom <= step && compatibleFrom >= 1));
});

const next = schemaSteps.length + 1;

const halfWay: SchemaStep = {
  step: next,
  name: 'half-way',
  compatibleFrom: 1,
  up: async ({ schema }) => {
    await schema.createTable('half_way').addColumn('one', 'integer').execute();
    throw new Error('there is no such thing');
  },
  down: async () => undefined,
};

const widerStep: SchemaStep = {
  step: next,
  name: 'wider',
  compatibleFrom: 1,
  up: async ({ schema }) => {
    await schema.alterTable('ledger').addColumn('region', 'text').execute();
  },
  down: async ({ schema }) => {
    await schema.alterTable('ledger').dropColumn('region').execute();
  },
};

const narrowerStep: SchemaStep = {
  step: next,
  name: 'narrower',
  compatibleFrom: next,
  up: async ({ schema }) => {
    await schema.alterTable('ledger').dropColumn('code').execute();
  },
  down: async ({ schema }) => {
    await schema.alterTable('ledger').addColumn('code', 'text').execute();
  },
};

const optionsFor = (backend: Backend, steps: readonly SchemaStep[]): MigrateOptions => ({
  dialect: backend.dialect,
  steps,
  clock,
});

const up = (backend: Backend, steps = schemaSteps) =>
  backend.migrateWith((database) => migrate(database, optionsFor(backend, steps)));

const down = (backend: Backend, step: number) =>
  backend.migrateWith((database) => migrateDown(database, { ...optionsFor(backend, schemaSteps), step }));

const schemaOf = (backend: Backend) => backend.write((database) => readSchema(database));

const storeOver = (backend: Backend) => createStore(backend, { clock, onTrouble: () => undefined });
