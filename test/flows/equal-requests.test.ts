// C8: equal requests in flight share one call upstream. One gateway, a server that answers when the test lets it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../faults/rig.ts';
import { type Asked, keys, openSharingRig, type SharingRig, type Told } from '../sharing-rig.ts';

for (const stream of [false, true]) {
  test(`C8: a thousand equal ${stream ? 'streams' : 'requests'} at once are one call upstream, paid for once`, async (t) => {
    const { llm, ask, arrived, lines } = await openSharingRig(t);
    llm.shut();
    const asked = Array.from({ length: 1_000 }, () => ask({ body: { stream } }));
    await arrived(1_000);
    llm.open();
    const replies = await Promise.all(asked);
    assert.equal(llm.asked, 1);
    assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200]);
    assert.equal(new Set(replies.map(({ text }) => text)).size, 1, 'the same to the byte');
    assert.match(replies[0]?.text ?? '', stream ? /three[\s\S]*data: \[DONE\]/ : /one two three/);
    assert.equal(new Set(replies.map(({ headers }) => headers['x-millrace-id'])).size, 1_000);
    const shared = replies.filter(({ headers }) => headers['x-millrace-shared'] === 'true');
    assert.equal(shared.length, 999);
    assert.ok(shared.every(({ headers }) => headers['x-millrace-cost-usd'] === undefined));

    await until('all are written', () => lines().length === 1_000);
    const [first, ...none] = lines().filter(({ sharedFrom }) => sharedFrom === undefined);
    assert.deepEqual([none.length, first?.sharedWith, first?.outcome], [0, 999, 'complete']);
    for (const line of lines()) {
      if (line === first || line.sharedFrom === undefined) continue;
      const { outcome, inputTokens, costNanoUsd, savedBy, savedNanoUsd, sharedFrom, bytesOut } = line;
      assert.deepEqual(
        { outcome, inputTokens, costNanoUsd, savedBy, savedNanoUsd, sharedFrom, bytesOut },
        {
          outcome: 'complete',
          inputTokens: undefined,
          costNanoUsd: 0,
          savedBy: 'cache',
          savedNanoUsd: first?.costNanoUsd,
          sharedFrom: first?.id,
          bytesOut: first?.bytesOut,
        },
      );
    }
  });
}

/** What is not the same, or not to be shared, each against the usual request. */
const apart: Readonly<Record<string, readonly [Asked, Asked?]>> = {
  'a request whose answer is drawn': [{ body: { temperature: 0.7 } }, { body: { temperature: 0.7 } }],
  'another body': [{ body: { max_tokens: 9 } }],
  'another route': [
    { path: '/chat/completions', headers: {} },
    { path: '/v1/completions', body: { prompt: 'hi' } },
  ],
  'a stream': [{ body: { stream: true } }],
  'another tenant': [{ by: 'eve' }],
  'a client that says no-cache': [{ headers: { 'cache-control': 'max-age=0, no-cache' } }],
  'a client that says no-store': [{ headers: { 'cache-control': 'no-store' } }],
  'a request with an Idempotency-Key': [{ headers: { 'idempotency-key': 'k' } }],
  'an answer that its server keeps': [{ body: { store: true } }, { body: { store: true } }],
};

for (const [what, [one, other = {}]] of Object.entries(apart)) {
  test(`C8: ${what} has a call of its own`, async (t) => {
    const { llm, ask, arrived } = await openSharingRig(t);
    llm.shut();
    const asked = [ask(one), ask(other)];
    await arrived(2);
    llm.open();
    for (const { headers } of await Promise.all(asked)) assert.equal(headers['x-millrace-shared'], undefined);
    assert.equal(llm.asked, 2);
  });
}

/** What each was given, in the order in which they were asked. */
async function inOrder(rig: SharingRig, asked: readonly Asked[]): Promise<Promise<Told>[]> {
  const told: Promise<Told>[] = [];
  for (const one of asked) {
    told.push(rig.ask(one));
    await rig.arrived(told.length);
  }
  return told;
}

test('C8: with `always` every equal request shares a call, with `never` none does, and a user’s may be its own', async (t) => {
  const drawn = { temperature: 0.7 };
  const models = (sharing: string) => ({ m: { targets: [{ upstream: 'llm', model: 'gated' }], sharing } });
  for (const [config, asked, calls] of [
    [{ models: models('always') }, [{ body: drawn }, { body: drawn }, { by: 'bob', body: drawn }], 1],
    [{ models: models('never') }, [{}, {}], 2],
    [{ sharing: { scope: 'user' } }, [{}, {}, { by: 'bob' }], 2],
    [{ sharing: { waitersMax: 1 } }, [{}, {}, {}, {}, {}], 3],
  ] as const) {
    const rig = await openSharingRig(t, config);
    rig.llm.shut();
    const told = await inOrder(rig, asked);
    rig.llm.open();
    for (const { status } of await Promise.all(told)) assert.equal(status, 200);
    assert.equal(rig.llm.asked, calls, JSON.stringify(config));
  }
});

