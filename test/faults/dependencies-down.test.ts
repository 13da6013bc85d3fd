/**
 * Whatever becomes of Redis and PostgreSQL, nobody who may do what they ask is told that they may not (G5), what needs
 * neither is served, what needs one says whose fault it is, all is well again by itself, and no row is missing.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { Client } from 'pg';
import { type Operator, openOperator } from '../stores/redis-rig.ts';
import { until } from './rig.ts';
import { type Kind, openWholeRig, type Seen, type WholeRig } from './whole-rig.ts';

let rig: WholeRig;
const closing: (() => unknown)[] = [];
before(async () => {
  rig = await openWholeRig({ after: (close) => void closing.push(close as () => unknown) });
});
after(() => Promise.all(closing.map((close) => close())));

interface Fault {
  readonly what: string;
  readonly rows: string;
  readonly gone: readonly ('shared' | 'store')[];
  /** Gives the way to mend it. */
  cause(t: TestContext): Promise<() => unknown>;
}

const faults: readonly Fault[] = [
  { what: 'Redis is killed', rows: 'DP1, DP2', gone: ['shared'], cause: killRedis },
  { what: 'Redis hangs', rows: 'DP3, DP4', gone: ['shared'], cause: hangRedis },
  { what: 'Redis has become a replica', rows: 'DP5', gone: ['shared'], cause: demoteRedis },
  { what: 'Redis has no memory left', rows: 'DP6', gone: ['shared'], cause: starveRedis },
  { what: 'Redis lets nobody run scripts', rows: 'DP7', gone: ['shared'], cause: forbidScripts },
  { what: 'rubbish lies at every key of ours in Redis', rows: 'DP8', gone: [], cause: soilRedis },
  { what: 'PostgreSQL is killed', rows: 'DP9', gone: ['store'], cause: killPostgres },
  { what: 'PostgreSQL restarts', rows: 'DP10', gone: [], cause: restartPostgres },
  { what: 'PostgreSQL is read-only', rows: 'DP11', gone: ['store'], cause: freezePostgres },
  { what: 'PostgreSQL hangs', rows: 'DP12', gone: ['store'], cause: hangPostgres },
  { what: 'every table of PostgreSQL is locked', rows: 'DP12', gone: ['store'], cause: lockPostgres },
  { what: 'PostgreSQL takes no more connections', rows: 'DP13', gone: ['store'], cause: fillPostgres },
  { what: 'both are killed', rows: 'DP16', gone: ['shared', 'store'], cause: killBoth },
];

/** The rows that the ledger is to have in the end. */
const owed: string[] = [];

/** What each kind cannot do without. Everything else is served whatever happens. */
const needs: Readonly<Partial<Record<Kind, 'shared' | 'store'>>> = {
  'once only': 'store',
  conversation: 'shared',
};
/** What needs the database waits until it is given up; everybody else hardly notices. */
const tookMsMax = { needing: 5_000, others: 1_500 };
const backMsMax = 15_000;

for (const { what, rows, gone, cause } of faults) {
  test(`${rows}, G5: when ${what} nobody is refused what they may do, and it is whole again by itself`, async (t) => {
    await whole();
    const mend = await cause(t);
    const seen: Seen[] = [];
    await until('it is told', async () => {
      seen.push(...(await rig.round()));
      const told = await rig.degraded();
      return told.every((each) => gone.every((name) => each.includes(name)));
    });
    for (let turn = 0; turn < 2; turn += 1) seen.push(...(await rig.round()));
    await mend();
    seen.push(...(await whole()));
    for (const each of seen) judge(each, gone);
    assert.ok(
      seen.some(({ status }) => status === 200),
      'somebody was served',
    );
    owed.push(...seen.filter(owesRow).map(({ id }) => id));
  });
}

test('G21: after all of it each exchange that was answered has one row, whichever replica answered it', async (t) => {
  assert.ok(owed.length > 500, `${owed.length}`);
  const days = { fromDay: '2000-01-01', toDay: '2100-01-01', where: {}, rowsMax: 10_000 };
  const ledger = rig.replicas[0]?.gateway.lasting.store.ledger;
  await t.waitFor(
    async () => {
      const found = (await ledger?.page(days))?.rows.map(({ id }) => id) ?? [];
      const kept = new Set(found);
      assert.equal(kept.size, found.length, 'none is there twice');
      assert.deepEqual(
        owed.filter((id) => !kept.has(id)),
        [],
      );
    },
    { timeout: 30_000, interval: 200 },
  );
});

function judge(each: Seen, gone: Fault['gone']): void {
  const told = JSON.stringify(each);
  assert.ok(each.status === 200 || each.status === 503, told);
  const need = needs[each.kind];
  assert.ok(each.tookMs < (need === undefined ? tookMsMax.others : tookMsMax.needing), told);
  if (each.status === 200) return;
  assert.equal(codeOf(each), 'dependency_unavailable', told);
  assert.match(each.retryAfter ?? '', /^\d+$/, told);
  // What is lost and not told of as lost is seen by whoever needs it all the same: rubbish, a restart.
  assert.ok(need !== undefined && (gone.length === 0 || gone.includes(need)), told);
}

