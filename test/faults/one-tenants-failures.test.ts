// C9: a tenant that makes a server fail, be it on purpose, takes it from nobody else.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { ask, openRawClient } from '../upstream/raw-client.ts';
import { openFleetRig } from './fleet-rig.ts';
import { until } from './rig.ts';

const key = `sk-mr-${randomBytes(20).toString('hex')}`;
const path = `/k/${key}/v1/chat/completions`;
const body = { model: 'o', messages: [{ role: 'user', content: 'one two three' }] };

test('C9: requests of one tenant that a server answers with 500 do not shut out another that it works for', async (t) => {
  const rig = await openFleetRig(t, {
    names: ['a'],
    config: { keys: [{ name: 'other', key, tenant: 'other', role: 'developer' }] },
  });
  const { health } = rig.gateway.gateway.lasting;
  rig.llm.scriptNext({ stallAfterChunks: 1 });
  const streaming = openRawClient(rig.gateway.port);
  t.after(() => streaming.socket.destroy());
  streaming.send(path, { ...body, stream: true });
  await until('another tenant is served', () => streaming.bytes().includes('content'));

  rig.llm.scriptNext(...Array.from({ length: 12 }, () => ({ status: 500 })));
  for (let count = 0; count < 12; count += 1) {
    assert.match((await rig.ask({ route: 'openai.chat' })).head, /^HTTP\/1.1 502/);
  }
  assert.equal(health.of(rig.upstreamOf('a')).standing, 'closed');
  const replies = await Promise.all([1, 2, 3, 4].map(() => ask(rig.gateway.port, path, body)));
  for (const { head } of replies) assert.match(head, /^HTTP\/1.1 200/);

  // Alone with it nobody is shut out: then it is left out as ever.
  streaming.socket.destroy();
  await rig.quiet();
  rig.llm.scriptNext(...Array.from({ length: 5 }, () => ({ status: 500 })));
  for (let count = 0; count < 5; count += 1) await rig.ask({ route: 'openai.chat' });
  assert.equal(health.of(rig.upstreamOf('a')).standing, 'open');
});

test('C9: a server that fails for one tenant alone is tried by the next request of another, and is back for it', async (t) => {
  const rig = await openFleetRig(t, {
    names: ['a', 'b'],
    tiers: { b: 2 },
    config: {
      keys: [{ name: 'other', key, tenant: 'other', role: 'developer' }],
      retries: { attempts: 2, budget: 1 },
    },
  });
  const { health } = rig.gateway.gateway.lasting;
  const standing = () => health.of(rig.upstreamOf('a')).standing;
  rig.llmOf('a').scriptNext(...Array.from({ length: 5 }, () => ({ status: 500 })));
  const askAsOne = async () => assert.match((await rig.ask({ route: 'openai.chat' })).head, /^HTTP\/1.1 200/);
  for (let count = 0; count < 7; count += 1) await askAsOne();
  assert.deepEqual([standing(), rig.callsOf('a'), rig.callsOf('b')], ['open', 5, 7]);

  assert.match((await ask(rig.gateway.port, path, body)).head, /^HTTP\/1.1 200/);
  assert.deepEqual([standing(), rig.callsOf('a'), rig.callsOf('b')], ['returning', 6, 7]);
});
