/** The operator's verbs from other machines: closed until the configuration opens them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestOf } from '../upstream/library.ts';
import { errorOf, type OllamaFleet, openOllamaFleet } from './ollama-fleet.ts';

/**
 * Who comes through a proxy on this machine is elsewhere, whatever address it claims. A peer that is elsewhere itself
 * takes a second machine; both are the one question of `onLoopback`.
 */
const elsewhere: readonly Readonly<Record<string, string>>[] = [
  { 'x-forwarded-for': '203.0.113.7' },
  { 'x-forwarded-for': '127.0.0.1' },
  { forwarded: 'for=203.0.113.7' },
  { 'x-real-ip': '203.0.113.7' },
];

const blob = `/api/blobs/${digestOf('x')}`;
const verbs: readonly (readonly [method: string, path: string, json?: object])[] = [
  ['POST', '/api/pull', { model: 'new' }],
  ['POST', '/api/push', { model: 'shared' }],
  ['POST', '/api/create', { model: 'made', from: 'shared' }],
  ['POST', '/api/copy', { source: 'shared', destination: 'copied' }],
  ['DELETE', '/api/delete', { model: 'copied' }],
  ['POST', blob],
];

const ask = (fleet: OllamaFleet, [method, path, json]: (typeof verbs)[number], headers = elsewhere[0]) =>
  fleet.request(method, path, {
    ...(json === undefined ? { body: 'x' } : { json }),
    ...(headers === undefined ? {} : { headers }),
  });

test('from another machine every verb is a 403 in words that name the setting, and reaches no server (G1)', async () => {
  await using fleet = await openOllamaFleet();
  for (const headers of elsewhere) {
    for (const verb of verbs) {
      const response = await ask(fleet, verb, headers);
      assert.equal(response.status, 403, `${verb[1]} ${JSON.stringify(headers)}`);
      assert.match(
        await errorOf(response),
        /from this machine only, until `operator\.beyondLoopback` is set/,
      );
    }
    assert.equal((await fleet.request('HEAD', blob, { headers })).status, 403);
  }
  const changed = [...fleet.a.requests, ...fleet.b.requests].filter(({ method }) => method !== 'GET');
  assert.deepEqual(changed, []);
  // Reading is no change.
  const headers = { 'x-forwarded-for': '203.0.113.7' };
  const shown = await fleet.request('POST', '/api/show', { json: { model: 'shared' }, headers });
  assert.equal(shown.status, 200);
});

test('with `operator.beyondLoopback` operators may from anywhere, and developers still nowhere', async () => {
  const config = { operator: { beyondLoopback: true } };
  await using fleet = await openOllamaFleet({ config });
  for (const verb of verbs) {
    const response = await ask(fleet, verb);
    assert.ok(response.ok, `${verb[1]}: ${response.status} ${await response.text()}`);
  }
  assert.equal((await fleet.request('HEAD', blob, { headers: elsewhere[0] ?? {} })).status, 200);
  await using developers = await openOllamaFleet({ config, role: 'developer' });
  for (const verb of verbs) assert.equal((await ask(developers, verb)).status, 403, verb[1]);
});
