// C9 at the front door in real time: one tenant with ten times the clients of another, over sockets.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { times } from '../soak.ts';
import { openPacedLlm } from '../upstream/paced-llm.ts';
import { until } from './rig.ts';
import { load } from './shared-slots-rig.ts';

const answerMs = 100;
const slots = 4;
/** Of the one; the flood has ten times as many, and more than may wait. */
const clients = 2;
const answers = times(20, 120);
const places = 16;

test('C9: beside a tenant with ten times its clients another waits for a turn at most, and who floods is told 429', async (t) => {
  const llm = await openPacedLlm(t, { answerMs, events: 1, everyMs: 1 });
  const [light, flood] = ['light', 'flood'].map(() => `sk-mr-${randomBytes(20).toString('hex')}`);
  assert.ok(light !== undefined && flood !== undefined);
  const gateway = await openTestGateway({
    config: {
      keys: [
        { name: 'light', key: light, tenant: 'light', role: 'developer' },
        { name: 'flood', key: flood, tenant: 'flood', role: 'developer' },
      ],
      upstreams: { llm: { type: 'openai', url: llm.url, slots } },
      models: { m: { targets: [{ upstream: 'llm', model: 'counted' }] } },
      queue: { places },
    },
  });
  t.after(() => gateway.close());
  const flooding = load(() => ({ url: gateway.url, key: flood }), 10 * clients + places);
  t.after(() => flooding.stop());
  await until('it fills the queue', () => flooding.codes.includes(429));
  const before = flooding.queuedMs.length;
  const its = load(() => ({ url: gateway.url, key: light }), clients);
  await until('it has its answers', () => its.codes.length >= answers);
  await its.stop();
  await flooding.stop();
  assert.deepEqual([...new Set(its.codes)], [200]);
  assert.deepEqual([...new Set(flooding.codes)].sort(), [200, 429]);
  const [waited, floodWaited] = [medianOf(its.queuedMs), medianOf(flooding.queuedMs.slice(before))];
  t.diagnostic(
    `it waited for ${waited} ms, the flood for ${floodWaited}, of ${flooding.codes.length} answers`,
  );
  // In its turn it waits for one of the slots. Behind all who wait it would be as long as the flood.
  assert.ok(waited < floodWaited / 3, 'a turn, and not the queue');
});

function medianOf(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
