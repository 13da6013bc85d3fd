/**
 * A9, DP14: what cannot be written down because the disk is full is not done; what only reads goes on, and so do requests.
 * `faults/audit-replicas.test.ts` tells of the database that replicas share.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { until } from '../faults/rig.ts';
import { type Ask, assertNothingChanges, assertOnlyAda } from './refused-changes.ts';

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
