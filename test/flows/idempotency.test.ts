// A request with an `Idempotency-Key` is done once, however often it is sent (C12): one gateway, its own database.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import type { Target, Upstream } from '../../src/core/exchange.ts';
import { until } from '../faults/rig.ts';
import { filesHolding, openTestGateway } from '../gateway.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';
import { endingOf, wantOf } from '../wants.ts';

const otherKey = 'sk-mr-76543210fedcba9876543210fedcba9876543210';
const bobsKey = 'sk-mr-fedcba9876543210fedcba9876543210fedcba98';

interface Given {
  readonly idempotencyKey?: string;
  readonly key?: string;
  readonly path?: string;
  readonly body?: object;
  readonly signal?: AbortSignal;
}

async function open(t: TestContext, config: Readonly<Record<string, unknown>> = {}) {
  const llm = await openGatedLlm(t);
  const gateway = await openTestGateway({
    config: {
      upstreams: { llm: { type: 'openai', url: llm.url, slots: 8 } },
      models: { m: { targets: [{ upstream: 'llm', model: 'gated' }] } },
      defaultModel: 'm',
      keys: [
        { name: 'other', key: otherKey, tenant: 'other' },
        { name: 'bobs', key: bobsKey, user: 'bob' },
      ],
      ...config,
    },
  });
  t.after(() => gateway.close());
  t.after(() => llm.open());
  const send = (given: Given = {}) => {
    const { idempotencyKey = 'k-1', key = gateway.key, path = '/v1/chat/completions', body, signal } = given;
    return fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'x-forwarded-for': '192.0.2.1',
        ...(idempotencyKey === '' ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body }),
      ...(signal === undefined ? {} : { signal }),
    });
  };
  const ledgerRows = async () => {
    const question = { fromDay: '2026-01-01', toDay: '2100-01-01', by: [], where: {}, rowsMax: 1 } as const;
    const [sum] = await gateway.gateway.lasting.store.ledger.sum(question);
    return sum?.exchanges ?? 0;
  };
  return { llm, gateway, send, ledgerRows };
}

async function seen(reply: Response) {
  const again = reply.headers.get('idempotent-replayed');
  return { status: reply.status, type: reply.headers.get('content-type'), text: await reply.text(), again };
}

test('C12: an answer that is given again does not say how it stood in the queue the first time', async (t) => {
  for (const stream of [false, true]) {
    const config = {
      upstreams: { llm: { type: 'simulator', slots: 1, firstTokenMs: 1, tokensPerSecond: 1_000 } },
      models: { m: { targets: [{ upstream: 'llm', model: 'simulator' }] } },
    };
    const { send, gateway } = await open(t, config);
    const { scheduler } = gateway.gateway.lasting;
    const slot = scheduler.take(wantOf([targetIn(gateway.gateway.snapshot, 'llm')]));
    const first = send({ body: { stream } });
    await until('it waits', () => scheduler.waiting === 1);
    slot?.release(endingOf('served'));
    assert.ok((await first).headers.has('x-millrace-queue-ms'));
    await (await first).text();
    const again = await send({ body: { stream } });
    assert.deepEqual(
      [again.status, again.headers.get('idempotent-replayed'), queueHeadersOf(again)],
      [200, 'true', []],
    );
  }
});

function targetIn({ upstreams }: { readonly upstreams: readonly Upstream[] }, name: string): Target {
  const upstream = upstreams.find((each) => each.name === name);
  assert.ok(upstream);
  return { upstream, model: 'simulator', tier: 1, weight: 1 };
}

function queueHeadersOf({ headers }: Response): readonly string[] {
  return [...headers.keys()].filter((name) => name.startsWith('x-millrace-queue'));
}

