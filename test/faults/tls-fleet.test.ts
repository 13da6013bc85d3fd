// U12: in a fleet, a server that cannot prove who it is or hangs in its handshake is left out, and others answer.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { openFaultProxy } from '../upstream/fault-proxy.ts';
import { openTlsFront } from '../upstream/tls-front.ts';
import { type Call, rigOf, until } from './rig.ts';
import { authority } from './tls-rig.ts';

const whole: Call = { route: 'openai.chat' };

/** The first tier is behind `port`, where TLS is spoken; the second one is well. */
async function openPair(t: TestContext, port: number) {
  const llm = await openFakeLlm();
  const gateway = await openTestGateway({
    config: {
      upstreams: {
        first: { type: 'openai', url: `https://127.0.0.1:${port}/v1`, connectMs: 500 },
        second: { type: 'openai', url: `${llm.url}/v1` },
      },
      models: {
        o: {
          targets: [
            { upstream: 'first', model: 'fake-model' },
            { upstream: 'second', model: 'fake-model', tier: 2 },
          ],
          clocks: { connectMs: 500 },
        },
      },
    },
  });
  t.after(() => Promise.all([gateway.close(), llm.close()]));
  const { health } = gateway.gateway.lasting;
  const first = gateway.gateway.snapshot.upstreams.find(({ name }) => name === 'first');
  assert.ok(first);
  return { rig: rigOf(llm, gateway), recordOf: () => health.of(first) };
}

for (const fault of ['expired', 'wrong name', 'self-signed'] as const) {
  test(`U12, G17: a server whose certificate is bad (${fault}) is left out as soon as it is known, and costs nobody a try`, async (t) => {
    const front = await openTlsFront({ identity: authority.issue(fault), target: 1 });
    t.after(() => front.close());
    const { rig, recordOf } = await openPair(t, front.port);
    await until('its listing has told', () => recordOf().state === 'down');
    for (let count = 0; count < 5; count += 1)
      assert.match((await rig.ask(whole)).head, /^x-millrace-target: second/m);
    await until('all are written', () => rig.exchanges().length === 5);
    assert.ok(rig.exchanges().every(({ attempts = [] }) => attempts.length === 0));
    assert.match(recordOf().lastFailure ?? '', /^tls_error/);
    assert.equal(front.handshakes(), 0);
  });
}

test('U12: who waits for a handshake that hangs is served by another within the clock for connecting', async (t) => {
  const proxy = await openFaultProxy(1);
  t.after(() => proxy.close());
  proxy.freeze();
  const { rig } = await openPair(t, proxy.port);
  const reply = await rig.ask(whole);
  assert.match(reply.head, /^HTTP\/1\.1 200/);
  assert.match(reply.head, /^x-millrace-target: second/m);
});
