/** The configuration through the admin API: shown, looked at, applied, undone; and the file on disk beside it. */
import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { badAlerts } from '../../src/config/fixtures/bad-alerts.ts';
import { badConfigs } from '../../src/config/fixtures/bad-configs.ts';
import { badListeners } from '../../src/config/fixtures/bad-listeners.ts';
import { until } from '../faults/rig.ts';
import { base, openConfigRig } from './config-rig.ts';

const limited = (text: string, perMinute: number) =>
  `${text}limits: [ { per: key, requests: ${perMinute}/min } ] # ours\n`;

test('what is applied is in force at once, is kept as it was written, and has the file before it in its history', async (t) => {
  const rig = await openConfigRig(t);
  const before = await rig.config();
  assert.deepEqual([before.version, before.from], [0, 'file']);
  assert.match(before.text, /# fast/);
  const put = await rig.put(limited(before.text, 77));
  assert.equal(put.status, 200, JSON.stringify(put.body));
  assert.deepEqual([put.body.version, put.body.outcome], [2, 'taken']);
  const after = await rig.config();
  assert.equal(put.headers.get('etag'), after.tag);
  assert.deepEqual([after.version, after.from, after.id], [2, 'applied', put.body.configId]);
  assert.equal(after.text, limited(before.text, 77));
  assert.equal(rig.admin.gateway.gateway.snapshot.config.limits.length, 1);
  assert.deepEqual(
    (await rig.history()).map(({ version, by, source }) => [version, by, source]),
    [
      [2, 'admin-token', 'applied'],
      [1, 'file', 'file'],
    ],
  );
  const first = await rig.admin.ask('config/history/1');
  assert.equal(first.body.text, before.text);
  const copy = join(rig.admin.gateway.data, 'applied-config.json');
  assert.equal((await stat(copy)).mode & 0o777, 0o600);
  assert.equal((await rig.admin.ask('config/history/9')).status, 404);
});

test('a change says which version it is of: of two at once one is refused', async (t) => {
  const rig = await openConfigRig(t);
  const body = { text: limited(base, 5) };
  const unsaid = await rig.admin.ask('config', { method: 'PUT', body });
  assert.equal(unsaid.status, 428);
  const { text, tag } = await rig.config();
  const answers = await Promise.all(
    [1, 2].map((perMinute) =>
      rig.admin.ask('config', {
        method: 'PUT',
        body: { text: limited(text, perMinute) },
        headers: { 'if-match': tag },
      }),
    ),
  );
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412]);
  assert.equal((await rig.history()).length, 2);
});

test('looking at a configuration tells all that is wrong and all that would change, and changes nothing', async (t) => {
  const rig = await openConfigRig(t);
  const { text, id } = await rig.config();
  const ask = (path: string, sent: string) =>
    rig.admin.ask(`config/${path}`, { method: 'POST', body: { text: sent } });
  const wrong = await ask('validate', `${text}queue: { places: -1 }\nlimit: []\n`);
  assert.equal(wrong.status, 200);
  assert.equal(wrong.body.valid, false);
  assert.deepEqual(
    wrong.body.problems.map(({ file, path }: { file: string; path: string }) => [file, path]),
    [
      ['proposed', 'queue.places'],
      ['proposed', ''],
    ],
  );
  const more = text.replace('sim: {', 'second: { type: simulator }\n  sim: {');
  assert.equal((await ask('validate', more)).body.valid, true);
  const { body } = await ask('diff', `${more}queue: { places: 5 }\n`.replace('100000', '5'));
  assert.deepEqual(
    body.changes.map(({ kind, path }: { kind: string; path: string }) => `${kind} ${path}`),
    ['changed upstreams.sim.tokensPerSecond', 'added upstreams.second', 'changed queue.places'],
  );
  assert.deepEqual([body.opened, body.closed, body.needsRestart], [['second', 'sim'], ['sim'], []]);
  assert.equal((await rig.config()).id, id);
  assert.deepEqual(await rig.history(), []);
});

test('G24, P9: no bad configuration comes through, and the one in force stays', async (t) => {
  const rig = await openConfigRig(t);
  const { id } = await rig.config();
  for (const { name, text } of [...badConfigs, ...badListeners, ...badAlerts]) {
    const sent = typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
    const { status, body } = await rig.put(sent.replaceAll('FILE', rig.admin.gateway.file));
    assert.ok([400, 413, 422].includes(status), `${name}: ${status} ${JSON.stringify(body)}`);
    assert.doesNotMatch(JSON.stringify(body), /canary/, name);
  }
  const bad = await rig.put(`${base}queue: { places: -1 }\n`);
  assert.equal(bad.headers.get('content-type'), 'application/problem+json');
  assert.deepEqual(
    [bad.body.code, bad.body.instance, bad.body.problems[0].path, bad.body.problems[0].line],
    ['invalid_request', '/admin/api/v1/config', 'queue.places', 7],
  );
  const large = await rig.put('x'.repeat(300_000));
  assert.equal(large.status, 400);
  assert.equal((await rig.config()).id, id);
  assert.deepEqual(await rig.history(), []);
});

