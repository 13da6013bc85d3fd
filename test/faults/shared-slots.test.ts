// Whole gateways in front of one server, which counts how many requests it has at once: never more than its slots.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { times } from '../soak.ts';
import { type CountingLlm, openCountingLlm } from '../upstream/counting-llm.ts';
import { openFaultProxy } from '../upstream/fault-proxy.ts';
import { until } from './rig.ts';
import { type Load, load } from './shared-slots-rig.ts';

const tenants = ['light', 'flood'] as const;
const keyOf = Object.fromEntries(
  tenants.map((tenant) => [tenant, `sk-mr-${randomBytes(20).toString('hex')}`]),
) as Readonly<Record<(typeof tenants)[number], string>>;

interface Fleet {
  readonly llm: CountingLlm;
  readonly redis: Awaited<ReturnType<typeof openRedisServer>>;
  replica(shared?: string): Promise<TestGateway>;
  /** The most that the server had at once since this was last called. */
  most(): number;
}

async function openFleet(t: TestContext, slots: number, slotsPerModel?: number): Promise<Fleet> {
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const llm = await openCountingLlm(t);
  const replica = async (shared = redis.url) => {
    const gateway = await openTestGateway({
      config: {
        shared,
        keys: tenants.map((tenant) => ({ name: tenant, key: keyOf[tenant], tenant, role: 'developer' })),
        upstreams: { llm: { type: 'openai', url: llm.url, slots, slotsPerModel } },
        models: {
          m: { targets: [{ upstream: 'llm', model: 'counted' }] },
          other: { targets: [{ upstream: 'llm', model: 'other' }] },
        },
      },
    });
    t.after(() => gateway.close());
    return gateway;
  };
  return { llm, redis, replica, most: () => llm.takeMost() };
}

/** Settles when so many more have been answered. */
async function answers(loads: Load, count: number): Promise<void> {
  const before = loads.codes.length;
  await until(`${count} more answers`, () => loads.codes.length >= before + count);
}

function assertServed(loads: Load): void {
  assert.deepEqual(
    loads.codes.filter((code) => code !== 200),
    [],
  );
}

test('two replicas never have more at a server than its slots, wherever the load is', async (t) => {
  const { replica, most } = await openFleet(t, 3);
  const [one, two] = [await replica(), await replica()];
  const first = load(() => one, 8);
  await answers(first, 20);
  await until('who is loaded has all but one', () => first.codes.length > 0 && most() >= 2);
  const second = load(() => two, 8);
  await answers(second, 40);
  await first.stop();
  await answers(second, 40);
  assert.ok(most() <= 3);
  const three = await replica();
  const third = load(() => three, 8);
  await answers(third, 40);
  await second.stop();
  await third.stop();
  assert.ok(most() <= 3);
  for (const each of [first, second, third]) assertServed(each);
});

test('C9: a tenant at one of two replicas has as many answers as one that floods both', async (t) => {
  const { replica, llm } = await openFleet(t, 4);
  // Slots are to be what there is too little of, also on a machine that is busy.
  llm.takeMs(100);
  const gateways = [await replica(), await replica()];
  const floods = gateways.map(({ url }) => load(() => ({ url, key: keyOf.flood }), 12));
  const [{ url } = assert.fail('there are two')] = gateways;
  await Promise.all(floods.map((each) => answers(each, 10)));
  const light = load(() => ({ url, key: keyOf.light }), 4);
  const all = () => [light, ...floods].reduce((sum, { codes }) => sum + codes.length, 0);
  /** Of so many answers, from now on. */
  const shareOf = async (count: number) => {
    const before = { all: all(), light: light.codes.length };
    await until(`${count} more answers`, () => all() >= before.all + count);
    return (light.codes.length - before.light) / (all() - before.all);
  };
  // What is told in the background has to be told first.
  const shares = [await shareOf(20)];
  while ((shares.at(-1) ?? 0) < 0.4 && shares.length < 12) shares.push(await shareOf(20));
  const share = await shareOf(times(40, 600));
  t.diagnostic(`it has ${share.toFixed(2)} of the answers, before ${shares.map((each) => each.toFixed(2))}`);
  await Promise.all([light, ...floods].map((each) => each.stop()));
  assert.ok(share >= 0.4, `${share}`);
  for (const each of [light, ...floods]) assertServed(each);
});

