// What a request asks of Redis before it is sent, it asks at once: limits of the caller, limits of the call, budgets.
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { requestBytes } from '../security/raw.ts';
import { settled, spendingConfig, usdFor } from '../security/spending-rig.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { openFaultProxy } from '../upstream/fault-proxy.ts';
import { openRawClient } from '../upstream/raw-client.ts';
import { openOperator } from './redis-rig.ts';

let redis: RedisServer;

before(async () => {
  redis = await openRedisServer();
});

after(() => redis.stop());

const roundTripMs = 70;
const generous = { count: '100000/min', burst: 10_000 };

test('limits and budgets in Redis cost a request one round trip', async (t) => {
  const { ask, proxy } = await open(t, [
    { per: 'key', requests: generous.count, burst: generous.burst },
    { per: 'model', requests: generous.count, burst: generous.burst },
  ]);
  await ask();
  const direct = await fastestMs(ask);
  proxy.behave({ latencyMs: roundTripMs / 2 });
  const away = await fastestMs(ask);
  assert.ok(away >= direct + roundTripMs * 0.9, `${away} ms, of which ${direct} without Redis being far`);
  assert.ok(away < direct + 2 * roundTripMs, `${away} ms, of which ${direct} without Redis being far`);
});

test('who is over a limit is refused though its request was read meanwhile: nothing is sent, begun or reserved', async (t) => {
  const { ask, llm, gateway } = await open(t, [{ per: 'key', requests: '1/min', burst: 2 }]);
  for (let count = 0; count < 2; count += 1) assert.equal((await ask()).status, 200);
  const before = await settled(gateway);
  assert.equal((await ask()).status, 429);
  assert.equal((await ask({ body: '{' })).status, 429, 'what else is wrong with it is no concern');
  assert.equal((await ask({ headers: { 'idempotency-key': 'again' } })).status, 429);
  assert.equal((await ask({ body: chatBody({ stream: true }) })).status, 429);
  assert.equal(llm.requests.filter(({ path }) => path.endsWith('/chat/completions')).length, 2);
  const { spent, reserved } = await settled(gateway);
  assert.deepEqual([spent, reserved], [before.spent, 0]);
});

test('who is over a limit takes nothing from those of the call, which others share', async (t) => {
  const hourly = { requests: '100/hour', burst: 3 };
  const { ask, proxy, gateway } = await open(t, [
    { per: 'address', requests: '1/hour', burst: 1 },
    { per: 'model', ...hourly, tokens: '100000/hour', burstTokens: 50, concurrent: 5 },
  ]);
  assert.equal((await ask()).status, 200);
  // Both steps are under way before the first is answered.
  proxy.behave({ latencyMs: 20 });
  const refused = await Promise.all(Array.from({ length: 20 }, () => ask()));
  assert.deepEqual(new Set(refused.map(({ status }) => status)), new Set([429]));
  for (const reply of refused) assert.match(await reply.text(), /for each address/);
  proxy.behave({ latencyMs: 0 });
  await askSlowly(t, gateway);
  for (const address of ['192.0.2.8', '192.0.2.9']) {
    const reply = await ask({ headers: { 'x-forwarded-for': address } });
    assert.equal(reply.status, 200, await reply.text());
  }
  const last = await ask({ headers: { 'x-forwarded-for': '192.0.2.10' } });
  assert.match(await last.text(), /for each model/, 'three of its three were answered');
});

/** The end of what it says comes when it has long been refused. */
async function askSlowly(t: TestContext, gateway: TestGateway): Promise<void> {
  const operator = await openOperator(redis.url);
  t.after(() => operator.destroy());
  const bytes = requestBytes({
    path: '/v1/chat/completions',
    headers: { authorization: `Bearer ${gateway.key}`, 'x-forwarded-for': '192.0.2.7' },
    body: chatBody({}),
  });
  const marks = () => operator.keys('millrace:{limits}:turned-away:*');
  await operator.del(await marks());
  const client = openRawClient(gateway.port);
  client.socket.write(bytes.subarray(0, -1));
  await until('it is refused', async () => (await marks()).length === 1);
  await operator.del(await marks());
  client.socket.write(bytes.subarray(-1));
  assert.match((await client.reply()).head, /^HTTP\/1.1 429/);
}

interface Asking {
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const chatBody = (fields: object) =>
  JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], max_tokens: 5, ...fields });

async function open(t: TestContext, limits: readonly object[]) {
  await redis.restart();
  const llm = await openFakeLlm({ usage: { prompt: 1, completion: 5 } });
  const at = new URL(redis.url);
  const proxy = await openFaultProxy(Number(at.port));
  at.port = String(proxy.port);
  const budgets = [{ per: 'tenant', usd: usdFor(1_000_000), window: 'total' }];
  const shared = { url: at.href, timeoutMs: 2_000 };
  const listen = { trustedProxies: ['127.0.0.1/32'] };
  const config = spendingConfig(llm.port, { listen, shared, budgets, limits });
  const gateway = await openTestGateway({ config });
  t.after(() => Promise.all([gateway.close(), llm.close(), proxy.close()]));
  await until('it is shared', () => gateway.gateway.lasting.degraded() === '');
  const ask = ({ body = chatBody({}), headers = {} }: Asking = {}) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      // Limits do not hold on loopback: as if it came through a proxy.
      headers: {
        authorization: `Bearer ${gateway.key}`,
        'content-type': 'application/json',
        'x-forwarded-for': '192.0.2.7',
        ...headers,
      },
      body,
    });
  return { ask, llm, gateway, proxy };
}

/** Of several: what the machine does besides makes the others slower. */
async function fastestMs(ask: () => Promise<Response>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let count = 0; count < 10; count += 1) {
    const startedMs = performance.now();
    const reply = await ask();
    await reply.arrayBuffer();
    assert.equal(reply.status, 200);
    assert.equal(reply.headers.get('x-millrace-degraded'), null, 'it was Redis that was asked');
    fastest = Math.min(fastest, performance.now() - startedMs);
  }
  return fastest;
}
