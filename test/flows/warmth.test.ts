/** Models are in memory before somebody asks, stay there as long as they are to, and nobody who is paid is asked for it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createRandom } from '../../src/engines/simulator/random.ts';
import { providers } from '../../src/providers/registry.ts';
import { until } from '../faults/rig.ts';
import { openTestGateway, simulator } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { runSecret } from '../run-canary.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import type { RecordedRequest } from '../upstream/recording.ts';
import { openWarmFleet } from '../warm-fleet.ts';

const isLoad = ({ path }: RecordedRequest): boolean => path === '/api/generate';
const fieldsOf = ({ json }: RecordedRequest) => json as Readonly<Record<string, unknown>>;
const randomKey = () => `sk-mr-${randomBytes(20).toString('hex')}`;
const seconds = (count: number) => count * 1_000;

test('models of the start are loaded on every server, with their keep-alive and their first prompt', async (t) => {
  const fleet = await openWarmFleet(t, {
    count: 2,
    config: {
      warm: { onStart: ['one'], keepAliveMs: 3_600_000, models: { one: { prompt: 'Good morning' } } },
    },
  });
  for (const server of fleet.servers) {
    const load = fieldsOf(await server.waitForRequest(isLoad));
    assert.deepEqual([load['model'], load['keep_alive'], load['prompt']], ['one', '3600000ms', undefined]);
    const first = fieldsOf(await server.waitForRequest(isLoad));
    assert.deepEqual([first['prompt'], first['options']], ['Good morning', { num_predict: 1 }]);
  }
  assert.deepEqual(fleet.residents(), [['one:latest'], ['one:latest']]);
});

test('a model that embeds is loaded by the way that such models have', async (t) => {
  const fleet = await openWarmFleet(t, {
    count: 1,
    models: ['my-embed'],
    config: { warm: { onStart: ['my-embed'] } },
  });
  await until('it is loaded', () => fleet.residents()[0]?.includes('my-embed:latest') === true);
});

test('what is there already is not loaded again, and what a reload adds is loaded then', async (t) => {
  const fleet = await openWarmFleet(t, {
    count: 1,
    config: { warm: { onStart: ['one'] }, health: { everyMs: 100 } },
  });
  await until('the first is loaded', () => fleet.loads().length === 1);
  await fleet.gateway.reload(fleet.config({ warm: { onStart: ['one', 'two'] } }));
  await until('the second is loaded', () => fleet.loads().length === 2);
  assert.deepEqual(fleet.loads(), ['one:latest', 'two:latest']);
  assert.equal(fleet.servers[0]?.requests.filter(isLoad).length, 2);
});

for (const [verb, body] of [
  ['pull', { model: 'new' }],
  ['create', { model: 'new:latest', from: 'one' }],
] as const) {
  test(`a model of the start that comes by ${verb} is loaded when it has come, however often it could not be before`, async (t) => {
    const fleet = await openWarmFleet(t, {
      count: 1,
      config: {
        models: { new: { targets: [{ upstream: 'gpu-0', model: 'new' }] } },
        warm: { onStart: ['new'] },
        health: { everyMs: 100 },
      },
    });
    const failed = () => fleet.gateway.lines.filter((line) => line.endsWith('a model could not be loaded'));
    await until('all tries of the start have failed', () => failed().length === 3);
    const { url, key } = fleet.gateway;
    const done = await fetch(`${url}/api/${verb}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, stream: false }),
    });
    assert.equal(done.status, 200, await done.text());
    await until('it is loaded', () => fleet.loads().includes('new:latest'));
    await until('the log tells why', () =>
      fleet.gateway.lines.some((line) => line.includes('"reason":"deploy"')),
    );
  });
}

test('of two replicas that start together one loads each model, once', async (t) => {
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const shared = { shared: redis.url, warm: { onStart: ['one', 'two'] }, health: { everyMs: 100 } };
  const fleet = await openWarmFleet(t, { count: 1, config: shared });
  const other = await openTestGateway({ config: fleet.config() });
  t.after(() => other.close());
  for (const { gateway } of [fleet.gateway, other]) {
    const { residency } = gateway.lasting.warm;
    const [server] = gateway.snapshot.upstreams;
    assert.ok(server !== undefined);
    await until('it knows of both models', () => residency.holds(server).length === 2);
  }
  assert.deepEqual([...fleet.loads()].sort(), ['one:latest', 'two:latest']);
  assert.equal(fleet.servers[0]?.requests.filter(isLoad).length, 2);
});

test('a paid provider is never asked to load anything, whatever is configured', async (t) => {
  const llm = await openFakeLlm({ models: ['gpt-4o'] });
  t.after(() => llm.close());
  // Not by an address that says that it is this machine: so it is taken for a cloud.
  const url = `http://0.0.0.0:${llm.port}/v1`;
  assert.ok(providers.openai.paid(url));
  const warm = {
    onStart: ['paid'],
    keepAliveMs: 60_000,
    idleUnloadMs: 1_000,
    models: { paid: { prompt: 'hi' } },
  };
  const gateway = await openTestGateway({
    config: {
      upstreams: {
        cloud: { type: 'openai', url, key: runSecret('provider') },
      },
      models: { paid: { targets: [{ upstream: 'cloud', model: 'gpt-4o' }] } },
      health: { everyMs: 100 },
      warm,
    },
  });
  t.after(() => gateway.close());
  await llm.waitForRequest();
  await llm.waitForRequest();
  await llm.waitForRequest();
  assert.deepEqual(
    [...new Set(llm.requests.map(({ method, path }) => `${method} ${path}`))],
    ['GET /v1/models'],
  );
});

test('requests that do not say how long their model stays say what the operator wants, in any dialect', async (t) => {
  const fleet = await openWarmFleet(t, {
    count: 1,
    config: { warm: { keepAliveMs: 60_000, models: { two: { keepAliveMs: 120_000 } } } },
  });
  const [server] = fleet.servers;
  assert.ok(server !== undefined);
  const kept = async (): Promise<unknown> => {
    const request = await server.waitForRequest(({ path }) => path === '/api/chat');
    return fieldsOf(request)['keep_alive'];
  };
  await fleet.chat('one');
  assert.equal(await kept(), '60000ms');
  await fleet.chat('two');
  assert.equal(await kept(), '120000ms');
  await fleet.chat('one', '/api/chat');
  assert.equal(await kept(), '60000ms', 'also where the bytes of the client pass');
  await fleet.chat('one', '/api/chat', { keep_alive: '7m' });
  assert.equal(await kept(), '7m', 'the client’s own word holds');
});

test('G12: only operators take a model from everybody else, or bind it for more than a day, unless all are allowed to', async (t) => {
  const keys = { developer: randomKey(), foreign: randomKey(), operator: randomKey() };
  const config = {
    keys: [
      { name: 'developer', key: keys.developer, tenant: 'default', role: 'developer' },
      { name: 'foreign', key: keys.foreign, tenant: 'other', role: 'operator' },
      { name: 'operator', key: keys.operator, tenant: 'default', role: 'operator' },
    ],
  };
  const gateway = await openTestGateway({ config: { ...simulator, ...config } });
  t.after(() => gateway.close());
  const ask = async (key: string, keepAlive: unknown, path = '/api/chat') => {
    const messages = [{ role: 'user', content: 'hi' }];
    const reply = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'simulator', stream: false, messages, keep_alive: keepAlive }),
    });
    return { status: reply.status, text: await reply.text() };
  };
  for (const harmful of [0, '0s', '0', -1, '-1s', '1ms', 86_401, '25h']) {
    for (const key of [keys.developer, keys.foreign]) {
      const { status, text } = await ask(key, harmful);
      assert.equal(status, 400, `${harmful}`);
      assert.match(text, /keep_alive .* is for operators; the operator may allow it by `allowParameters`/);
    }
    assert.equal((await ask(keys.operator, harmful)).status, 200, `${harmful}`);
  }
  assert.equal((await ask(keys.developer, 0, '/v1/chat/completions')).status, 400);
  for (const fair of ['5m', '24h', 60, null]) assert.equal((await ask(keys.developer, fair)).status, 200);
  await gateway.reload({ ...simulator, ...config, allowParameters: ['keep_alive'] });
  assert.equal((await ask(keys.developer, -1)).status, 200);
});

test('a model that nobody asks for is unloaded, and one that was just used is not', async (t) => {
  const clock = createHeldClock();
  const everyMs = seconds(10);
  const fleet = await openWarmFleet(t, {
    count: 1,
    clock,
    config: { warm: { idleUnloadMs: seconds(60) }, health: { everyMs } },
  });
  const [server] = fleet.servers;
  assert.ok(server !== undefined);
  await fleet.told();
  await fleet.chat('one');
  clock.advance(seconds(40));
  await fleet.chat('two');
  await until(
    'both are known',
    () => fleet.gateway.gateway.lasting.warm.residency.holds(serverOf()).length === 2,
  );
  clock.advance(seconds(30));
  await until('the first is gone', () => server.residents.length === 1);
  assert.deepEqual(server.residents, ['two:latest']);
  const unloads = server.requests.filter(
    (request) => isLoad(request) && fieldsOf(request)['keep_alive'] === 0,
  );
  assert.deepEqual(
    unloads.map((request) => fieldsOf(request)['model']),
    ['one'],
  );

  function serverOf() {
    const [upstream] = fleet.gateway.gateway.snapshot.upstreams;
    assert.ok(upstream !== undefined);
    return upstream;
  }
});

test('G22: where it is asked for, a gateway is ready when its models are there, or could not be loaded', async (t) => {
  const clock = createHeldClock();
  const warm = { onStart: ['one'], waitForReady: true };
  const fleet = await openWarmFleet(t, { count: 1, clock, behaviour: { status: 500 }, config: { warm } });
  const { lasting } = fleet.gateway.gateway;
  await fleet.servers[0]?.waitForRequest(isLoad);
  assert.equal(lasting.readiness(), 'starting');
  await until('it has given up', () => {
    // In small steps: a question that is under way has its own clock, and takes real time.
    clock.advance(seconds(0.1));
    return lasting.readiness() === 'ready';
  });
  const tried = fleet.servers[0]?.requests.filter(isLoad).length;
  assert.equal(tried, 3);
  fleet.servers[0]?.behave({ status: 200 });
  const other = await openTestGateway({ config: fleet.config() });
  t.after(() => other.close());
  await until('its model is there', () => other.gateway.lasting.readiness() === 'ready');
  assert.deepEqual(fleet.residents(), [['one:latest']]);
});

test('a model of our own engine is loaded at the start as well, and warmed up', async (t) => {
  const clock = createHeldClock();
  const gateway = await openTestGateway({
    clock,
    config: {
      upstreams: { own: { type: 'simulator', loadMs: 60_000, firstTokenMs: 0, tokensPerSecond: 0 } },
      models: { one: { targets: [{ upstream: 'own', model: 'simulator' }] } },
      warm: { onStart: ['one'], waitForReady: true, models: { one: { prompt: 'Good morning' } } },
    },
  });
  t.after(() => gateway.close());
  const { lasting, snapshot } = gateway.gateway;
  assert.equal(lasting.readiness(), 'starting');
  await until('it is loaded, and answered its first prompt', () => {
    clock.advance(seconds(1));
    return lasting.readiness() === 'ready';
  });
  assert.ok(clock.now() >= 60_000);
  const [target] = snapshot.models.require('one').targets;
  assert.ok(target !== undefined);
  assert.equal(lasting.warm.residency.loadMs(target), 0);
});

test('nobody waits for a model that no server may be asked to load, and the log says so', async (t) => {
  const llm = await openFakeLlm({ models: ['gpt-4o'] });
  t.after(() => llm.close());
  const gateway = await openTestGateway({
    config: {
      upstreams: { vllm: { type: 'openai', url: `${llm.url}/v1` } },
      models: { one: { targets: [{ upstream: 'vllm', model: 'gpt-4o' }] } },
      warm: { onStart: ['one'], waitForReady: true },
    },
  });
  t.after(() => gateway.close());
  assert.equal(gateway.gateway.lasting.readiness(), 'ready');
  assert.ok(gateway.lines.some((line) => line.includes('nobody is asked to load it')));
});

test('a load that fails is tried again when the server next tells what it holds, and then no more', async (t) => {
  const fleet = await openWarmFleet(t, {
    count: 1,
    behaviour: { status: 500 },
    config: { warm: { onStart: ['one'] }, health: { everyMs: 100 } },
  });
  const [server] = fleet.servers;
  for (let count = 0; count < 3; count += 1) await server?.waitForRequest(isLoad);
  const polls = () => server?.requests.filter(({ path }) => path === '/api/ps').length ?? 0;
  const before = polls();
  await until('it has told twice more', () => polls() >= before + 2);
  assert.equal(server?.requests.filter(isLoad).length, 3);
  const said = fleet.gateway.lines.filter((line) => line.includes('a model could not be loaded'));
  assert.equal(said.length, 3);
});

test('copies are loaded where a model is asked for and unloaded where it is not, within their bounds', async (t) => {
  const clock = createHeldClock();
  const fleet = await openWarmFleet(t, {
    count: 3,
    clock,
    upstream: { slots: 1 },
    config: { warm: { models: { one: { copies: { min: 1, max: 2 } } } }, health: { everyMs: seconds(10) } },
  });
  const copies = () => fleet.residents().filter((models) => models.includes('one:latest')).length;
  const pass = (what: string, isTrue: () => boolean) =>
    until(what, () => {
      clock.advance(seconds(1));
      return isTrue();
    });
  await pass('the least is there', () => copies() === 1);
  // One that never ends keeps the only copy's only slot.
  for (const server of fleet.servers) server.behave({ stallBeforeHead: true, only: /^\/api\/chat$/ });
  const leave = new AbortController();
  const asked = fleet.begin('one', leave.signal);
  await Promise.race(
    fleet.servers.map((server) => server.waitForRequest(({ path }) => path === '/api/chat')),
  );
  await pass('another is there for who comes next', () => copies() === 2);
  const chats = fleet.servers.flatMap(({ requests }) => requests.filter(({ path }) => path === '/api/chat'));
  assert.equal(chats.length, 1, 'nobody had to ask for it');
  leave.abort();
  await assert.rejects(asked);
  await pass('one is left where nobody asks', () => copies() === 1);
  const done = () => fleet.gateway.lines.filter((line) => line.includes('"reason":"demand"'));
  await until('the last is said as well', () => done().length === 3);
  assert.deepEqual(
    done().map((line) => / a model is (.*)$/.exec(line)?.[1]),
    ['loaded', 'loaded', 'unloaded'],
  );
});

for (const policy of ['auto', 'round-robin'] as const) {
  test(`no more servers load a model than may hold it, by ${policy}: who finds those busy waits, until they may not be asked`, async (t) => {
    const targets = ['gpu-0', 'gpu-1', 'gpu-2'].map((upstream) => ({ upstream, model: 'one' }));
    const fleet = await openWarmFleet(t, {
      count: 3,
      models: ['one'],
      upstream: { slots: 1 },
      config: { models: { one: { policy, targets } }, warm: { models: { one: { copies: { max: 1 } } } } },
    });
    await fleet.told();
    await Promise.all([1, 2, 3].map(() => fleet.chat('one')));
    assert.deepEqual(fleet.loads(), ['one:latest'], 'those who came while it was loaded waited as well');
    const holder = fleet.servers.findIndex(({ residents }) => residents.length > 0);
    fleet.servers[holder]?.behave({ stallBeforeHead: true, only: /^\/api\/chat$/ });
    const { drains, scheduler } = fleet.gateway.gateway.lasting;
    const leave = new AbortController();
    const held = fleet.begin('one', leave.signal);
    await until('the only slot is taken', () => scheduler.occupied.length === 1);
    const next = fleet.chat('one');
    await until('another waits', () => scheduler.waiting === 1);
    const upstream = fleet.gateway.gateway.snapshot.upstreams[holder];
    assert.ok(upstream);
    await drains.drain(upstream, 'a test');
    await next;
    assert.equal(fleet.loads().length, 2);
    leave.abort();
    await assert.rejects(held);
  });
}

test('work for two models on two servers is grouped: loads are a fifth of what first come, first served makes', async (t) => {
  const fleet = await openWarmFleet(t, {
    count: 2,
    upstream: { slots: 1 },
    behaviour: { residentMax: 1, slots: 1, loadMs: 20, firstTokenMs: 2 },
  });
  await fleet.told();
  // Seeded, so that a failure can be replayed.
  const seed = 20_261_121;
  t.diagnostic(`seed ${seed}`);
  const random = createRandom(seed);
  const wanted = Array.from({ length: 120 }, () => (random() < 0.5 ? 'one' : 'two'));
  await Promise.all(wanted.map((model) => fleet.chat(model)));
  const firstComeLoads = loadsOfFirstCome(wanted, fleet.servers.length);
  t.diagnostic(`${fleet.loads().length} loads; first come, first served makes ${firstComeLoads}`);
  assert.ok(fleet.loads().length <= firstComeLoads / 5, `${fleet.loads().length} of ${firstComeLoads}`);
});

/** Servers with room for one model, whichever is free takes the next: those that take equally long take turns. */
function loadsOfFirstCome(wanted: readonly string[], count: number): number {
  const held: (string | undefined)[] = Array.from({ length: count }, () => undefined);
  let loads = 0;
  for (const [index, model] of wanted.entries()) {
    if (held[index % count] !== model) loads += 1;
    held[index % count] = model;
  }
  return loads;
}
