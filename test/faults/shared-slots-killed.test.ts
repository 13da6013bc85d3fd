// Gateways in processes of their own in front of one server, of which one dies or sleeps: never more than its slots.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { openCountingLlm } from '../upstream/counting-llm.ts';
import { until } from './rig.ts';
import { type Load, load } from './shared-slots-rig.ts';

let redis: RedisServer;

before(async () => {
  redis = await openRedisServer();
});

after(() => redis.stop());

const slots = 3;

async function openPair(t: TestContext) {
  const llm = await openCountingLlm(t);
  const open = async () => {
    const place = await openPlace();
    await place.write(
      'millrace.yaml',
      JSON.stringify({
        shared: redis.url,
        upstreams: { llm: { type: 'openai', url: llm.url, slots } },
        models: { m: { targets: [{ upstream: 'llm', model: 'counted' }] } },
      }),
    );
    const running = await serve(['--config', 'millrace.yaml'], { place });
    t.after(async () => {
      running.child.kill('SIGCONT');
      await running.stop('SIGKILL');
      await place[Symbol.asyncDispose]();
    });
    return { running, way: { url: running.ready.clients, key: await running.key() } };
  };
  return { llm, pair: [await open(), await open()] as const };
}

async function more(of: Load, count: number): Promise<void> {
  const before = of.codes.length;
  await until(`${count} more answers`, () => of.codes.length >= before + count);
}

/** The one that is left has all the slots when it has had so many at once. */
async function inherits(t: TestContext, llm: { takeMost(): number }, left: Load): Promise<void> {
  const sinceMs = performance.now();
  // What the other one had under way has ended by then.
  await more(left, 10);
  assert.ok(llm.takeMost() <= slots);
  let most = 0;
  await until('all the slots are used by who is left', () => {
    most = Math.max(most, llm.takeMost());
    return most === slots;
  });
  t.diagnostic(`all slots in use again after ${Math.round(performance.now() - sinceMs)} ms`);
}

test('P2: a replica is killed: what it held is used by the other once its lease has ended, and never twice', async (t) => {
  const { llm, pair } = await openPair(t);
  const [dying, other] = pair;
  const both = [load(() => dying.way, 4), load(() => other.way, 4)] as const;
  await Promise.all(both.map((each) => more(each, 20)));
  dying.running.child.kill('SIGKILL');
  await inherits(t, llm, both[1]);
  await Promise.all(both.map((each) => each.stop()));
  assert.ok(llm.takeMost() <= slots);
  assert.deepEqual(
    both[1].codes.filter((code) => code !== 200),
    [],
  );
});

test('P4: a replica that slept for longer than its lease uses nothing of what others hold now', async (t) => {
  const { llm, pair } = await openPair(t);
  const [sleeping, other] = pair;
  const both = [load(() => sleeping.way, 4), load(() => other.way, 4)] as const;
  await Promise.all(both.map((each) => more(each, 20)));
  sleeping.running.child.kill('SIGSTOP');
  await inherits(t, llm, both[1]);
  sleeping.running.child.kill('SIGCONT');
  await Promise.all(both.map((each) => more(each, 40)));
  await Promise.all(both.map((each) => each.stop()));
  assert.ok(llm.takeMost() <= slots);
  for (const each of both) {
    assert.deepEqual(
      each.codes.filter((code) => code !== 200),
      [],
    );
  }
});
