// U5, U6, U16, U17, G17: a fleet in which some fail: who is asked instead, how often, and who is left alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openTestGateway } from '../gateway.ts';
import { createHeldClock } from '../held-clock.ts';
import { times } from '../soak.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';
import type { RawReply } from '../upstream/raw-client.ts';
import { openFleetRig } from './fleet-rig.ts';
import { type Call, openFaultRig, rigOf, until } from './rig.ts';

const whole: Call = { route: 'openai.chat' };
const stream: Call = { ...whole, stream: true };
const statusOf = ({ head }: RawReply) => Number(head.slice(9, 12));
const headerOf = ({ head }: RawReply, name: string) =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim();

/** The same numbers from the same seed (mulberry32). */
function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('U5: while 30 % of one server’s answers are 500s, everybody is served', async (t) => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  t.diagnostic(`SEED=${seed}`);
  const draw = drawing(seed);
  const rig = await openFleetRig(t, { names: ['a', 'b', 'c'] });
  const endsMs = performance.now() + times(0, 60_000);
  let asked = 0;
  while (asked < 300 || performance.now() < endsMs) {
    rig.llmOf('a').scriptNext(...Array.from({ length: 10 }, () => (draw() < 0.3 ? { status: 500 } : {})));
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, index) => rig.ask(index % 2 === 0 ? whole : stream)),
    );
    for (const reply of replies) assert.equal(statusOf(reply), 200, reply.content.toString());
    asked += replies.length;
  }
  t.diagnostic(`${rig.calls()} calls for ${asked} requests, ${rig.callsOf('a')} of them there`);
  assert.ok(rig.calls() / asked <= 1.2, `${rig.calls()} calls for ${asked} requests`);
});

test('U5: a server that fails always is left out after five failures, and nobody notices', async (t) => {
  const rig = await openFleetRig(t, { names: ['a', 'b', 'c'] });
  rig.llmOf('a').behave({ status: 500 });
  for (let count = 0; count < 60; count += 1) assert.equal(statusOf(await rig.ask(whole)), 200);
  assert.equal(rig.callsOf('a'), 5);
  assert.ok(rig.calls() <= 66);
});

test('U5: when all fail, each is tried by one request at a time and the others hear so at once, with the time to come again', async (t) => {
  const rig = await openFleetRig(t, { names: ['a', 'b'] });
  const { health } = rig.gateway.gateway.lasting;
  for (const name of ['a', 'b']) rig.llmOf(name).behave({ status: 500 });
  await until('both are down', async () => {
    await rig.ask(whole);
    return ['a', 'b'].every((name) => health.of(rig.upstreamOf(name)).state === 'down');
  });
  for (const name of ['a', 'b']) rig.llmOf(name).behave({ stallBeforeHead: true });
  const calls = rig.calls();
  const trials = [rig.send(whole), rig.send(whole)];
  await until('both are tried', () => rig.calls() === calls + 2);
  let reply = await rig.ask(whole);
  // The least of a few: the machine may be busy, and the row asks for 100 ms.
  let leastMs = Number.POSITIVE_INFINITY;
  for (let count = 0; count < 5; count += 1) {
    const startedAt = performance.now();
    reply = await rig.ask(whole);
    leastMs = Math.min(leastMs, performance.now() - startedAt);
  }
  t.diagnostic(`refused after ${Math.round(leastMs)} ms`);
  assert.ok(leastMs <= 100, `${leastMs} ms`);
  assert.equal(statusOf(reply), 503);
  assert.match(reply.content.toString(), /"code":"no_upstream"/);
  assert.ok(Number(headerOf(reply, 'retry-after')) > 0);
  assert.equal(rig.calls(), calls + 2);
  for (const trial of trials) trial.socket.destroy();
});

test('G17: when everything fails, upstreams get at most 1.2 times what clients ask', async (t) => {
  // All within a second of the gateway's time.
  const rig = await openFleetRig(t, { names: ['a', 'b', 'c'], clock: createHeldClock() });
  // Nobody is left out for that, so that the budget alone bounds it.
  const missing = { status: 404, body: '{"error":{"message":"no such model","code":"model_not_found"}}' };
  for (const name of ['a', 'b', 'c']) rig.llmOf(name).behave(missing);
  const asked = 500;
  for (let count = 0; count < asked; count += 20)
    await Promise.all(Array.from({ length: 20 }, () => rig.ask(whole)));
  const ratio = rig.calls() / asked;
  t.diagnostic(`${ratio.toFixed(3)} calls a request`);
  assert.ok(ratio <= 1.2, String(ratio));
});