test('a configuration may be sent as it lies in a file', async (t) => {
  const rig = await openConfigRig(t);
  const { text, tag } = await rig.config();
  const sent = (type: string) =>
    fetch(`${rig.admin.url}/admin/api/v1/config`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${rig.admin.token}`,
        'content-type': type,
        'if-match': tag,
      },
      body: limited(text, 9),
    });
  assert.equal((await sent('text/plain')).status, 400);
  assert.equal((await sent('application/yaml')).status, 200);
  assert.equal((await rig.config()).text, limited(text, 9));
});

test('going back makes an earlier version a new one', async (t) => {
  const rig = await openConfigRig(t);
  const { text, id } = await rig.config();
  await rig.put(limited(text, 1));
  await rig.put(limited(text, 2));
  const back = await rig.change('config/rollback', { method: 'POST', body: { version: 1 } });
  assert.equal(back.status, 200, JSON.stringify(back.body));
  assert.equal(back.body.version, 4);
  const now = await rig.config();
  assert.deepEqual([now.id, now.text], [id, text]);
  assert.equal((await rig.history())[0]?.note, 'rollback to 1');
  const none = await rig.change('config/rollback', { method: 'POST', body: { version: 9 } });
  assert.equal(none.status, 404);
});

test('a file that changes afterwards is in force again, as a version that is told of', async (t) => {
  const rig = await openConfigRig(t);
  const { text } = await rig.config();
  await rig.put(limited(text, 1));
  // A file that says the same, or other things of the install half, is no news.
  await rig.writeFile(`${base}# a comment more\n`);
  assert.deepEqual([(await rig.config()).from, (await rig.config()).version], ['applied', 2]);
  await rig.writeFile(`${base}queue: { places: 9 }\n`);
  await until('it is a version', async () => (await rig.config()).version === 3);
  const now = await rig.config();
  assert.deepEqual([now.from, now.config.queue.places], ['file', 9]);
  assert.doesNotMatch(now.text, /limits/);
  assert.deepEqual(
    (await rig.history()).map(({ by, source }) => [by, source]),
    [
      ['file', 'file'],
      ['admin-token', 'applied'],
      ['file', 'file'],
    ],
  );
  assert.ok(rig.admin.gateway.lines.some((line) => line.includes('the file is in force again')));
  const again = await rig.put(limited(now.text, 3));
  assert.equal(again.body.version, 4);
});

test('secrets that are written out in the file are kept nowhere, and cannot be brought back once they have gone', async (t) => {
  const rig = await openConfigRig(t);
  const secret = 'sk-canary-0f1e2d3c4b5a69788796a5b4c3d2e1f0';
  const upstream = (key: string) =>
    base.replace('  sim:', `  cloud: { type: openai, url: "http://127.0.0.1:9", key: "${key}" }\n  sim:`);
  await rig.writeFile(`# ${secret}\n${upstream(secret)}`);
  const shown = await rig.config();
  assert.ok(shown.masked);
  assert.match(shown.text, /key: "?\*\*\*/);
  const put = await rig.put(limited(shown.text, 5));
  assert.equal(put.status, 200, JSON.stringify(put.body));
  assert.equal(rig.admin.gateway.gateway.snapshot.config.upstreams['cloud']?.type, 'openai');
  const { upstreams } = rig.admin.gateway.gateway.snapshot.config;
  const { cloud } = upstreams;
  assert.ok(cloud !== undefined && 'key' in cloud);
  assert.equal(cloud.key?.reveal(), secret, '`***` means what the file has there');
  const database = await readFile(join(rig.admin.gateway.data, 'millrace.sqlite'), 'latin1');
  const log = await readFile(join(rig.admin.gateway.data, 'millrace.sqlite-wal'), 'latin1').catch(() => '');
  const kept = `${database}${log}${JSON.stringify(await rig.history())}`;
  assert.ok(!kept.includes(secret));
  assert.ok(!(await readFile(join(rig.admin.gateway.data, 'applied-config.json'), 'utf8')).includes(secret));
  assert.equal((await rig.change('config/rollback', { method: 'POST', body: { version: 1 } })).status, 200);
  await rig.writeFile(upstream('env:PATH').replace('env:PATH', `${secret}-changed`));
  await until('the file is a version', async () => (await rig.config()).version === 4);
  const back = await rig.change('config/rollback', { method: 'POST', body: { version: 2 } });
  assert.equal(back.status, 409);
  assert.match(back.body.detail, /holds secrets that are kept nowhere/);
});
