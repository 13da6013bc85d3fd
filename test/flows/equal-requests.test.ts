// C8: equal requests in flight share one call upstream. One gateway, a server that answers when the test lets it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../faults/rig.ts';
import { type Asked, openSharingRig } from '../sharing-rig.ts';

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
