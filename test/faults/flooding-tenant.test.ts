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
  const measured = async () => {
    const its = load(() => ({ url: gateway.url, key: light }), clients);
    await until('it has its answers', () => its.codes.length >= answers);
    await its.stop();
    assert.deepEqual([...new Set(its.codes)], [200]);
    return [...its.tookMs].sort((a, b) => a - b);
  };
  const alone = await measured();
  const flooding = load(() => ({ url: gateway.url, key: flood }), 10 * clients + places);
  t.after(() => flooding.stop());
  await until('it fills the queue', () => flooding.codes.includes(429));
  const beside = await measured();
  await flooding.stop();
  const [p50, p99] = [0.5, 0.99].map(
    (share) => (sorted: readonly number[]) =>
      Math.round(sorted[Math.floor(share * sorted.length)] ?? Number.NaN),
  );
  assert.ok(p50 !== undefined && p99 !== undefined);
  t.diagnostic(
    `p50 ${p50(alone)} and ${p50(beside)} ms, p99 ${p99(alone)} and ${p99(beside)} ms, the flood ${flooding.codes.length}`,
  );
  assert.deepEqual([...new Set(flooding.codes)].sort(), [200, 429]);
  // Behind all who wait it would be `places / slots` answers later; in its turn it is less than one.
  assert.ok(p50(beside) - p50(alone) < 2 * answerMs, 'a turn, and not the queue');
});