test('C8: within `scope: key` a user’s other key has a call of its own, and within `user` it has not', async (t) => {
  const other = 'sk-mr-1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b';
  for (const [scope, calls] of [
    ['key', 2],
    ['user', 1],
  ] as const) {
    const both = { tenant: keys.ann.tenant, user: keys.ann.user };
    const rig = await openSharingRig(t, {
      sharing: { scope },
      keys: [
        { name: 'ann', key: keys.ann.key, ...both },
        { name: 'ann-too', key: other, ...both },
      ],
    });
    rig.llm.shut();
    const too = { headers: { authorization: `Bearer ${other}` } };
    const told = await inOrder(rig, [{}, too, {}, too]);
    rig.llm.open();
    for (const { status } of await Promise.all(told)) assert.equal(status, 200);
    assert.equal(rig.llm.asked, calls, scope);
  }
});

test('C8: what is said in a conversation that the gateway keeps is answered for itself, whatever the configuration says', async (t) => {
  const models = { m: { targets: [{ upstream: 'llm', model: 'gated' }], sharing: 'always' } };
  for (const conversation of [{}, { conversation_id: 'one' }]) {
    const rig = await openSharingRig(t, { models, defaultModel: 'm' });
    rig.llm.shut();
    const say = { path: '/api/v1/chat', body: { message: 'hi', messages: undefined, ...conversation } };
    const told = await inOrder(rig, [say, say]);
    rig.llm.open();
    const replies = await Promise.all(told);
    for (const { status, text } of replies) assert.equal(status, 200, text);
    assert.equal(rig.llm.asked, 2);
    const ids = replies.map(({ text }) => (JSON.parse(text) as { conversation_id: string }).conversation_id);
    assert.equal(new Set(ids).size, 'conversation_id' in conversation ? 1 : 2);
  }
});

test('C8: bodies of one length that differ in one letter, wherever it stands, share nothing, and equal ones among them do', async (t) => {
  const rig = await openSharingRig(t, { upstream: { slots: 64 } });
  const saying = (at: number, more: Asked = {}): Asked => {
    const content = `${'a'.repeat(at)}b${'a'.repeat(639 - at)}`;
    return { ...more, body: { messages: [{ role: 'user', content }] } };
  };
  rig.llm.shut();
  const places = Array.from({ length: 40 }, (_, at) => at);
  const told = await inOrder(
    rig,
    places.flatMap((at) => [saying(at), saying(at)]),
  );
  rig.llm.open();
  const ids = (await Promise.all(told)).map(({ headers }) => headers['x-millrace-id']);
  assert.equal(rig.llm.asked, places.length);
  await until('all are written', () => rig.lines().length === ids.length);
  const sharedFrom = new Map(rig.lines().map((line) => [line.id, line.sharedFrom]));
  for (const at of places)
    assert.deepEqual(
      [ids[2 * at], ids[2 * at + 1]].map((id) => sharedFrom.get(String(id))),
      [undefined, ids[2 * at]],
    );

  // Of many that look alike the first is over: who is equal to another of them still finds it.
  rig.llm.shut();
  const leaving = new AbortController();
  const [first, ...rest] = await inOrder(
    rig,
    places.map((at) => saying(at, at === 0 ? { signal: leaving.signal } : {})),
  );
  leaving.abort();
  await assert.rejects(first ?? Promise.resolve());
  await rig.arrived(rest.length);
  const late = places.slice(1).map((at) => rig.ask(saying(at)));
  await rig.arrived(rest.length + late.length);
  rig.llm.open();
  for (const { status } of await Promise.all([...rest, ...late])) assert.equal(status, 200);
  assert.equal(rig.llm.asked, 2 * places.length);
});

test('C8: whoever comes late to a stream is given what was said, then the rest, unless it is more than is kept', async (t) => {
  for (const [config, calls] of [
    [{}, 1],
    [{ sharing: { bytesMax: 16 } }, 2],
  ] as const) {
    const rig = await openSharingRig(t, config);
    rig.llm.shut();
    const body = { stream: true };
    const begun = Promise.withResolvers<void>();
    const first = rig.ask({ body, onHead: begun.resolve });
    await begun.promise;
    const second = rig.ask({ body });
    await rig.arrived(2);
    rig.llm.open();
    const [one, other] = await Promise.all([first, second]);
    assert.equal(rig.llm.asked, calls);
    assert.match(other.text, /one[\s\S]*three[\s\S]*\[DONE\]/);
    if (calls === 1) assert.equal(other.text, one.text);
  }
});

