/**
 * DP15: a newer version takes the schema a step further while two gateways of this version serve, and is killed in the
 * middle of it. They go on, another of this version may start meanwhile, the next start of the newer one takes the step,
 * both versions serve side by side, and the way back is open.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client } from 'pg';
import { migrateDown } from '../../src/stores/sql/migrate.ts';
import { schemaSteps } from '../../src/stores/sql/schema-steps.ts';
import { openPlace, type RunningProcess, serve } from '../cli/gateway-process.ts';
import { openTestGateway, simulator } from '../gateway.ts';
import { runMasterKey } from '../run-canary.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { makeStoredKey, statusWith } from '../stored-keys.ts';
import { clock, postgresBackend } from '../stores/databases.ts';
import { keepAsking } from './known-callers.ts';
import { keepMakingKeys } from './new-callers.ts';
import { until } from './rig.ts';
import { gate, widerStep } from './wider-step.ts';

const identity = { pepper: 'm3Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };
const known = schemaSteps.length;

/** Read before the gateway's own code: it knows a step more. */
const urlOf = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
const newerVersion = `--import=data:text/javascript,${encodeURIComponent(`
  import { widerStep } from ${urlOf('wider-step.ts')};
  import { schemaSteps } from ${urlOf('../../src/stores/sql/schema-steps.ts')};
  schemaSteps.push(widerStep);
`)}`;

test('DP15, P3: a version that is killed while it migrates takes nobody along, has no new key called wrong, and its next start ends what it began', async (t) => {
  const { config, operator } = await openStores(t);
  const open = async () => {
    const gateway = await openTestGateway({ config });
    t.after(() => gateway.close());
    return gateway;
  };
  const replicas = [await open(), await open()] as const;
  const [one, two] = replicas;
  const key = await makeStoredKey(one, { name: 'ci' });
  await until('both know it', async () => (await statusWith(two, key)) === 200);
  const callers = keepAsking(replicas, key);
  const newCallers = keepMakingKeys(replicas);
  const more = async () => {
    const before = callers.answered();
    await until('more are answered', () => callers.answered() >= before + 20);
  };
  await more();

  await operator.query('select pg_advisory_lock($1)', [gate]);
  const killed = await openNewer(t, config);
  await until('it stands in the middle', () => isAtGate(operator));
  await more();
  const late = await open();
  await until('who starts now knows the key', async () => (await statusWith(late, key)) === 200);
  await killed.stop('SIGKILL');
  await more();
  assert.ok(await isAtGate(operator), 'the server does not know yet that nobody waits');
  await operator.query('select pg_advisory_unlock($1)', [gate]);
  await until('it is taken back', async () => !(await isMigrating(operator)));
  assert.deepEqual(await schemaIn(operator), [known, []]);
  await more();

  const newer = await openNewer(t, config);
  await until('it has taken the step', async () => (await schemaIn(operator))[0] === known + 1);
  assert.deepEqual(await schemaIn(operator), [known + 1, ['directory', 'ledger']]);
  await until('the newer knows the key', async () => (await statusOf(newer, key)) === 200);
  await more();
  const added = await makeStoredKey(two, { name: 'added' });
  await until('both versions know what one made', async () => (await statusOf(newer, added)) === 200);
  const ended = await newer.stop('SIGTERM');
  assert.equal(ended.code, 0, ended.err);

  const backend = await postgresBackend(t, config.store);
  const steps = [...schemaSteps, widerStep];
  await backend.migrateWith((database) =>
    migrateDown(database, { dialect: 'postgres', steps, clock, step: known }),
  );
  assert.deepEqual(await schemaIn(operator), [known, []]);
  await more();
  const { made, unmade, notMade } = newCallers;
  await until('a new key is let in', async () => (made[200] ?? 0) > 0);
  await newCallers.end();
  t.diagnostic(
    `used as soon as made: ${JSON.stringify(made)}, never made: ${JSON.stringify(unmade)}, not made: ${notMade}`,
  );
  const answered = await callers.end();
  await Promise.all([...replicas, late].map((gateway) => gateway.close()));
  const { rows } = await operator.query<{ id: string }>('select id from ledger');
  const kept = new Set(rows.map(({ id }) => id));
  assert.equal(kept.size, rows.length, 'none is there twice');
  assert.deepEqual(
    answered.filter((id) => !kept.has(id)),
    [],
    'what was answered has its row',
  );
});

async function openStores(t: TestContext) {
  const [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
  t.after(() => Promise.all([redis.stop(), postgres.stop()]));
  const store = await postgres.createDatabase();
  const operator = new Client({ connectionString: store });
  operator.on('error', () => undefined);
  await operator.connect();
  t.after(() => operator.end().catch(() => undefined));
  const config = { store, shared: redis.url, identity, secrets: { masterKey: runMasterKey }, ...simulator };
  return { config, operator };
}

async function openNewer(t: TestContext, config: object): Promise<RunningProcess> {
  const place = await openPlace();
  await place.write('millrace.yaml', JSON.stringify(config));
  const running = await serve(['--config', 'millrace.yaml'], { place, nodeOptions: [newerVersion] });
  t.after(async () => {
    await running.stop('SIGKILL');
    await place[Symbol.asyncDispose]();
  });
  return running;
}

const statusOf = ({ ready }: RunningProcess, key: string) => statusWith({ url: ready.clients }, key);

async function isAtGate(operator: Client): Promise<boolean> {
  const waiting = `select 1 from pg_locks where locktype = 'advisory' and objid = $1 and not granted`;
  return ((await operator.query(waiting, [gate])).rowCount ?? 0) > 0;
}

async function isMigrating(operator: Client): Promise<boolean> {
  const sessions = `select 1 from pg_stat_activity where application_name = 'millrace migration'`;
  return ((await operator.query(sessions)).rowCount ?? 0) > 0;
}

/** The last step that was taken, and which tables have the column more. */
async function schemaIn(operator: Client): Promise<readonly [number, readonly string[]]> {
  const steps = await operator.query<{ last: number }>('select max(step)::int as last from schema_steps');
  const columns = await operator.query<{ table: string }>(
    `select table_name as table from information_schema.columns where column_name = 'wider' order by 1`,
  );
  return [steps.rows[0]?.last ?? 0, columns.rows.map(({ table }) => table)];
}
