/** What a whole gateway tells: budgets that are spent, what it stands on that is away, and who is told after a reload. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { openReceiver, type ScriptedReceiver, secret, spent, status } from './rig.ts';

const soon = { waitMs: 1, everyMs: 1 };

test('a budget that is spent to 50, 80 and 100 % is told of once at each', async (t) => {
  const receiver = await openReceiver(t, createHeldClock(), [status(200)]);
  const gateway = await open(t, {
    budgets: [{ per: 'tenant', name: 'trial', requests: 10, window: 'day' }],
    alerts: { to: [{ webhook: receiver.url, secret }], group: soon },
  });
  for (let request = 1; request <= 10; request += 1) assert.equal(await chat(gateway), 200);
  assert.equal(await chat(gateway), 429);
  await until('all three are told', () => alertsAt(receiver).length === 3);
  assert.deepEqual(
    alertsAt(receiver).map(({ alert, summary }) => `${alert}: ${summary}`),
    ['50', '80', '100'].map(
      (percent) => `budget_spent: the budget trial of tenant default is spent to ${percent} %`,
    ),
  );
  const [{ labels } = { labels: {} }] = alertsAt(receiver);
  assert.deepEqual(labels, {
    budget: 'trial',
    per: 'tenant',
    holder: 'default',
    window: new Date().toISOString().slice(0, 10),
    share: '0.5',
  });
});

test('U18: an answer that cost far more than was reserved for it is told of, once a day for its server', async (t) => {
  const receiver = await openReceiver(t, createHeldClock(), [status(200)]);
  const liar = await openFakeLlm({ usage: { prompt: 4, completion: 1e6 } });
  t.after(() => liar.close());
  const gateway = await open(t, {
    upstreams: { liar: { type: 'openai', url: `${liar.url}/v1` } },
    models: { simulator: { targets: [{ upstream: 'liar', model: 'fake-model' }] } },
    prices: { simulator: { inputPerM: 1, outputPerM: 1 } },
    alerts: { to: [{ webhook: receiver.url, secret }], group: soon },
  });
  for (let request = 0; request < 3; request += 1) assert.equal(await chat(gateway), 200);
  await until('it is told', () => alertsAt(receiver).length > 0);
  const told = alertsAt(receiver);
  assert.deepEqual(
    told.map(({ alert, labels }) => [alert, labels['upstream']]),
    [['cost_doubted', 'liar']],
  );
  assert.match(told[0]?.summary ?? '', /times what was reserved/);
});

test('without receivers a budget that is spent is a line of the log', async (t) => {
  const gateway = await open(t, {
    budgets: [{ per: 'tenant', name: 'trial', requests: 2, window: 'day' }],
  });
  assert.equal(await chat(gateway), 200);
  await until('it is logged', () =>
    gateway.lines.some((line) => line.includes('the budget trial of tenant default is spent to 50 %')),
  );
});

test('G19 what replicas share being away for a minute is told once, and so is its return', async (t) => {
  const clock = createHeldClock();
  const receiver = await openReceiver(t, clock, [status(200)]);
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const gateway = await openTestGateway({
    config: { shared: redis.url, alerts: { to: [{ webhook: receiver.url, secret }], group: soon } },
    clock,
  });
  t.after(() => gateway.close());
  redis.kill();
  await passingUntil(clock, 'it is noticed', () => gateway.gateway.lasting.degraded() === 'shared');
  assert.equal(receiver.received.length, 0);
  await passingUntil(clock, 'it is told', () => receiver.received.length === 1);
  const [told] = alertsAt(receiver);
  assert.deepEqual(
    { alert: told?.alert, severity: told?.severity, state: told?.state, labels: told?.labels },
    { alert: 'degraded', severity: 'critical', state: 'firing', labels: { dependency: 'shared' } },
  );
  const awayMs = (receiver.received[0]?.atMs ?? 0) - (Date.parse(told?.startsAt ?? '') - startMs);
  assert.ok(awayMs >= 60_000 && awayMs <= 62_000, String(awayMs));
  await redis.restart();
  await passingUntil(clock, 'its return is told', () => receiver.received.length === 2);
  assert.equal(alertsAt(receiver)[1]?.state, 'resolved');
});

test('a reload changes who is told, and a bad one changes nothing', async (t) => {
  const before = await openReceiver(t, createHeldClock(), [status(200)]);
  const after = await openReceiver(t, createHeldClock(), [status(200)]);
  const gateway = await open(t, { alerts: { to: [{ slack: before.url }], group: soon } });
  const { alerts } = gateway.gateway.lasting;
  await assert.rejects(gateway.reload({ alerts: { to: [{ webhook: after.url, secret: 'short' }] } }));
  alerts.tell(spent('a'));
  await until('the first one is told', () => before.received.length === 1);
  await gateway.reload({ alerts: { to: [{ slack: after.url }], group: soon } });
  alerts.tell(spent('b'));
  await until('the second one is told', () => after.received.length === 1);
  assert.equal(before.received.length, 1);
});

test('two replicas that notice the same tell it once', async (t) => {
  const receiver = await openReceiver(t, createHeldClock(), [status(200)]);
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const alerts = { to: [{ webhook: receiver.url, secret }], group: { waitMs: 1, everyMs: 60_000 } };
  const replicas = await Promise.all([1, 2].map(() => open(t, { shared: redis.url, alerts })));
  for (const [index, { gateway }] of replicas.entries()) {
    gateway.lasting.alerts.tell(spent('both'));
    gateway.lasting.alerts.tell(spent(`only-${index}`));
  }
  await until('all is told', () => alertsAt(receiver).length === 3);
  assert.deepEqual(
    alertsAt(receiver)
      .map(({ labels }) => labels['budget'])
      .sort(),
    ['both', 'only-0', 'only-1'],
  );
});

test('a budget that two replicas spend together is told of once at each share', async (t) => {
  const receiver = await openReceiver(t, createHeldClock(), [status(200)]);
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const config = {
    shared: redis.url,
    budgets: [{ per: 'tenant', name: 'trial', requests: 10, window: 'day' }],
    alerts: { to: [{ webhook: receiver.url, secret }], group: { waitMs: 1, everyMs: 1 } },
  };
  const [one, two] = await Promise.all([open(t, config), open(t, config)]);
  for (let round = 0; round < 5; round += 1) {
    assert.deepEqual(await Promise.all([chat(one), chat(two)]), [200, 200]);
  }
  await until('the last is told', () => alertsAt(receiver).length === 3);
  assert.equal(await chat(two), 429);
  await Promise.all([one.gateway.lasting.alerts.close(), two.gateway.lasting.alerts.close()]);
  assert.deepEqual(
    alertsAt(receiver)
      .map(({ labels }) => labels['share'])
      .sort(),
    ['0.5', '0.8', '1'],
  );
});

const startMs = Date.UTC(2026, 0, 1);

async function open(t: TestContext, config: Readonly<Record<string, unknown>>): Promise<TestGateway> {
  const gateway = await openTestGateway({ config });
  t.after(() => gateway.close());
  return gateway;
}

async function chat({ url, key }: TestGateway): Promise<number> {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'simulator',
      max_tokens: 4,
      messages: [{ role: 'user', content: 'hi' }],
    }),
  });
  await reply.arrayBuffer();
  return reply.status;
}

interface ToldAlert {
  readonly alert: string;
  readonly severity: string;
  readonly state: string;
  readonly summary: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly startsAt: string;
}

function alertsAt({ received }: ScriptedReceiver): readonly ToldAlert[] {
  return received.flatMap(({ body }) => (JSON.parse(body) as { data: { alerts: ToldAlert[] } }).data.alerts);
}

/** Time goes on while something outside of it, a server, has to be heard from. */
async function passingUntil(
  clock: ReturnType<typeof createHeldClock>,
  what: string,
  isSo: () => boolean,
): Promise<void> {
  await until(what, () => {
    if (isSo()) return true;
    clock.advance(500);
    return false;
  });
}
