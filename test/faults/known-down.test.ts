// U1, U2, U5, G17: who is known to be down is asked only when nobody else is left.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openTestGateway, type TestGatewayOptions } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { type Call, rigOf, until } from './rig.ts';

const whole: Call = { route: 'openai.chat' };
const stream: Call = { route: 'openai.chat', stream: true };
const callsOf = (llm: FakeLlm) => llm.requests.filter(({ method }) => method === 'POST').length;

/** Ports on which nobody listens, each free a moment ago. */
async function deadPorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise<void>((done) => void server.close(() => done()))));
  return ports;
}

interface Fleet extends Omit<TestGatewayOptions, 'config'> {
  readonly ports: Readonly<Record<string, number>>;
  readonly tiers: Readonly<Record<string, number>>;
}

async function open(t: TestContext, llm: FakeLlm, { ports, tiers, ...rest }: Fleet) {
  const gateway = await openTestGateway({
    ...rest,
    config: {
      upstreams: Object.fromEntries(
        Object.entries(ports).map(([name, port]) => [
          name,
          { type: 'openai', url: `http://127.0.0.1:${port}/v1`, slots: 1 },
        ]),
      ),
      models: {
        o: {
          targets: Object.entries(tiers).map(([upstream, tier]) => ({ upstream, model: 'fake-model', tier })),
          clocks: { firstTokenMs: 20_000 },
        },
      },
      health: { everyMs: 10_000 },
      telemetry: { logs: { level: 'debug' } },
    },
  });
  t.after(() => gateway.close());
  const stateOf = (name: string) => {
    const upstream = gateway.gateway.snapshot.upstreams.find((one) => one.name === name);
    assert.ok(upstream);
    return gateway.gateway.lasting.health.of(upstream).state;
  };
  return { ...rigOf(llm, gateway), stateOf };
}

for (const [where, tiers] of [
  ['in its tier', { dead1: 1, dead2: 1, good: 1 }],
  ['in the next tier', { dead1: 1, dead2: 1, good: 2 }],
] as const) {
  test(`U10, G17: no request fails at two dead upstreams while there is a good one ${where}`, async (t) => {
    const llm = await openFakeLlm();
    t.after(() => llm.close());
    const [dead1 = 0, dead2 = 0] = await deadPorts(2);
    const rig = await open(t, llm, { ports: { dead1, dead2, good: llm.port }, tiers });
    await until('the first listings have told', () => {
      return (
        rig.stateOf('dead1') === 'down' && rig.stateOf('dead2') === 'down' && rig.stateOf('good') === 'up'
      );
    });
    for (let count = 0; count < 9; count += 1) {
      const reply = await rig.ask(count % 2 === 0 ? whole : stream);
      assert.match(reply.head, /^HTTP\/1\.1 200/, reply.content.toString());
    }
    assert.equal(callsOf(llm), 9);
    const failed = rig.gateway.lines.filter((line) => line.endsWith('an attempt failed'));
    assert.deepEqual(failed, [], 'nobody was sent to the dead first');
  });
}

test('U5: when all are known to be down they are tried all the same: they may be back', async (t) => {
  const llm = await openFakeLlm();
  t.after(() => llm.close());
  const [dead = 0] = await deadPorts(1);
  llm.behave({ resetOnConnect: true });
  const rig = await open(t, llm, { ports: { dead, back: llm.port }, tiers: { dead: 1, back: 2 } });
  await until('both are down', async () => {
    if (rig.stateOf('back') !== 'down') await rig.ask(whole);
    return rig.stateOf('dead') === 'down' && rig.stateOf('back') === 'down';
  });
  llm.behave({ resetOnConnect: false });
  assert.match((await rig.ask(whole)).head, /^HTTP\/1\.1 200/);
  assert.equal(rig.stateOf('back'), 'up');
});

test('U2: who lists its models and serves none is down by its calls, tried again after a while, and up once it serves', async (t) => {
  const hanging = await openFakeLlm({ stallBeforeHead: true });
  const good = await openFakeLlm();
  t.after(() => Promise.all([hanging.close(), good.close()]));
  const clock = createHeldClock();
  const rig = await open(t, good, {
    clock,
    ports: { hanging: hanging.port, good: good.port },
    tiers: { hanging: 1, good: 2 },
  });
  const listings = () =>
    rig.gateway.lines.filter((line) => line.includes('"hanging"') && line.endsWith('lists its models'))
      .length;
  /** Slow enough for the listings, which take real time. */
  const untilLater = (what: string, isTrue: () => boolean) =>
    until(what, () => {
      clock.advance(250);
      return isTrue();
    });
  await until('it is up', () => rig.stateOf('hanging') === 'up');

  const hangOnce = async () => {
    const [asked, listed] = [callsOf(hanging), listings()];
    let answered = false;
    const reply = rig.ask(stream).finally(() => {
      answered = true;
    });
    await until('it hangs', () => callsOf(hanging) > asked);
    await untilLater('the clock of its first token runs out', () => answered);
    assert.match((await reply).head, /^HTTP\/1\.1 200/);
    assert.ok(listings() > listed, 'it listed its models in between');
  };
  for (let count = 0; count < 5; count += 1) await hangOnce();
  assert.equal(rig.stateOf('hanging'), 'down');
  assert.match((await rig.ask(stream)).head, /^x-millrace-target: good/m);
  assert.equal(callsOf(hanging), 5, 'nobody else was sent there');

  await untilLater('it is on trial', () => rig.stateOf('hanging') === 'up');
  await hangOnce();
  assert.equal(rig.stateOf('hanging'), 'down', 'one failure on trial is enough');

  await untilLater('it is on trial again', () => rig.stateOf('hanging') === 'up');
  hanging.behave({ stallBeforeHead: false });
  assert.match((await rig.ask(stream)).head, /^x-millrace-target: hanging/m);
  assert.equal(rig.stateOf('hanging'), 'up');
});
