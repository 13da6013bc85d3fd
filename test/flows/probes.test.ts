// Whoever asks how the gateway is, however often, asks no model anything (G22).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';

const times = 50;

test('G22: hundreds of probes of either listener ask no upstream for anything, and one chat asks it once', async (t) => {
  const llm = await openFakeLlm();
  t.after(() => llm.close());
  // It stands still: what the gateway asks of servers by itself, from time to time, is not asked meanwhile.
  const admin = await openTestAdmin({
    clock: createHeldClock(Date.now()),
    config: {
      upstreams: { llm: { type: 'openai', url: `http://127.0.0.1:${llm.port}/v1` } },
      models: { m: { targets: [{ upstream: 'llm', model: 'fake-model' }] } },
    },
  });
  t.after(() => admin.close());
  const { url, key } = admin.gateway;
  const listeners = [
    {
      url,
      headers: { authorization: `Bearer ${key}` },
      paths: ['/livez', '/readyz', '/healthz/deps', '/metrics'],
    },
    {
      url: admin.url,
      headers: { authorization: `Bearer ${admin.token}` },
      paths: ['/livez', '/readyz', '/metrics', '/admin/api/v1/status'],
    },
  ];
  await until('it has been looked at once', () => llm.requests.length > 0);
  const readyz = async () => (await fetch(`${url}/readyz`)).status;
  await until('it is ready', async () => (await readyz()) === 200);
  const before = llm.requests.length;
  for (const listener of listeners) {
    for (const path of listener.paths) {
      const asked = Array.from({ length: times }, async () => {
        const answer = await fetch(listener.url + path, { headers: listener.headers });
        await answer.arrayBuffer();
        return answer.status;
      });
      assert.deepEqual([...new Set(await Promise.all(asked))], [200], `${listener.url}${path}`);
    }
  }
  assert.deepEqual(
    llm.requests.slice(before).map(({ method, path }) => `${method} ${path}`),
    [],
  );
  assert.deepEqual(
    llm.requests.filter(({ method }) => method !== 'GET'),
    [],
    'nor at the start',
  );
  const chat = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
  });
  assert.equal(chat.status, 200, await chat.text());
  assert.equal(llm.requests.filter(({ method }) => method === 'POST').length, 1);
});
