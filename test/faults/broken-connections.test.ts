// U1, U2, U10, G17: connections that break: tried once more where nothing was promised yet, told where it was.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openTestGateway } from '../gateway.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { type FaultProxy, openFaultProxy } from '../upstream/fault-proxy.ts';
import { type Call, type FaultRig, openFaultRig, rigOf, until } from './rig.ts';

const stream: Call = { route: 'openai.chat', stream: true };
const whole: Call = { route: 'openai.chat' };
const isCall = ({ method }: { method: string }) => method === 'POST';
const callsOf = (llm: FakeLlm) => llm.requests.filter(isCall).length;

interface Pair {
  readonly rig: FaultRig;
  readonly second: FakeLlm;
}

/** One model on two servers: the first is always tried first. */
async function openPair(t: TestContext, options: { behaviour?: Partial<Behaviour>; attempts?: number } = {}) {
  const llm = await openFakeLlm({ chunks: ['one', ' two'], ...options.behaviour });
  const second = await openFakeLlm({ chunks: ['second'] });
  t.after(() => Promise.all([llm.close(), second.close()]));
  const gateway = await openTestGateway({
    config: {
      upstreams: {
        first: { type: 'openai', url: `${llm.url}/v1`, slots: 64 },
        second: { type: 'openai', url: `${second.url}/v1`, slots: 64 },
      },
      models: {
        o: {
          targets: [
            { upstream: 'first', model: 'fake-model' },
            { upstream: 'second', model: 'fake-model', tier: 2 },
          ],
          clocks: { firstTokenMs: 400, idleMs: 400 },
        },
      },
      retries: { attempts: options.attempts ?? 2 },
    },
  });
  t.after(() => gateway.close());
  return { rig: rigOf(llm, gateway), second } satisfies Pair;
}

const before: Readonly<Record<string, Partial<Behaviour>>> = {
  'resets every connection': { resetOnConnect: true },
  'resets after the request': { resetAfterRequest: true },
  'cuts before the first byte': { cutAfterBytes: 0 },
  'cuts within the head of the stream': { cutAfterBytes: 20 },
  'hangs before the head': { stallBeforeHead: true },
  'hangs before the first token': { stallAfterChunks: 0 },
  'sends an error as its first event': { errorEventAfter: 0 },
  'answers 500': { status: 500 },
  'answers 502': { status: 502 },
  'answers 503': { status: 503 },
  'answers 504': { status: 504 },
  'answers 429': { status: 429 },
  'answers 401': { status: 401 },
  'answers 404': { status: 404 },
};

test('G17, U1, U2, U10: what fails before its first token is answered by another upstream, and nobody notices', async (t) => {
  for (const [what, behaviour] of Object.entries(before)) {
    const { rig, second } = await openPair(t, { behaviour });
    for (const call of [stream, whole]) {
      // A server that lists its models may be at work on a long answer: hung-servers.test.ts has those that do not.
      if (call === whole && 'stallBeforeHead' in behaviour) continue;
      // Only a stream has events.
      if (call === whole && 'errorEventAfter' in behaviour) continue;
      const served = callsOf(second);
      const reply = await rig.ask(call);
      assert.match(reply.head, /^HTTP\/1\.1 200/, `${what}: ${reply.content}`);
      assert.match(reply.head, /^x-millrace-target: second\/fake-model/m);
      assert.match(reply.content.toString(), /second/);
      assert.doesNotMatch(
        reply.content.toString(),
        /"content":"one"/,
        'nothing of the first answer is mixed in',
      );
      assert.equal(callsOf(second) - served, 1);
    }
    await rig.quiet();
  }
});

