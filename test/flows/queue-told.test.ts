/** What is told of the queue while somebody waits in it: to those who wait, to those it has no place for, to operators. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { queueShape } from '../../src/admin/queue-shapes.ts';
import { openTestAdmin } from '../admin-rig.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { endingOf, wantOf } from '../wants.ts';

type Queues = ReturnType<typeof queueShape.parse>;

/** One server with one slot, which the test takes and gives back. */
async function openRig(t: TestContext, queue: object) {
  const clock = createHeldClock();
  const llm = await openFakeLlm();
  t.after(() => llm.close());
  const admin = await openTestAdmin({
    clock,
    config: {
      upstreams: { only: { type: 'openai', url: `${llm.url}/v1`, slots: 1 } },
      models: { o: { targets: [{ upstream: 'only', model: 'fake-model' }] } },
      queue,
    },
  });
  t.after(() => admin.close());
  const { lasting, snapshot } = admin.gateway.gateway;
  const { scheduler } = lasting;
  const occupy = () => {
    const slot = scheduler.take(wantOf(snapshot.models.find('o')?.targets ?? []));
    assert.ok(slot, 'the slot is free');
    return () => slot.release(endingOf('served'));
  };
  const post = (stream = false) =>
    fetch(`${admin.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin.gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'o', stream, messages: [{ role: 'user', content: 'hello' }] }),
    });
  /** One waits and is served: so it is learnt how fast the queue moves. */
  const serveOne = async (afterMs: number) => {
    const free = occupy();
    const asked = post();
    await until('it waits', () => scheduler.waiting === 1);
    clock.advance(afterMs);
    free();
    assert.equal((await asked).status, 200);
    await until('the slot is free again', () => scheduler.occupied.length === 0);
  };
  return { admin, clock, scheduler, occupy, post, serveOne };
}

test('U15, G14: from how fast the queue moves come the time to come again, the expected wait of who waits, and what operators see', async (t) => {
  const { admin, clock, scheduler, occupy, post, serveOne } = await openRig(t, { places: 1 });
  await serveOne(0);
  await serveOne(10_000);
  const free = occupy();
  const stream = post(true);
  await until('a stream waits', () => scheduler.waiting === 1);
  clock.advance(10_000);
  const told = await stream;
  // Two were served in twenty seconds, the first of them long ago: some twelve seconds each.
  assert.equal(told.headers.get('x-millrace-queue-position'), '1');
  const expectedMs = Number(told.headers.get('x-millrace-queue-expected-ms'));
  assert.ok(expectedMs > 11_000 && expectedMs < 13_000, `${expectedMs} ms`);
  const full = await post();
  assert.deepEqual([full.status, full.headers.get('retry-after')], [429, '24']);
  assert.equal(full.headers.get('x-millrace-queue-position'), '2', 'one waits');
  const fullMs = Number(full.headers.get('x-millrace-queue-expected-ms'));
  assert.ok(fullMs > expectedMs && fullMs <= 24_000, `${fullMs} ms`);
  const { waiting, models } = (await admin.ask('queue')).body as Queues;
  assert.equal(waiting, 1);
  const [queue] = models;
  assert.deepEqual(
    [queue?.model, queue?.waiting, queue?.oldestMs, queue?.tenants],
    ['o', 1, 10_000, [{ tenant: 'default', waiting: 1, oldestMs: 10_000 }]],
  );
  assert.ok((queue?.bytes ?? 0) > 50);
  const [request] = queue?.requests ?? [];
  assert.deepEqual([request?.position, request?.waitedMs, request?.expectedMs], [1, 10_000, expectedMs]);
  assert.ok((queue?.expectedMs ?? 0) > expectedMs, 'whoever comes now stands behind it');
  free();
  assert.match(await told.text(), /^: queued, position 1, about 12 s\n\n.*data: \[DONE\]\n\n$/s);
  assert.deepEqual(((await admin.ask('queue')).body as Queues).models, []);
});

test('U15, G16: who has waited in vain is told when those before it will have been served', async (t) => {
  const { clock, scheduler, occupy, post, serveOne } = await openRig(t, {});
  await serveOne(0);
  await serveOne(10_000);
  occupy();
  const waiting = post();
  await until('it waits', () => scheduler.waiting === 1);
  clock.advance(30_000);
  const reply = await waiting;
  assert.equal(reply.status, 503);
  const seconds = Number(reply.headers.get('retry-after'));
  assert.ok(seconds > 20 && seconds <= 60, `${seconds} s`);
});