test('G17: a thousand requests within a second, and every server says 503: they get 1.2 times as much at most', async (t) => {
  const clock = createHeldClock();
  const rig = await openFleetRig(t, { names: ['a', 'b', 'c'], clock });
  for (const name of ['a', 'b', 'c']) rig.llmOf(name).behave({ status: 503 });
  const asked = 1_000;
  const replies: Promise<RawReply>[] = [];
  for (let passedMs = 0; passedMs < 1_000; passedMs += 50) {
    replies.push(...Array.from({ length: 50 }, () => rig.ask(whole)));
    clock.advance(50);
  }
  // Those that servers were too busy for wait for them, as long as their clock lets them.
  let waiting = true;
  const all = Promise.all(replies).finally(() => {
    waiting = false;
  });
  while (waiting) {
    await setTimeout(5);
    clock.advance(100);
  }
  assert.deepEqual([...new Set((await all).map(statusOf))], [503]);
  t.diagnostic(`${rig.calls()} calls for ${asked} requests`);
  assert.ok(rig.calls() <= 1.2 * asked);
});

test('G17: within ten seconds of the servers’ recovery each request is sent once again, and is served', async (t) => {
  const clock = createHeldClock();
  const rig = await openFleetRig(t, { names: ['a', 'b', 'c'], clock });
  for (const name of ['a', 'b', 'c']) rig.llmOf(name).behave({ status: 500 });
  for (let count = 0; count < 60; count += 1) await rig.ask(whole);
  for (const name of ['a', 'b', 'c']) rig.llmOf(name).behave({ status: 200 });
  for (let passedMs = 0; passedMs < 10_000; passedMs += 1_000) {
    await rig.ask(whole);
    clock.advance(1_000);
  }
  const before = rig.calls();
  for (let count = 0; count < 30; count += 1) assert.equal(statusOf(await rig.ask(whole)), 200);
  assert.equal(rig.calls() - before, 30);
});

for (const [passedMs, status] of [
  [500, 200],
  [950, 502],
] as const) {
  test(`G17: with ${1_000 - passedMs} ms left a request that broke off is answered with ${status}`, async (t) => {
    const clock = createHeldClock();
    const rig = await openFleetRig(t, { names: ['a', 'b'], tiers: { b: 2 }, clock });
    rig.llmOf('a').behave({ stallBeforeHead: true });
    const asked = fetch(`${rig.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${rig.gateway.key}`,
        'content-type': 'application/json',
        'x-millrace-deadline-ms': '1000',
      },
      body: JSON.stringify({ model: 'o', messages: [{ role: 'user', content: 'hi' }] }),
    });
    await rig.llmOf('a').waitForRequest(({ method }) => method === 'POST');
    clock.advance(passedMs);
    await rig.llmOf('a').close();
    assert.equal((await asked).status, status);
    assert.equal(rig.callsOf('b'), status === 200 ? 1 : 0);
  });
}

for (const [header, waitMs] of [
  ['5', 5_000],
  ['1000000000', 60_000],
  ['-1', 1_000],
  ['soon', 1_000],
] as const) {
  test(`U6: an account that answers 429 with Retry-After ${header} is not asked before its time, and others are`, async (t) => {
    const clock = createHeldClock();
    const rig = await openFleetRig(t, { names: ['a', 'b'], tiers: { b: 2 }, clock });
    rig.llmOf('a').scriptNext({ status: 429, headers: { 'retry-after': header } });
    assert.match((await rig.ask(whole)).head, /^x-millrace-target: b/m);
    clock.advance(waitMs - 1);
    assert.match((await rig.ask(whole)).head, /^x-millrace-target: b/m);
    assert.equal(rig.callsOf('a'), 1);
    clock.advance(1);
    assert.match((await rig.ask(whole)).head, /^x-millrace-target: a/m);
  });
}

test('U6: an account that says to come at a date is left alone for as long, and one that says 0 is not', async (t) => {
  const clock = createHeldClock();
  const rig = await openFleetRig(t, { names: ['a', 'b'], tiers: { b: 2 }, clock });
  const inTenS = new Date(Date.now() + 10_000).toUTCString();
  rig.llmOf('a').scriptNext({ status: 429, headers: { 'retry-after': inTenS } });
  assert.match((await rig.ask(whole)).head, /^x-millrace-target: b/m);
  clock.advance(7_000);
  assert.match((await rig.ask(whole)).head, /^x-millrace-target: b/m);
  clock.advance(4_000);
  rig.llmOf('a').scriptNext({ status: 429, headers: { 'retry-after': '0' } });
  assert.match((await rig.ask(whole)).head, /^x-millrace-target: b/m);
  assert.match((await rig.ask(whole)).head, /^x-millrace-target: a/m);
});

