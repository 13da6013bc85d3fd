/** What may become of Redis and PostgreSQL, under the names of the rows of the fault matrix, and how it is mended. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { type Operator, openOperator } from '../stores/redis-rig.ts';
import type { WholeRig } from './whole-rig.ts';

export interface Fault {
  readonly what: string;
  readonly rows: string;
  readonly gone: readonly ('shared' | 'store')[];
  /** Gives the way to mend it. */
  cause(t: TestContext, rig: WholeRig): Promise<() => unknown>;
}

export const faults: readonly Fault[] = [
  { what: 'Redis is killed', rows: 'DP1, DP2', gone: ['shared'], cause: killRedis },
  { what: 'Redis hangs', rows: 'DP3, DP4', gone: ['shared'], cause: hangRedis },
  { what: 'Redis has become a replica', rows: 'DP5', gone: ['shared'], cause: demoteRedis },
  { what: 'Redis has no memory left', rows: 'DP6', gone: ['shared'], cause: starveRedis },
  { what: 'Redis lets nobody run scripts', rows: 'DP7', gone: ['shared'], cause: forbidScripts },
  { what: 'Redis has another password', rows: 'DP7', gone: ['shared'], cause: changePassword },
  { what: 'Redis has forgotten every script', rows: 'DP7', gone: [], cause: flushScripts },
  { what: 'rubbish lies at every key of ours in Redis', rows: 'DP8', gone: [], cause: soilRedis },
  { what: 'PostgreSQL is killed', rows: 'DP9', gone: ['store'], cause: killPostgres },
  { what: 'PostgreSQL restarts', rows: 'DP10', gone: [], cause: restartPostgres },
  { what: 'PostgreSQL is read-only', rows: 'DP11', gone: ['store'], cause: freezePostgres },
  { what: 'PostgreSQL hangs', rows: 'DP12', gone: ['store'], cause: hangPostgres },
  { what: 'every table of PostgreSQL is locked', rows: 'DP12', gone: ['store'], cause: lockPostgres },
  { what: 'PostgreSQL takes no more connections', rows: 'DP13', gone: ['store'], cause: fillPostgres },
  { what: 'both are killed', rows: 'DP16', gone: ['shared', 'store'], cause: killBoth },
];

async function killRedis(_t: TestContext, rig: WholeRig) {
  rig.redis.kill();
  return () => rig.redis.restart();
}

async function hangRedis(_t: TestContext, rig: WholeRig) {
  rig.redis.pause();
  return () => rig.redis.resume();
}

async function demoteRedis(t: TestContext, rig: WholeRig) {
  const operator = await operatorOf(t, rig);
  // There is nobody it could copy.
  await operator.sendCommand(['REPLICAOF', '127.0.0.1', '1']);
  return () => operator.sendCommand(['REPLICAOF', 'NO', 'ONE']);
}

async function starveRedis(t: TestContext, rig: WholeRig) {
  const operator = await operatorOf(t, rig);
  await operator.configSet({ maxmemory: '1', 'maxmemory-policy': 'noeviction' });
  return () => operator.configSet('maxmemory', '0');
}

async function forbidScripts(t: TestContext, rig: WholeRig) {
  const operator = await operatorOf(t, rig);
  await operator.sendCommand(['ACL', 'SETUSER', 'default', '-evalsha', '-eval']);
  return () => operator.sendCommand(['ACL', 'SETUSER', 'default', '+@all']);
}

async function changePassword(t: TestContext, rig: WholeRig) {
  const operator = await operatorOf(t, rig);
  const { password } = new URL(rig.redis.url);
  await operator.configSet('requirepass', 'another-password-than-before');
  for (const type of ['normal', 'pubsub']) await operator.sendCommand(['CLIENT', 'KILL', 'TYPE', type]);
  return () => operator.configSet('requirepass', password);
}

async function flushScripts(t: TestContext, rig: WholeRig) {
  const operator = await operatorOf(t, rig);
  await operator.sendCommand(['SCRIPT', 'FLUSH']);
  return () => undefined;
}

async function soilRedis(t: TestContext, rig: WholeRig) {
  const operator = await operatorOf(t, rig);
  const keys = await operator.keys('millrace:*');
  assert.ok(keys.length > 0);
  for (const [index, key] of keys.entries()) {
    // In one step: there are others who write.
    const step = operator.multi().del(key);
    // Made there: to send it would hold up the gateways, which are in this process.
    if (index % 3 === 0) step.eval("return redis.call('SET', KEYS[1], ('x'):rep(1000000))", { keys: [key] });
    if (index % 3 === 1) step.lPush(key, ['{"', '\u0000']);
    if (index % 3 === 2) step.hSet(key, { any: 'thing' });
    await step.exec();
  }
  return () => undefined;
}

async function killPostgres(_t: TestContext, rig: WholeRig) {
  rig.postgres.kill();
  return () => rig.postgres.restart();
}

async function restartPostgres(_t: TestContext, rig: WholeRig) {
  const restarted = rig.postgres.restart();
  return () => restarted;
}

async function freezePostgres(t: TestContext, rig: WholeRig) {
  const operator = await clientOf(t, rig);
  const name = new URL(rig.store).pathname.slice(1);
  await operator.query('set default_transaction_read_only = off');
  await operator.query(`alter database ${name} set default_transaction_read_only = on`);
  await cutAll(operator);
  return () => operator.query(`alter database ${name} set default_transaction_read_only = off`);
}

async function hangPostgres(_t: TestContext, rig: WholeRig) {
  rig.postgres.pause();
  return () => rig.postgres.resume();
}

async function lockPostgres(t: TestContext, rig: WholeRig) {
  const operator = await clientOf(t, rig);
  await operator.query('begin');
  const { rows } = await operator.query(`select tablename from pg_tables where schemaname = 'public'`);
  assert.ok(rows.length > 5);
  await operator.query(`lock table ${rows.map(({ tablename }) => tablename).join(', ')}`);
  return () => operator.query('rollback');
}

async function fillPostgres(t: TestContext, rig: WholeRig) {
  const operator = await clientOf(t, rig);
  const others = await crowd(t, rig, operator);
  return () => Promise.all(others.map((other) => other.end()));
}

/** Takes every place there is, also those that the replicas leave. */
async function crowd(t: TestContext, rig: WholeRig, operator: Client): Promise<readonly Client[]> {
  const others: Client[] = [];
  await cutAll(operator);
  for (;;) {
    const other = await clientOf(t, rig).catch(() => undefined);
    if (other === undefined) return others;
    others.push(other);
    if (others.length % 5 === 0) await cutAll(operator);
  }
}

async function killBoth(_t: TestContext, rig: WholeRig) {
  rig.redis.kill();
  rig.postgres.kill();
  return () => Promise.all([rig.redis.restart(), rig.postgres.restart()]);
}

async function cutAll(operator: Client): Promise<void> {
  await operator.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'millrace%'`,
  );
}

async function operatorOf(t: TestContext, rig: WholeRig): Promise<Operator> {
  const operator = await openOperator(rig.redis.url);
  t.after(() => operator.destroy());
  return operator;
}

export async function clientOf(t: TestContext, rig: Pick<WholeRig, 'store'>): Promise<Client> {
  const client = new Client({ connectionString: rig.store });
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.end().catch(() => undefined));
  return client;
}