test('C8: each goes by its own deadline, and the call goes on for the others', async (t) => {
  for (const [early, late] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const rig = await openSharingRig(t);
    rig.llm.shut();
    const hasty = { headers: { 'x-millrace-deadline-ms': '300' } };
    const told = await inOrder(rig, early === 0 ? [hasty, {}] : [{}, hasty]);
    const left = await told[early];
    assert.equal(left?.status, 504);
    assert.match(left?.text ?? '', /not complete after 300 ms/);
    rig.llm.open();
    const served = await told[late];
    assert.equal(served?.status, 200);
    assert.equal(rig.llm.asked, 1);
    await until('both are written', () => rig.lines().length === 2);
    const first = rig.lines().find(({ sharedFrom }) => sharedFrom === undefined && early === 0);
    if (first === undefined) continue;
    const { outcome, code, costNanoUsd, sharedWith } = first;
    assert.deepEqual([outcome, code, costNanoUsd, sharedWith], ['failed', 'total_timeout', 9_000_000, 1]);
  }
});

test('C8: what ends the wait of the first alone has one other ask in its place, and not all', async (t) => {
  const rig = await openSharingRig(t, { upstream: { slots: 1 } });
  rig.llm.shut();
  const busy = { body: { temperature: 0.7 } };
  const hasty = { headers: { 'x-millrace-deadline-ms': '500' } };
  const [before, first, ...others] = await inOrder(rig, [busy, hasty, {}, {}, {}, {}, {}, {}, {}]);
  const refused = await first;
  assert.equal(refused?.status, 503);
  await until(
    'one of the others waits in its place',
    () => rig.gateway.gateway.lasting.scheduler.waiting === 1,
  );
  rig.llm.open();
  assert.equal((await before)?.status, 200);
  const replies = await Promise.all(others);
  assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200]);
  assert.equal(rig.llm.asked, 2, 'the one before, and one for all of them');
});

test('C8: limits on requests count each of them, and budgets whoever came first alone', async (t) => {
  const budgets = [{ per: 'key', name: 'small', usd: 0.03, window: 'month' }];
  const limits = [{ per: 'key', model: 'm', requests: '4/min', burst: 4 }];
  const rig = await openSharingRig(t, { limits, budgets });
  // Not loopback: limits are to be counted.
  const ann = { body: { max_tokens: 5 }, headers: { 'x-forwarded-for': '192.0.2.1' } };
  const bob = { ...ann, by: 'bob' } as const;
  const alone = [await rig.ask(bob), await rig.ask(bob), await rig.ask(bob)];
  assert.deepEqual(
    alone.map(({ status }) => status),
    [200, 200, 429],
    'it has no money for one more of its own',
  );
  assert.match(alone[2]?.text ?? '', /budget/);
  rig.llm.shut();
  const told = await inOrder(rig, [ann, bob, ann, ann, ann]);
  assert.match((await rig.ask(ann)).text, /the limit .* is reached/, 'the fifth of one key');
  rig.llm.open();
  for (const { status } of await Promise.all(told)) assert.equal(status, 200);
  assert.equal(rig.llm.asked, 3);
});

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test(`G10, G15: of 5,000 requests of two tenants that say the same none is given the other’s answer, seed ${seed}`, async (t) => {
  const rig = await openSharingRig(t);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
  const seenBy = new Map<string, Set<string>>();
  let left = 5_000;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const by = (['ann', 'bob', 'eve'] as const)[random(3)] ?? 'ann';
      const { status, text } = await rig.ask({
        by,
        body: { stream: random(2) === 0, max_tokens: 5 + random(3) },
      });
      assert.equal(status, 200, text);
      const answer = /answer-\d+/.exec(text)?.[0] ?? '';
      seenBy.set(answer, (seenBy.get(answer) ?? new Set()).add(keys[by].tenant));
    }
  };
  await Promise.all(Array.from({ length: 60 }, lane));
  assert.ok([...seenBy.values()].every(({ size }) => size === 1));
  assert.equal(seenBy.size, rig.llm.asked);
  await until('all are written', () => rig.lines().length === 5_000);
  const tenantOf = new Map(rig.lines().map(({ id, tenant }) => [id, tenant]));
  const shared = rig.lines().filter(({ sharedFrom }) => sharedFrom !== undefined);
  assert.ok(shared.length > 500, `${shared.length} were shared`);
  assert.ok(shared.every(({ sharedFrom = '', tenant }) => tenantOf.get(sharedFrom) === tenant));
  assert.equal(rig.llm.asked, 5_000 - shared.length);
  const paid = rig.lines().filter(({ inputTokens = 0 }) => inputTokens > 0);
  assert.equal(paid.length, rig.llm.asked, 'a row with tokens for each call, and no other');
});