test('U6: a Retry-After is obeyed for the key that it was told to, and another key of the same server is asked', async (t) => {
  const clock = createHeldClock();
  const llm = await openFakeLlm();
  t.after(() => llm.close());
  const account = (key: string) => ({ type: 'openai', url: `${llm.url}/v1`, key });
  const keys = { first: 'sk-first-account', second: 'sk-second-account' };
  const gateway = await openTestGateway({
    clock,
    config: {
      upstreams: { first: account(keys.first), second: account(keys.second) },
      models: {
        o: {
          targets: Object.keys(keys).map((upstream, at) => ({ upstream, model: 'm', tier: at + 1 })),
        },
      },
    },
  });
  t.after(() => gateway.close());
  const rig = rigOf(llm, gateway);
  llm.scriptNext({ status: 429, headers: { 'retry-after': '20' } });
  for (let count = 0; count < 3; count += 1) assert.equal(statusOf(await rig.ask(whole)), 200);
  clock.advance(20_000);
  assert.equal(statusOf(await rig.ask(whole)), 200);
  const sent = llm.requests
    .filter(({ method }) => method === 'POST')
    .map(({ headers }) => (String(headers.authorization).endsWith(keys.first) ? 'first' : 'second'));
  assert.deepEqual(sent, ['first', 'second', 'second', 'second', 'first']);
});

test('U6: when every account has told us to wait, the client hears 429 with the shortest of the times', async (t) => {
  const rig = await openFleetRig(t, { names: ['a', 'b'], clock: createHeldClock() });
  rig.llmOf('a').scriptNext({ status: 429, headers: { 'retry-after': '7' } });
  rig.llmOf('b').scriptNext({ status: 429, headers: { 'retry-after': '20' } });
  const first = await rig.ask(whole);
  assert.deepEqual([statusOf(first), headerOf(first, 'retry-after')], [429, '7']);
  const second = await rig.ask(whole);
  assert.deepEqual([statusOf(second), headerOf(second, 'retry-after')], [429, '7']);
  assert.equal(rig.calls(), 2);
});

test('U16: a request that breaks every server it reaches breaks two, and is refused for a while', async (t) => {
  const clock = createHeldClock();
  const rig = await openFleetRig(t, { names: ['a', 'b', 'c'], clock, config: { retries: { attempts: 5 } } });
  for (const name of ['a', 'b', 'c']) rig.llmOf(name).behave({ resetAfterRequest: true });
  const poison: Call = { ...whole, body: { messages: [{ role: 'user', content: 'poison' }] } };
  for (let count = 0; count < 3; count += 1) {
    const reply = await rig.ask(poison);
    assert.equal(statusOf(reply), 502);
    assert.match(reply.content.toString(), /"code":"poison_suspected"/);
    assert.equal(headerOf(reply, 'x-should-retry'), 'false');
  }
  assert.equal(rig.calls(), 2);
  for (const name of ['a', 'b', 'c']) rig.llmOf(name).behave({ resetAfterRequest: false });
  assert.equal(statusOf(await rig.ask(whole)), 200, 'others are served');
  clock.advance(30_000);
  assert.equal(statusOf(await rig.ask(poison)), 200);
});

for (const [what, behaviour, status] of [
  [
    'a model that is not there',
    { status: 404, body: '{"error":{"message":"no such model","code":"model_not_found"}}' },
    404,
  ],
  [
    'too long a prompt',
    { status: 400, body: '{"error":{"message":"too long","code":"context_length_exceeded"}}' },
    400,
  ],
  [
    'content that it refuses',
    { status: 400, body: '{"error":{"message":"no","code":"content_filter"}}' },
    400,
  ],
] as const) {
  test(`U17: ${what} is told as ${status}, and is nobody’s failure`, async (t) => {
    const rig = await openFleetRig(t, { names: ['a', 'b'] });
    for (const name of ['a', 'b']) rig.llmOf(name).behave(behaviour);
    for (let count = 0; count < 12; count += 1) assert.equal(statusOf(await rig.ask(whole)), status);
    for (const name of ['a', 'b']) rig.llmOf(name).behave({ status: 200, body: undefined });
    const { health } = rig.gateway.gateway.lasting;
    for (const name of ['a', 'b']) assert.equal(health.of(rig.upstreamOf(name)).state, 'up');
    assert.equal(statusOf(await rig.ask(whole)), 200);
  });
}

test('G17: tier 2 is asked when tier 1 fails, and left alone as soon as tier 1 is back', async (t) => {
  const clock = createHeldClock();
  const rig = await openFleetRig(t, { names: ['own', 'cloud'], tiers: { cloud: 2 }, clock });
  rig.llmOf('own').behave({ status: 500 });
  for (let count = 0; count < 10; count += 1)
    assert.match((await rig.ask(whole)).head, /^x-millrace-target: cloud/m);
  assert.equal(rig.callsOf('own'), 5);
  rig.llmOf('own').behave({ status: 200 });
  clock.advance(30_000);
  assert.match((await rig.ask(whole)).head, /^x-millrace-target: own/m);
  clock.advance(10_000);
  for (let count = 0; count < 5; count += 1)
    assert.match((await rig.ask(whole)).head, /^x-millrace-target: own/m);
});

