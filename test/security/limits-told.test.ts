// What clients are told of their limits, in the headers of their own dialect; and who shares a limit.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway } from '../gateway.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';

const keyOf = (name: string) => `sk-mr-${name}-3210fedcba9876543210fedcba9876543210`;
const keys = [
  { name: 'laptop', key: keyOf('laptop'), user: 'ada', team: 'search' },
  { name: 'phone', key: keyOf('phone'), user: 'ada', team: 'search' },
  { name: 'bobs', key: keyOf('bobs'), user: 'bob', team: 'search' },
  { name: 'namesake', key: keyOf('namesake'), user: 'ada', tenant: 'other' },
  { name: 'service', key: keyOf('service') },
];

interface Given {
  readonly as?: string;
  readonly path?: string;
  readonly address?: string;
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
}

async function open(t: TestContext, limits: readonly object[]) {
  const llm = await openGatedLlm(t);
  const gateway = await openTestGateway({
    config: {
      upstreams: { llm: { type: 'openai', url: llm.url, slots: 64 } },
      models: { m: { targets: [{ upstream: 'llm', model: 'gated' }] } },
      defaultModel: 'm',
      keys,
      limits,
      listen: { trustedProxies: ['127.0.0.1'] },
    },
  });
  t.after(() => gateway.close());
  t.after(() => llm.open());
  const send = ({ as = 'laptop', path = '/v1/chat/completions', address, stream, signal }: Given = {}) =>
    fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${keyOf(as)}`,
        'content-type': 'application/json',
        'x-forwarded-for': address ?? '192.0.2.1',
      },
      body: JSON.stringify(
        path === '/chat'
          ? { message: 'hi' }
          : { model: 'm', messages: [{ role: 'user', content: 'hi' }], stream: stream ?? false },
      ),
      ...(signal === undefined ? {} : { signal }),
    });
  const ask = async (given: Given = {}) => {
    const reply = await send(given);
    await reply.arrayBuffer();
    return reply;
  };
  return { llm, gateway, send, ask };
}

test('OpenAI’s clients are told limit, rest and reset of requests and tokens, and when exactly to come back', async (t) => {
  const { ask } = await open(t, [
    { per: 'key', requests: '6/min', burst: 2 },
    { per: 'key', tokens: '600/min', burstTokens: 2_000 },
  ]);
  const first = await ask();
  assert.equal(first.status, 200);
  const told = (reply: Response, name: string) => reply.headers.get(`x-ratelimit-${name}`);
  assert.deepEqual([told(first, 'limit-requests'), told(first, 'remaining-requests')], ['2', '1']);
  assert.match(told(first, 'reset-requests') ?? '', /^(?:10|[5-9]\.\d+)s$/);
  assert.equal(told(first, 'limit-tokens'), '2000');
  assert.ok(Number(told(first, 'remaining-tokens')) < 1_100);
  assert.match(told(first, 'reset-tokens') ?? '', /^1m(?:3\d|4\d)/);
  await ask();
  const refused = await ask();
  assert.equal(refused.status, 429);
  assert.equal(told(refused, 'remaining-requests'), '0');
  const [exactMs, wholeS] = ['retry-after-ms', 'retry-after'].map((name) =>
    Number(refused.headers.get(name)),
  );
  assert.ok(exactMs !== undefined && exactMs > 5_000 && exactMs <= 10_000, `${exactMs}`);
  assert.equal(wholeS, Math.ceil(exactMs / 1_000));
});

test('Ollama’s clients and those of the simple API are told as the IETF’s draft has it', async (t) => {
  const { ask } = await open(t, [{ per: 'key', requests: '6/min', burst: 3 }]);
  for (const [path, rest] of [
    ['/api/chat', 2],
    ['/chat', 1],
  ] as const) {
    const reply = await ask({ path });
    assert.equal(reply.headers.get('ratelimit-policy'), '"requests";q=3;w=30');
    assert.match(reply.headers.get('ratelimit') ?? '', new RegExp(`^"requests";r=${rest};t=\\d+$`));
    assert.equal(reply.headers.get('x-ratelimit-limit-requests'), null);
  }
  await ask();
  const refused = await ask({ path: '/api/chat' });
  assert.equal(refused.status, 429);
  assert.match(refused.headers.get('retry-after') ?? '', /^(?:[1-9]|10)$/);
});

test('where no limit applies nothing is said of any', async (t) => {
  const { ask } = await open(t, [{ per: 'user', requests: '6/min' }]);
  const reply = await ask({ as: 'service' });
  assert.equal(reply.status, 200);
  assert.deepEqual(
    [...reply.headers.keys()].filter((name) => name.includes('ratelimit')),
    [],
  );
});

test('a user’s keys share a limit per user, a team’s users one per team; namesakes elsewhere have their own', async (t) => {
  const byUser = await open(t, [{ per: 'user', requests: '2/hour', burst: 2 }]);
  const codes = async (given: Given, times: number, ask: typeof byUser.ask) => {
    const all: number[] = [];
    for (let time = 0; time < times; time += 1) all.push((await ask(given)).status);
    return all;
  };
  assert.deepEqual(await codes({ as: 'laptop' }, 1, byUser.ask), [200]);
  assert.deepEqual(await codes({ as: 'phone', address: '192.0.2.9' }, 2, byUser.ask), [200, 429]);
  for (const as of ['bobs', 'namesake'])
    assert.deepEqual(await codes({ as }, 3, byUser.ask), [200, 200, 429]);
  assert.deepEqual(await codes({ as: 'service' }, 4, byUser.ask), [200, 200, 200, 200]);
  const byTeam = await open(t, [{ per: 'team', requests: '2/hour', burst: 2 }]);
  assert.deepEqual(await codes({ as: 'laptop' }, 1, byTeam.ask), [200]);
  assert.deepEqual(await codes({ as: 'bobs' }, 2, byTeam.ask), [200, 429]);
  assert.deepEqual(await codes({ as: 'namesake' }, 3, byTeam.ask), [200, 200, 200]);
});

test('a limit per address counts the network that IPv6 hands to one party as one', async (t) => {
  const { ask } = await open(t, [{ per: 'address', requests: '2/hour', burst: 2 }]);
  assert.equal((await ask({ address: '2001:db8:1:2::1' })).status, 200);
  assert.equal((await ask({ address: '2001:db8:1:2:ffff:1:2:3' })).status, 200);
  assert.equal((await ask({ address: '2001:db8:1:2:aaaa::9' })).status, 429);
  assert.equal((await ask({ address: '2001:db8:1:3::1' })).status, 200);
  assert.equal((await ask({ address: '192.0.2.1' })).status, 200);
  assert.equal((await ask({ address: '192.0.2.2' })).status, 200);
});

test('G15: so many run at once, each until the last byte; who ends, fails or leaves makes room', async (t) => {
  const { llm, gateway, send, ask } = await open(t, [{ per: 'key', concurrent: 2 }]);
  llm.shut();
  const leaving = new AbortController();
  const streaming = await send({ stream: true });
  const left = send({ signal: leaving.signal });
  left.catch(() => {});
  await until('both run', () => llm.asked === 2);
  const refused = await ask();
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '1');
  leaving.abort();
  await until('the one that left made room', () => gateway.gateway.listener.inFlight === 1);
  const another = send({ stream: true });
  await until('it runs', () => llm.asked === 3);
  assert.equal((await ask()).status, 429);
  llm.open();
  assert.match(await streaming.text(), /three/);
  await (await another).text();
  llm.answerWith(500);
  for (let time = 0; time < 5; time += 1) assert.ok((await ask()).status >= 500, 'a failure makes room too');
});

test('a place of a call that is refused later is given back', async (t) => {
  const { ask } = await open(t, [
    { per: 'key', concurrent: 1 },
    { per: 'model', requests: '1/hour', burst: 1 },
  ]);
  const codes: number[] = [];
  for (let time = 0; time < 4; time += 1) codes.push((await ask()).status);
  const refused = await ask();
  assert.deepEqual(codes, [200, 429, 429, 429]);
  assert.ok(Number(refused.headers.get('retry-after')) > 3_000, 'for the model’s sake, not for a place');
});