test('C12: an answer is given again as it was, says so, and costs nothing: one row in the ledger', async (t) => {
  const { llm, send, ledgerRows, gateway } = await open(t);
  const first = await seen(await send());
  assert.deepEqual([first.status, first.again], [200, null]);
  for (let round = 0; round < 3; round += 1)
    assert.deepEqual(await seen(await send()), { ...first, again: 'true' });
  assert.equal(llm.asked, 1);
  await until('its row is in the ledger', async () => (await ledgerRows()) === 1);
  const lines = gateway.exchangeLines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ replayed }) => replayed),
    [undefined, true, true, true],
    'each is logged as what it is',
  );
  assert.equal((await seen(await send({ idempotencyKey: '' }))).again, null);
  assert.equal(llm.asked, 2, 'without a key each is done');
});

test('C12: while the first is under way others with its key are told to wait, and then get its answer', async (t) => {
  const { llm, send } = await open(t);
  llm.shut();
  const first = send();
  await until('it is under way', () => llm.asked === 1);
  const others = await Promise.all(Array.from({ length: 5 }, () => send()));
  for (const other of others) {
    assert.equal(other.status, 409);
    assert.equal(other.headers.get('retry-after'), '1');
    assert.match(await other.text(), /idempotency_in_flight/);
  }
  llm.open();
  const done = await seen(await first);
  assert.equal(done.status, 200);
  assert.deepEqual(await seen(await send()), { ...done, again: 'true' });
  assert.equal(llm.asked, 1);
});

test('C12: one key for another body, another route or another user is a mistake; another tenant’s is another key', async (t) => {
  const { llm, send } = await open(t);
  await seen(await send());
  const mistakes = [send({ body: { temperature: 1 } }), send({ path: '/api/chat' }), send({ key: bobsKey })];
  for (const mistake of mistakes) {
    const { status, text } = await seen(await mistake);
    assert.equal(status, 422);
    assert.match(text, /Idempotency-Key/);
  }
  assert.equal(llm.asked, 1);
  const other = await seen(await send({ key: otherKey }));
  assert.deepEqual([other.status, other.again, llm.asked], [200, null, 2]);
});

test('C12: a failure of an upstream that worked is given again; one before that is not', async (t) => {
  const { llm, send } = await open(t, { retries: { attempts: 1 } });
  llm.answerWith(500);
  const first = await seen(await send());
  assert.ok(first.status >= 500, `${first.status}`);
  llm.answerWith(429);
  assert.deepEqual(await seen(await send()), { ...first, again: 'true' });
  const refused = await seen(await send({ idempotencyKey: 'k-2' }));
  assert.deepEqual([refused.status, refused.again], [429, null]);
  llm.answerWith(200);
  const second = await seen(await send({ idempotencyKey: 'k-2' }));
  assert.deepEqual([second.status, second.again], [200, null]);
});

test('C12: what was refused before anything was sent keeps no key', async (t) => {
  const { llm, send } = await open(t, { limits: [{ per: 'key', model: 'm', requests: '1/s', burst: 1 }] });
  assert.equal((await send({ body: { model: 'nowhere' } })).status, 404);
  assert.equal((await send({ body: { messages: 'none' } })).status, 400);
  assert.equal((await send({ idempotencyKey: 'k-2' })).status, 200);
  assert.equal((await send()).status, 429);
  await until('the limit allows it', async () => (await send()).status === 200);
  assert.equal(llm.asked, 2);
});

test('C12: a stream is given again byte for byte, as a stream', async (t) => {
  const { llm, send } = await open(t);
  const first = await seen(await send({ body: { stream: true } }));
  assert.match(first.type ?? '', /^text\/event-stream/);
  assert.match(first.text, /three[\s\S]*data: \[DONE\]/);
  assert.deepEqual(await seen(await send({ body: { stream: true } })), { ...first, again: 'true' });
  assert.equal(llm.asked, 1);
});