test('G17, U1: after the first token nothing is tried again, and the client is told', async (t) => {
  const after: ReadonlyArray<Partial<Behaviour>> = [
    { errorEventAfter: 1 },
    { stallAfterChunks: 1 },
    { malformedEvent: 1 },
    { endMarker: 'never' },
    { cutAfterBytes: 500 },
    { cutAfterBytes: 500, framing: 'close-delimited' },
  ];
  const { rig, second } = await openPair(t);
  for (const behaviour of after) {
    rig.llm.scriptNext(behaviour);
    const text = (await rig.ask(stream)).content.toString();
    assert.equal(text.split('"content":"one"').length - 1, 1, `once: ${JSON.stringify(behaviour)} ${text}`);
    assert.match(
      text,
      /data: \{"error":\{"message":"[^"]+","type":"server_error","param":null,"code":"[a-z_]+"/,
    );
    assert.doesNotMatch(text, /\[DONE\]/);
    // Three failures in a row would make it count as down.
    assert.match((await rig.ask(whole)).head, /^HTTP\/1\.1 200/);
  }
  assert.equal(callsOf(second), 0);
  assert.equal(await rig.metric('millrace_exchanges_total', { outcome: 'failed' }), after.length);
});

test('G17: a request that is at fault itself is not tried anywhere else', async (t) => {
  const { rig, second } = await openPair(t);
  for (const status of [400, 422]) {
    rig.llm.scriptNext({ status });
    const reply = await rig.ask(whole);
    assert.match(reply.head, new RegExp(`^HTTP/1\\.1 ${status}`));
  }
  assert.equal(callsOf(second), 0);
});

test('G17: two attempts are the limit, each on an upstream of its own, and the client is told not to multiply them', async (t) => {
  const { rig, second } = await openPair(t, { behaviour: { status: 500 }, attempts: 5 });
  second.behave({ status: 500 });
  const reply = await rig.ask(whole);
  assert.match(reply.head, /^HTTP\/1\.1 502/);
  assert.match(reply.head, /^x-should-retry: false\r?$/m);
  assert.deepEqual([callsOf(rig.llm), callsOf(second)], [1, 1]);
  const told = async () =>
    rig
      .exchanges()
      .flatMap((row) => row.attempts ?? [])
      .map(({ upstream }) => upstream);
  await until('the spool tells', async () => (await told()).length > 0);
  assert.deepEqual(await told(), ['first', 'second']);
});

test('U10: the keep-alive race is tried once more on the only upstream there is', async (t) => {
  const rig = await openFaultRig(t, { upstream: { connections: 1 } });
  assert.match((await rig.ask(whole)).head, /^HTTP\/1\.1 200/);
  rig.llm.behave({ resetOnReuse: true });
  for (const call of [whole, stream, whole]) {
    const reply = await rig.ask(call);
    assert.match(reply.head, /^HTTP\/1\.1 200/, reply.content.toString());
  }
  await rig.quiet();
  assert.equal(await rig.metric('millrace_exchanges_total', { outcome: 'failed' }), 0);
});

test('U10, G17: an upstream that dies of a request gets it twice at most', async (t) => {
  const rig = await openFaultRig(t, {
    behaviour: { resetAfterRequest: true },
    config: { retries: { attempts: 5 } },
  });
  const reply = await rig.ask(whole);
  assert.match(reply.head, /^HTTP\/1\.1 502/);
  assert.equal(callsOf(rig.llm), 2);
});

test('U10: an upstream that refuses connections is told so at once, and serves when it is back', async (t) => {
  const llm = await openFakeLlm();
  const proxy = await openFaultProxy(llm.port);
  t.after(() => Promise.all([llm.close(), proxy.close()]));
  const rig = await openFaultRig(t, { port: () => proxy.port });
  proxy.refuse();
  proxy.resetAll();
  const startedAt = performance.now();
  const reply = await rig.ask(whole);
  assert.match(reply.head, /^HTTP\/1\.1 502/);
  assert.match(reply.content.toString(), /"code":"connect_failed"/);
  assert.ok(performance.now() - startedAt < 1_000);
  await proxy.accept();
  assert.match((await rig.ask(whole)).head, /^HTTP\/1\.1 200/);
});

const silences: Readonly<Record<string, { fault: (proxy: FaultProxy) => void; code: RegExp }>> = {
  'goes silent': { fault: (proxy) => proxy.freeze(), code: /idle_timeout/ },
  'is reset': { fault: (proxy) => proxy.resetAll(), code: /upstream_cut/ },
  'is half closed': { fault: (proxy) => proxy.halfClose('client'), code: /upstream_cut/ },
};

for (const [name, { fault, code }] of Object.entries(silences)) {
  test(`U1, U4, U10: the client hears within its time when the connection to the upstream ${name}`, async (t) => {
    const llm = await openFakeLlm({ endless: true, tokensPerSecond: 100 });
    const proxy = await openFaultProxy(llm.port);
    t.after(() => Promise.all([llm.close(), proxy.close()]));
    const rig = await openFaultRig(t, { port: () => proxy.port, clocks: { idleMs: 400 } });
    const client = rig.send(stream);
    await until('tokens come', () => client.bytes().toString().split('"content"').length > 4);
    const brokenAt = performance.now();
    fault(proxy);
    const reply = await client.reply();
    assert.match(reply.content.toString(), code);
    assert.ok(performance.now() - brokenAt < 1_000);
    await rig.quiet();
  });
}

test('U10: a server that speaks no HTTP is named as such', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.write('220 mail.example.org ESMTP\r\n\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const rig = await openFaultRig(t, { port: () => address.port, config: { retries: { attempts: 1 } } });
  const reply = await rig.ask(whole);
  assert.match(reply.head, /^HTTP\/1\.1 502/);
  assert.match(reply.content.toString(), /"code":"bad_upstream_response"/);
});