test('a server with one slot goes from one replica to the other, and both are served', async (t) => {
  const { replica, most } = await openFleet(t, 1);
  const [one, two] = [await replica(), await replica()];
  const idle = load(() => one, 1);
  await answers(idle, 3);
  await idle.stop();
  const handed = load(() => two, 1);
  await answers(handed, 1);
  t.diagnostic(
    `handed over by who is idle within ${Math.round(handed.tookMs[0] ?? 0)} ms, 20 of them the answer`,
  );
  await handed.stop();
  const both = [load(() => one, 3), load(() => two, 3)];
  await Promise.all(both.map((each) => answers(each, 60)));
  await Promise.all(both.map((each) => each.stop()));
  const waits = both.flatMap((each) => each.tookMs).sort((a, b) => a - b);
  t.diagnostic(`while both want it: the longest wait ${Math.round(waits.at(-1) ?? 0)} ms`);
  assert.equal(most(), 1);
  for (const each of [idle, handed, ...both]) assertServed(each);
});

test('two replicas never have more of one model at a server than `slotsPerModel`, and another model beside it', async (t) => {
  const { replica, most } = await openFleet(t, 6, 1);
  const [one, two] = [await replica(), await replica()];
  const both = [load(() => one, 3), load(() => two, 3)];
  await Promise.all(both.map((each) => answers(each, 40)));
  assert.equal(most(), 1);
  const other = load(() => two, 3, 'other');
  await answers(other, 20);
  assert.equal(most(), 2);
  await Promise.all([...both, other].map((each) => each.stop()));
  for (const each of [...both, other]) assertServed(each);
});

test('DP1: Redis is killed and comes back empty: both go on, and together use no more than there is', async (t) => {
  const { replica, most, redis } = await openFleet(t, 4);
  const [one, two] = [await replica(), await replica()];
  const both = [load(() => one, 4), load(() => two, 4)];
  await Promise.all(both.map((each) => answers(each, 20)));
  redis.kill();
  for (let round = 0; round < 3; round += 1) await Promise.all(both.map((each) => answers(each, 30)));
  await until('it is told', () => one.gateway.lasting.degraded() === 'shared');
  await redis.restart();
  await until('all is well', () => one.gateway.lasting.degraded() === '');
  await until('all is well', () => two.gateway.lasting.degraded() === '');
  await Promise.all(both.map((each) => answers(each, 40)));
  await Promise.all(both.map((each) => each.stop()));
  assert.ok(most() <= 4);
  for (const each of both) assertServed(each);
});

test('a cut way to Redis: who is cut off goes on with what it held, and the others with the rest', async (t) => {
  const { replica, most, redis } = await openFleet(t, 4);
  const proxy = await openFaultProxy(redis.port);
  t.after(() => proxy.close());
  const [cut, other] = [
    await replica(redis.url.replace(String(redis.port), String(proxy.port))),
    await replica(),
  ];
  const both = [load(() => cut, 4), load(() => other, 4)];
  await Promise.all(both.map((each) => answers(each, 20)));
  proxy.freeze();
  await until('it knows', () => cut.gateway.lasting.degraded() === 'shared');
  await Promise.all(both.map((each) => answers(each, 60)));
  assert.ok(most() <= 4);
  proxy.thaw();
  await until('it is back', () => cut.gateway.lasting.degraded() === '');
  await Promise.all(both.map((each) => answers(each, 60)));
  await Promise.all(both.map((each) => each.stop()));
  assert.ok(most() <= 4);
  for (const each of both) assertServed(each);
});

test('a replica that starts where Redis is too slow to count serves its first request in seconds', async (t) => {
  const { replica, redis } = await openFleet(t, 2);
  const proxy = await openFaultProxy(redis.port);
  t.after(() => proxy.close());
  proxy.behave({ latencyMs: 100 });
  const far = await replica(redis.url.replace(String(redis.port), String(proxy.port)));
  const reply = await fetch(`${far.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${far.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
  });
  assert.equal(reply.status, 200, await reply.text());
  assert.equal(reply.headers.get('x-millrace-degraded'), 'shared');
  // Not as long as anybody may wait for a slot at all, which is 30 s.
  assert.ok(Number(reply.headers.get('x-millrace-queue-ms')) < 10_000);
});