for (const stream of [false, true]) {
  test(`C12: a client that leaves in the middle of a ${stream ? 'stream' : 'whole answer'} gets it when it comes again`, async (t) => {
    const { llm, send, ledgerRows, gateway } = await open(t);
    llm.shut();
    const leaving = new AbortController();
    const first = send({ body: { stream }, signal: leaving.signal }).then((reply) => reply.text());
    await until('it is under way', () => llm.asked === 1);
    leaving.abort();
    await assert.rejects(first);
    await until('the gateway knows', () => gateway.gateway.listener.inFlight === 0);
    assert.equal((await send({ body: { stream } })).status, 409);
    llm.open();
    await until('it is done', async () => (await send({ body: { stream } })).status === 200);
    const again = await seen(await send({ body: { stream } }));
    assert.equal(again.again, 'true');
    assert.match(again.text, /three/);
    assert.equal(llm.asked, 1);
    await until('one row is in the ledger', async () => (await ledgerRows()) === 1);
  });
}

test('an answer larger than the bound is given once; later it is said why it is not given again', async (t) => {
  const { llm, send } = await open(t, { idempotency: { bytesMax: 100 } });
  for (const [idempotencyKey, stream] of [
    ['whole', false],
    ['streamed', true],
  ] as const) {
    const given = { idempotencyKey, body: { stream } };
    assert.match((await seen(await send(given))).text, /three/);
    const again = await seen(await send(given));
    assert.equal(again.status, 409);
    assert.match(again.text, /is not kept: it was too large/);
  }
  assert.equal(llm.asked, 2);
});

test('a key that is empty or too long is refused, and one that is switched off is told of', async (t) => {
  const { llm, send } = await open(t);
  for (const idempotencyKey of [' ', 'x'.repeat(256)]) {
    const { status, text } = await seen(await send({ idempotencyKey }));
    assert.equal(status, 400);
    assert.match(text, /1 to 255 characters/);
  }
  assert.equal((await send({ idempotencyKey: 'x'.repeat(255) })).status, 200);
  assert.equal(llm.asked, 1);
  const off = await open(t, { idempotency: { enabled: false } });
  for (let round = 0; round < 2; round += 1) {
    const reply = await off.send();
    assert.match(reply.headers.get('x-millrace-warning') ?? '', /Idempotency-Key is switched off/);
  }
  assert.equal(off.llm.asked, 2);
});

test('C12: after its time a key is new, and what is erased is forgotten at once', async (t) => {
  const { llm, send, gateway } = await open(t, { idempotency: { ttlS: 1 } });
  await seen(await send());
  await until('its time is over', async () => (await seen(await send())).again === null);
  assert.equal(llm.asked, 2);
  const replays = gateway.gateway.lasting.store.replays({ ttlMs: 1_000, leaseMs: 1_000 });
  assert.ok((await replays.erase('default')) >= 1);
  assert.equal((await seen(await send())).again, null);
});

test('C12, G8: what is kept to be given again cannot be read where it lies', async (t) => {
  const { send, gateway } = await open(t);
  const { text } = await seen(await send());
  assert.equal((await seen(await send())).again, 'true', 'it is kept');
  const store = (await readdir(gateway.data)).filter((name) => name.startsWith('millrace.sqlite'));
  assert.ok(store.length > 0);
  const holds = (wanted: string) => filesHolding(gateway.data, (kept) => kept.includes(wanted));
  assert.notDeepEqual(await holds('replays'), [], 'this is how it would be found');
  const { choices } = JSON.parse(text) as { choices: [{ message: { content: string } }] };
  for (const said of [text, choices[0].message.content]) assert.deepEqual(await holds(said), []);
});

test('C12: what an answer cost is told once: given again it cost nothing', async (t) => {
  const { send, gateway } = await open(t, { prices: { m: { inputPerM: 1_000, outputPerM: 2_000 } } });
  const first = await send();
  assert.equal(first.headers.get('x-millrace-cost-usd'), '0.009');
  await first.text();
  const again = await send();
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.equal(again.headers.get('x-millrace-cost-usd'), null);
  await again.text();
  await until('both are logged', () => gateway.exchangeLines.length === 2);
  const costs = gateway.exchangeLines.map((line) => JSON.parse(line).costNanoUsd);
  assert.deepEqual(costs, [9_000_000, undefined]);
});