const fallbacks = (names: readonly string[], extra: object = {}) => ({
  models: {
    o: { targets: [{ upstream: 'a', model: 'fake-model' }], fallback: names, ...extra },
    second: { targets: [{ upstream: 'b', model: 'fake-model' }], fallback: ['third'] },
    third: { targets: [{ upstream: 'c', model: 'fake-model' }] },
  },
});

test('G17: when no target of a model can, its fallback answers, and headers, log and ledger say so', async (t) => {
  const rig = await openFleetRig(t, { names: ['a', 'b', 'c'], config: fallbacks(['second']) });
  rig.llmOf('a').behave({ status: 500 });
  const reply = await rig.ask(whole);
  assert.equal(statusOf(reply), 200);
  assert.equal(headerOf(reply, 'x-millrace-model'), 'second');
  assert.equal(headerOf(reply, 'x-millrace-target'), 'b/fake-model');
  assert.match(reply.head, /second was asked in place of o/);
  await until('it is written', () => rig.exchanges().length === 1);
  const line = rig.gateway.exchangeLines[0] ?? '';
  assert.match(line, /"model":"second"/);
  assert.match(line, /"attempts":\[\{"upstream":"a"/);
});

test('G17: a fallback has fallbacks of its own, and what was left out already costs no try', async (t) => {
  const rig = await openFleetRig(t, { names: ['a', 'b', 'c'], config: fallbacks(['second']) });
  const { health } = rig.gateway.gateway.lasting;
  rig.llmOf('a').behave({ status: 429, headers: { 'retry-after': '60' } });
  assert.equal(statusOf(await rig.ask(whole)), 200);
  rig.llmOf('b').behave({ status: 500 });
  const reply = await rig.ask(whole);
  assert.deepEqual([statusOf(reply), headerOf(reply, 'x-millrace-model')], [200, 'third']);
  assert.equal(rig.callsOf('a'), 1);
  assert.equal(health.of(rig.upstreamOf('a')).state, 'up');
});

test('G1, G17: a key that is for some models gets no fallback beyond them, and those behind it', async (t) => {
  const names = ['a', 'b', 'c'];
  const narrow = await openFleetRig(t, {
    names,
    config: fallbacks(['second']),
    scopes: { models: new Set(['o']) },
  });
  narrow.llmOf('a').behave({ status: 500 });
  assert.equal(statusOf(await narrow.ask(whole)), 502);
  assert.deepEqual([narrow.callsOf('b'), narrow.callsOf('c')], [0, 0]);
  const wider = await openFleetRig(t, {
    names,
    config: fallbacks(['second']),
    scopes: { models: new Set(['o', 'third']) },
  });
  wider.llmOf('a').behave({ status: 500 });
  assert.equal(headerOf(await wider.ask(whole), 'x-millrace-model'), 'third');
  assert.equal(wider.callsOf('b'), 0);
});

for (const [code, ends] of [
  ['context_length_exceeded', { status: 200, asked: 1 }],
  ['content_filter', { status: 400, asked: 0 }],
] as const) {
  test(`U17: ${code} is ${ends.asked === 0 ? 'no' : 'a'} reason for the fallback that is configured`, async (t) => {
    const rig = await openFleetRig(t, { names: ['a', 'b', 'c'], config: fallbacks(['second']) });
    rig.llmOf('a').behave({ status: 400, body: `{"error":{"message":"no","code":"${code}"}}` });
    assert.equal(statusOf(await rig.ask(whole)), ends.status);
    assert.equal(rig.callsOf('b'), ends.asked);
    assert.equal(rig.gateway.gateway.lasting.health.of(rig.upstreamOf('a')).state, 'up');
  });
}

test('G17: vectors of another model are of no use: embeddings have no fallback', async (t) => {
  const rig = await openFleetRig(t, { names: ['a', 'b', 'c'], config: fallbacks(['second']) });
  rig.llmOf('a').behave({ status: 500 });
  assert.equal(statusOf(await rig.ask({ route: 'openai.embeddings' })), 502);
  assert.equal(rig.callsOf('b'), 0);
});

test('G17: tool arguments that are no JSON are the client’s 400, and no server is troubled with them twice', async (t) => {
  const rig = await openFaultRig(t);
  const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"broken' } };
  const messages = [
    { role: 'user', content: 'call f' },
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'c1', content: 'done' },
  ];
  const reply = await rig.ask({ ...whole, model: 'l', body: { messages } });
  assert.equal(statusOf(reply), 400);
  assert.ok(rig.llm.requests.filter(({ method }) => method === 'POST').length <= 1);
});