/** Not every dialect tells it to the client. */
function codeOf({ id }: Seen): unknown {
  const lines = rig.replicas.flatMap(({ exchangeLines }) => exchangeLines);
  return (JSON.parse(lines.find((line) => line.includes(id)) ?? '{}') as { code?: string }).code;
}

const owesRow = ({ kind, status }: Seen) => kind !== 'models' && status === 200;

/** Nothing is missing, and everybody is served. */
async function whole(): Promise<readonly Seen[]> {
  const startMs = performance.now();
  const seen: Seen[] = [];
  for (;;) {
    const round = await rig.round();
    seen.push(...round);
    const told = await rig.degraded();
    if (round.every(({ status }) => status === 200) && told.every((each) => each === '')) return seen;
    assert.ok(performance.now() - startMs < backMsMax, `${told}: ${JSON.stringify(round)}`);
  }
}

async function killRedis() {
  rig.redis.kill();
  return () => rig.redis.restart();
}

async function hangRedis() {
  rig.redis.pause();
  return () => rig.redis.resume();
}

async function demoteRedis(t: TestContext) {
  const operator = await operatorOf(t);
  // There is nobody it could copy.
  await operator.sendCommand(['REPLICAOF', '127.0.0.1', '1']);
  return () => operator.sendCommand(['REPLICAOF', 'NO', 'ONE']);
}

async function starveRedis(t: TestContext) {
  const operator = await operatorOf(t);
  await operator.configSet({ maxmemory: '1', 'maxmemory-policy': 'noeviction' });
  return () => operator.configSet('maxmemory', '0');
}

async function forbidScripts(t: TestContext) {
  const operator = await operatorOf(t);
  await operator.sendCommand(['ACL', 'SETUSER', 'default', '-evalsha', '-eval']);
  return () => operator.sendCommand(['ACL', 'SETUSER', 'default', '+@all']);
}

async function soilRedis(t: TestContext) {
  const operator = await operatorOf(t);
  const keys = await operator.keys('millrace:*');
  assert.ok(keys.length > 0);
  for (const [index, key] of keys.entries()) {
    await operator.del(key);
    if (index % 3 === 0) await operator.set(key, 'x'.repeat(1_000_000));
    if (index % 3 === 1) await operator.lPush(key, ['{"', '\u0000']);
    if (index % 3 === 2) await operator.hSet(key, { any: 'thing' });
  }
  return () => undefined;
}

async function killPostgres() {
  rig.postgres.kill();
  return () => rig.postgres.restart();
}

async function restartPostgres() {
  const restarted = rig.postgres.restart();
  return () => restarted;
}

async function freezePostgres(t: TestContext) {
  const operator = await clientOf(t);
  const name = new URL(rig.store).pathname.slice(1);
  await operator.query('set default_transaction_read_only = off');
  await operator.query(`alter database ${name} set default_transaction_read_only = on`);
  await cutAll(operator);
  return () => operator.query(`alter database ${name} set default_transaction_read_only = off`);
}

async function hangPostgres() {
  rig.postgres.pause();
  return () => rig.postgres.resume();
}

async function lockPostgres(t: TestContext) {
  const operator = await clientOf(t);
  await operator.query('begin');
  const { rows } = await operator.query(`select tablename from pg_tables where schemaname = 'public'`);
  assert.ok(rows.length > 5);
  await operator.query(`lock table ${rows.map(({ tablename }) => tablename).join(', ')}`);
  return () => operator.query('rollback');
}

async function fillPostgres(t: TestContext) {
  const operator = await clientOf(t);
  const others = await crowd(t, operator);
  return () => Promise.all(others.map((other) => other.end()));
}

/** Takes every place there is, also those that the replicas leave. */
async function crowd(t: TestContext, operator: Client): Promise<readonly Client[]> {
  const others: Client[] = [];
  await cutAll(operator);
  for (;;) {
    const other = await clientOf(t).catch(() => undefined);
    if (other === undefined) return others;
    others.push(other);
    if (others.length % 5 === 0) await cutAll(operator);
  }
}

async function killBoth() {
  rig.redis.kill();
  rig.postgres.kill();
  return () => Promise.all([rig.redis.restart(), rig.postgres.restart()]);
}

async function cutAll(operator: Client): Promise<void> {
  await operator.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'millrace%'`,
  );
}

async function operatorOf(t: TestContext): Promise<Operator> {
  const operator = await openOperator(rig.redis.url);
  t.after(() => operator.destroy());
  return operator;
}

async function clientOf(t: TestContext): Promise<Client> {
  const client = new Client({ connectionString: rig.store });
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.end().catch(() => undefined));
  return client;
}
