/** A9, DP14: what cannot be written down because the disk is full is not done; what only reads goes on, and so do requests. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { Client } from 'pg';
import { openTestAdmin } from '../admin-rig.ts';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { until } from '../faults/rig.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { fileBytesMax, filledUp, limitFiles } from '../stores/full-disk.ts';

interface Asked {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any;
}

type Ask = (path: string, given?: { method?: string; body?: unknown }) => Promise<Asked>;

/** One of each kind of change. */
async function assertNothingChanges(ask: Ask): Promise<void> {
  for (const [method, path, body] of [
    ['POST', 'tenants', { name: 'unseen' }],
    ['POST', 'keys', { name: 'unseen' }],
    ['DELETE', 'users/ada', undefined],
    ['PUT', 'secrets/unseen', { value: 'never-kept' }],
  ] as const) {
    const refused = await ask(path, { method, body });
    const what = `${method} ${path}: ${JSON.stringify(refused.body)}`;
    assert.deepEqual([refused.status, refused.body.code], [503, 'dependency_unavailable'], what);
  }
  for (const path of ['status', 'config', 'users', 'users/ada', 'keys', 'usage', 'audit?limit=1'])
    assert.equal((await ask(path)).status, 200, path);
}

async function assertOnlyAda(ask: Ask): Promise<void> {
  assert.equal((await ask('users/ada')).status, 200);
  for (const path of ['tenants/unseen', 'keys/unseen']) assert.equal((await ask(path)).status, 404, path);
  assert.deepEqual((await ask('secrets')).body.items, []);
  const verdict = await ask('audit/verify');
  assert.equal(verdict.body.sound, true, JSON.stringify(verdict.body));
}

test('A9: with SQLite on a full disk every change is refused with 503 and not made, and reading goes on', async (t) => {
  const place = await openPlace();
  t.after(() => place[Symbol.asyncDispose]());
  const gateway = await serve([], { place });
  t.after(() => gateway.stop('SIGTERM'));
  const authorization = `Bearer ${await gateway.token()}`;
  const ask: Ask = async (path, { method = 'GET', body } = {}) => {
    const reply = await fetch(`${gateway.ready.admin}/admin/api/v1/${path}`, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    return { status: reply.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  assert.equal((await ask('users', { method: 'POST', body: { name: 'ada' } })).status, 201);
  const limit = (bytes: string) =>
    execFileSync('prlimit', ['--pid', String(gateway.child.pid), `--fsize=${bytes}:unlimited`]);
  // Its log takes half a page more, and no record.
  const { size } = await stat(place.path('.millrace/millrace.sqlite-wal'));
  limit(String(size + 2_048));
  await assertNothingChanges(ask);
  assert.equal((await gateway.chat({})).status, 200);
  limit('unlimited');
  await until('it takes something again', async () => {
    return (await ask('users', { method: 'POST', body: { name: 'bob' } })).status === 201;
  });
  await assertOnlyAda(ask);
});

test('A9: with PostgreSQL on a full disk every change is refused with 503 and not made, and reading goes on', async (t) => {
  const server = await openPostgresServer();
  t.after(() => server.stop());
  const url = await server.createDatabase();
  const admin = await openTestAdmin({ config: { store: url } });
  t.after(() => admin.close());
  const client = new Client({ connectionString: url });
  // It may outlive the server by a moment.
  client.on('error', () => undefined);
  await client.connect();
  t.after(() => client.end().catch(() => undefined));
  assert.equal((await admin.ask('users', { method: 'POST', body: { name: 'ada' } })).status, 201);
  await limitFiles(client, String(fileBytesMax));
  assert.equal(await filledUp(client, { table: 'audit', key: 'number' }), '53100', 'its disk is full');
  await assertNothingChanges(admin.ask);
  await limitFiles(client, 'unlimited');
  const refilled = await admin.ask('users', { method: 'POST', body: { name: 'carl' } });
  assert.equal(refilled.status, 201, JSON.stringify(refilled.body));
  await client.query('delete from audit where number < 0');
  await assertOnlyAda(admin.ask);
});
