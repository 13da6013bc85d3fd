// U12: an upstream that cannot prove who it is gets no request, whoever asks; another one is tried in its place.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { openTestGateway } from '../gateway.ts';
import type { Fault } from '../upstream/certificate.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import { openFaultProxy } from '../upstream/fault-proxy.ts';
import { openTlsFront } from '../upstream/tls-front.ts';
import { type Call, rigOf, until } from './rig.ts';
import { authority, openTlsRig } from './tls-rig.ts';

const whole: Call = { route: 'openai.chat' };
const stream: Call = { ...whole, stream: true };
const faults = ['expired', 'wrong name', 'self-signed'] as const satisfies readonly Fault[];

for (const fault of faults) {
  test(`U12: an upstream whose certificate is bad (${fault}) is a 502 that says so, and hears no request`, async (t) => {
    const rig = await openTlsRig(t, { identity: authority.issue(fault) });
    for (const model of ['o', 'l']) {
      for (const call of [whole, stream]) {
        const reply = await rig.ask({ ...call, model });
        assert.match(reply.head, /^HTTP\/1\.1 502/);
        assert.match(reply.content.toString(), /"code":"tls_error"/);
        assert.match(reply.content.toString(), /certificate/);
      }
    }
    assert.equal(rig.front.handshakes(), 0);
    assert.deepEqual(rig.llm.requests, []);
    await until('the spool tells', async () => rig.exchanges().length >= 4);
    for (const { attempts } of rig.exchanges()) assert.equal(attempts?.length ?? 1, 1, 'it is tried once');
    await rig.quiet();
  });
}

test('U12, G17: where the first upstream has a bad certificate another candidate answers', async (t) => {
  for (const fault of faults) {
    const { rig, front } = await openPair(t, fault);
    for (const call of [whole, stream]) {
      const reply = await rig.ask(call);
      assert.match(reply.head, /^HTTP\/1\.1 200/);
      assert.match(reply.head, /^x-millrace-target: second\/fake-model/m);
    }
    assert.equal(front.handshakes(), 0);
  }
});

async function openPair(t: TestContext, fault: Fault) {
  const llm = await openFakeLlm();
  const front = await openTlsFront({ identity: authority.issue(fault), target: llm.port });
  t.after(() => Promise.all([llm.close(), front.close()]));
  const gateway = await openTestGateway({
    config: {
      upstreams: {
        first: { type: 'openai', url: `https://127.0.0.1:${front.port}/v1` },
        second: { type: 'openai', url: `${llm.url}/v1` },
      },
      models: {
        o: {
          targets: [
            { upstream: 'first', model: 'fake-model' },
            { upstream: 'second', model: 'fake-model', tier: 2 },
          ],
        },
      },
    },
  });
  t.after(() => gateway.close());
  return { rig: rigOf(llm, gateway), front };
}

test('U12: a server that speaks no TLS at all is named as such', async (t) => {
  const llm = await openFakeLlm();
  t.after(() => llm.close());
  const rig = await openTlsRig(t, { port: async () => llm.port });
  const reply = await rig.ask(whole);
  assert.match(reply.head, /^HTTP\/1\.1 502/);
  assert.match(reply.content.toString(), /"code":"tls_error"/);
});

test('U12: a handshake that hangs ends in time for all who wait, and the next call is served', async (t) => {
  const connectMs = 900;
  let proxy: Awaited<ReturnType<typeof openFaultProxy>> | undefined;
  const rig = await openTlsRig(t, {
    upstream: { connectMs },
    clocks: { connectMs },
    port: async (front) => {
      proxy = await openFaultProxy(front.port);
      proxy.freeze();
      return proxy.port;
    },
  });
  t.after(() => proxy?.close());
  const startedAt = performance.now();
  const replies = await Promise.all(Array.from({ length: 12 }, () => rig.ask(whole)));
  for (const { head, content } of replies) {
    assert.match(head, /^HTTP\/1\.1 504/);
    assert.match(content.toString(), /"code":"connect_timeout"/);
  }
  // One after another they would take twelve times as long.
  assert.ok(performance.now() - startedAt < 4 * connectMs, `after ${performance.now() - startedAt} ms`);
  proxy?.thaw();
  const askedAt = performance.now();
  assert.match((await rig.ask(whole)).head, /^HTTP\/1\.1 200/);
  // It does not wait for another handshake to be given up.
  assert.ok(performance.now() - askedAt < connectMs, `the next call took ${performance.now() - askedAt} ms`);
});

test('the real process trusts what NODE_EXTRA_CA_CERTS names, and nothing more without it', async (t) => {
  const llm = await openFakeLlm();
  const front = await openTlsFront({ identity: authority.issue('none'), target: llm.port });
  t.after(() => Promise.all([llm.close(), front.close()]));
  await using place = await openPlace();
  await place.write('ca.pem', authority.cert);
  await place.write(
    'millrace.yaml',
    JSON.stringify({
      upstreams: { cloud: { type: 'openai', url: `https://localhost:${front.port}/v1` } },
      models: { simulator: { targets: [{ upstream: 'cloud', model: 'fake-model' }] } },
    }),
  );
  const extra = { NODE_EXTRA_CA_CERTS: place.path('ca.pem') };
  for (const [environment, status] of [
    [extra, 200],
    [{}, 502],
  ] as const) {
    await using gateway = await serve([], { place, environment });
    assert.equal((await gateway.chat({})).status, status);
  }
  assert.ok(front.versions.includes('2.0'));
});
