/** P10: two replicas come to a new master key as docs/secrets.md says it, with requests in flight all the while. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';

const [before, after] = [randomBytes(32).toString('hex'), randomBytes(32).toString('base64')];

async function openRig(t: TestContext) {
  const [redis, postgres, llm] = await Promise.all([
    openRedisServer(),
    openPostgresServer(),
    openGatedLlm(t),
  ]);
  t.after(() => Promise.all([redis.stop(), postgres.stop()]));
  const config = {
    store: await postgres.createDatabase(),
    shared: redis.url,
    upstreams: { llm: { type: 'openai', url: llm.url, slots: 8 } },
    models: { m: { targets: [{ upstream: 'llm', model: 'gated' }] } },
  };
  const open = (secrets: object) => openTestAdmin({ config: { ...config, secrets } });
  const first = { masterKey: before };
  const replicas = [await open(first), await open(first)] as [TestAdmin, TestAdmin];
  t.after(() => Promise.all(replicas.map((replica) => replica.close())));
  t.after(() => llm.open());
  const restart = async (index: 0 | 1, secrets: object) => {
    await replicas[index].close();
    replicas[index] = await open(secrets);
  };
  return { llm, replicas, restart };
}

async function send({ gateway }: TestAdmin, idempotencyKey: string) {
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.key}`,
      'content-type': 'application/json',
      'idempotency-key': idempotencyKey,
    },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
  });
  const again = reply.headers.get('idempotent-replayed') === 'true';
  return { status: reply.status, text: await reply.text(), again };
}

test('P10: the master key is replaced replica by replica: what is in flight ends, and what was sealed stays readable', async (t) => {
  const { llm, replicas, restart } = await openRig(t);
  const kept = new Map<string, string>();
  const keep = (key: string, { status, text, again }: Awaited<ReturnType<typeof send>>) => {
    assert.deepEqual([status, again], [200, false], `${key}: ${text}`);
    kept.set(key, text);
  };
  keep('sealed-before', await send(replicas[0], 'sealed-before'));
  /** With a request in flight at the other replica, whose answer is sealed when this is done. */
  const during = async (other: TestAdmin, key: string, work: () => Promise<void>) => {
    const asked = llm.asked;
    llm.shut();
    const inFlight = send(other, key);
    await until('it is under way', () => llm.asked === asked + 1);
    await work();
    llm.open();
    keep(key, await inFlight);
    for (const replica of replicas)
      for (const [each, text] of kept)
        assert.deepEqual(
          await send(replica, each),
          { status: 200, text, again: true },
          `${each} after ${key}`,
        );
  };
  const steps = [
    { masterKey: before, previousMasterKeys: [after] },
    { masterKey: after, previousMasterKeys: [before] },
  ];
  for (const [number, secrets] of steps.entries()) {
    await during(replicas[1], `step-${number}-first`, () => restart(0, secrets));
    await during(replicas[0], `step-${number}-second`, () => restart(1, secrets));
  }
  await during(replicas[1], 'rotation', async () => {
    const rotated = await replicas[0].ask('secrets/rotate', { method: 'POST', body: {} });
    assert.equal(rotated.status, 200);
    assert.ok(rotated.body.rewrapped >= 1, JSON.stringify(rotated.body));
    assert.deepEqual(rotated.body.left, []);
  });
  await during(replicas[1], 'alone-first', () => restart(0, { masterKey: after }));
  await during(replicas[0], 'alone-second', () => restart(1, { masterKey: after }));
  assert.equal(llm.asked, kept.size, 'none was done twice');
});
