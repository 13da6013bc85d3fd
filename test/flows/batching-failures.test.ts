/** What goes wrong with one of several requests that were sent together, or with all of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { breaker, openMergingLlm, poison, vectorOf } from '../upstream/merging-llm.ts';
import { openRawClient, type RawReply } from '../upstream/raw-client.ts';
import { behindOne, configOf, openaiVectors, openBatchingRig, patient, statusOf } from './batching-rig.ts';

test('each has its own time: whose is over fails alone', async (t) => {
  const clock = createHeldClock();
  const rig = await openBatchingRig(t, {
    clock,
    batching: { maxBatch: 2, maxWaitMs: 10_000 },
    clocks: { totalMs: 1_000 },
  });
  rig.llm.hold();
  const post = (input: string) => rig.post('/v1/embeddings', { model: 'o', input });
  const first = post('first');
  await until('it is under way', () => rig.llm.requests.length === 1);
  const early = post('early');
  await rig.batched(1);
  clock.advance(90);
  const late = post('late');
  await until('both are sent', () => rig.llm.requests.length === 2);
  clock.advance(910);
  assert.deepEqual([statusOf(await first), statusOf(await early)], [504, 504]);
  assert.equal(rig.llm.requests[1]?.isGone, false);
  rig.llm.release();
  assert.deepEqual(openaiVectors(await late), [vectorOf('late')]);
});

test('G15: who leaves cancels only its own part, and the last one the call upstream', async (t) => {
  const rig = await openBatchingRig(t, { batching: { maxBatch: 3, maxWaitMs: 10_000 } });
  rig.llm.hold();
  const first = rig.post('/v1/embeddings', { model: 'o', input: 'first' });
  await until('it is under way', () => rig.llm.requests.length === 1);
  const clients = ['a', 'b', 'c'].map((input) => {
    const client = openRawClient(rig.gateway.port);
    client.send(`/k/${rig.gateway.key}/v1/embeddings`, { model: 'o', input });
    return client;
  });
  await until('they are sent', () => rig.llm.requests.length === 2);
  const sent = rig.llm.requests[1];
  clients[0]?.socket.resetAndDestroy();
  await rig.batched(2);
  assert.equal(sent?.isGone, false);
  clients[1]?.socket.resetAndDestroy();
  clients[2]?.socket.resetAndDestroy();
  await until('the upstream is left', () => sent?.isGone === true);
  rig.llm.release();
  assert.equal(statusOf(await first), 200);
  await until('all are accounted for', () => rig.rows().length === 4);
  const left = rig.rows().filter(({ outcome }) => outcome === 'aborted');
  assert.deepEqual(
    left.map(({ upstream, inputTokens }) => [upstream, inputTokens]),
    left.map(() => ['openai', 1]),
  );
});

test('G15: who leaves before anything is sent is not part of it, and the others are', async (t) => {
  const rig = await openBatchingRig(t, { batching: patient });
  rig.llm.hold();
  const first = rig.post('/v1/embeddings', { model: 'o', input: 'first' });
  await until('it is under way', () => rig.llm.requests.length === 1);
  const leaver = openRawClient(rig.gateway.port);
  leaver.send(`/k/${rig.gateway.key}/v1/embeddings`, { model: 'o', input: 'leaves' });
  const stayer = rig.post('/v1/embeddings', { model: 'o', input: 'stays' });
  await rig.batched(2);
  leaver.socket.resetAndDestroy();
  await rig.batched(1);
  rig.llm.release();
  assert.deepEqual(openaiVectors(await stayer), [vectorOf('stays')]);
  await first;
  assert.deepEqual(rig.llm.requests[1]?.inputs, ['stays']);
});

test('A6: one that the upstream refuses fails alone, with its own words', async (t) => {
  const rig = await openBatchingRig(t, { batching: patient });
  const texts = ['a', 'b', poison, 'c'];
  const replies = await behindOne(rig, () =>
    texts.map((input) => rig.post('/v1/embeddings', { model: 'o', input })),
  );
  assert.deepEqual(replies.map(statusOf), [200, 200, 400, 200]);
  assert.deepEqual(openaiVectors(replies[3] as RawReply), [vectorOf('c')]);
  // One by itself, one for all, and each apart: no more.
  assert.equal(rig.llm.requests.length, 6);
});

test('a server that takes one by one what it refuses together is not asked so again for a while', async (t) => {
  const rig = await openBatchingRig(t, { batching: { maxBatch: 2, maxWaitMs: 10_000 } });
  rig.llm.scriptNext(undefined, { status: 400 });
  const pair = () => ['x', 'y'].map((input) => rig.post('/v1/embeddings', { model: 'o', input }));
  const replies = await behindOne(rig, pair);
  assert.deepEqual(replies.map(statusOf), [200, 200]);
  rig.llm.hold();
  const again = ['first', 'x', 'y'].map((input) => rig.post('/v1/embeddings', { model: 'o', input }));
  await until('all are sent', () => rig.llm.requests.length === 7);
  rig.llm.release();
  await Promise.all(again);
  assert.deepEqual(
    rig.llm.requests.map(({ inputs }) => inputs.length),
    [1, 2, 1, 1, 1, 1, 1],
  );
});

/** An answer that says otherwise whose the vectors are, in another order than they were asked for. */
function reindexed(to: (index: number) => unknown) {
  return (answer: { data?: unknown[] }) => ({
    ...answer,
    data: answer.data?.map((entry, index) => ({ ...(entry as object), index: to(index) })).toReversed(),
  });
}

for (const [what, change] of [
  ['too few vectors', (answer: { data?: unknown[] }) => ({ ...answer, data: answer.data?.slice(1) })],
  [
    'too many',
    (answer: { data?: unknown[] }) => ({ ...answer, data: [...(answer.data ?? []), ...(answer.data ?? [])] }),
  ],
  ['two with the same `index`', reindexed((index) => Math.min(index, 1))],
  ['one whose `index` is nobody’s', reindexed((index) => (index === 1 ? 7 : index))],
  ['one without an `index`', reindexed((index) => (index === 1 ? undefined : index))],
  ['one whose `index` is no number', reindexed((index) => (index === 1 ? '1' : index))],
] as const) {
  test(`G10: ${what} are nobody’s: it is a bad answer for all`, async (t) => {
    const rig = await openBatchingRig(t, { batching: patient });
    rig.llm.scriptNext(undefined, { change });
    const replies = await behindOne(rig, () =>
      ['a', 'b', 'c'].map((input) => rig.post('/v1/embeddings', { model: 'o', input })),
    );
    assert.deepEqual(replies.map(statusOf), [502, 502, 502]);
    assert.deepEqual(
      rig
        .rows()
        .slice(1)
        .map(({ code }) => code),
      Array(3).fill('bad_upstream_response'),
    );
  });
}

test('all of it goes to another server where one fails', async (t) => {
  const broken = await openMergingLlm(t);
  const rig = await openBatchingRig(t);
  const upstream = (port: number) => ({ type: 'openai', url: `http://127.0.0.1:${port}/v1`, slots: 4 });
  await rig.gateway.reload({
    ...configOf(rig.llm.port, { batching: patient }),
    upstreams: { bad: upstream(broken.port), good: upstream(rig.llm.port) },
    models: {
      o: { targets: ['bad', 'good'].map((name, index) => ({ upstream: name, model: 'm', tier: index + 1 })) },
    },
  });
  broken.hold();
  const first = rig.post('/v1/embeddings', { model: 'o', input: 'first' });
  await until('it is under way', () => broken.requests.length === 1);
  const others = ['a', 'b'].map((input) => rig.post('/v1/embeddings', { model: 'o', input }));
  await rig.batched(2);
  broken.scriptNext(undefined, { status: 500 });
  broken.release();
  const replies = await Promise.all([first, ...others]);
  assert.deepEqual(replies.map(openaiVectors), [[vectorOf('first')], [vectorOf('a')], [vectorOf('b')]]);
  assert.deepEqual([broken.requests.length, rig.llm.requests.length], [2, 1]);
  const moved = rig.rows().filter(({ upstream: name }) => name === 'good');
  assert.deepEqual(
    moved.map(({ attempts }) => attempts?.map(({ upstream: name }) => name)),
    [['bad'], ['bad']],
  );
});

test('G17: one that breaks servers fails alone, and nobody joins it again', async (t) => {
  const llms = [await openMergingLlm(t), await openMergingLlm(t), await openMergingLlm(t)];
  const rig = await openBatchingRig(t);
  const upstreams = llms.map(({ port }, index) => [
    `u${index}`,
    { type: 'openai', url: `http://127.0.0.1:${port}/v1`, slots: 4 },
  ]);
  const targets = upstreams.map(([upstream], index) => ({ upstream, model: 'm', tier: index + 1 }));
  await rig.gateway.reload({
    upstreams: Object.fromEntries(upstreams),
    models: { o: { targets } },
    retries: { budget: 1 },
    batching: patient,
  });
  const sentWithBreaker = () =>
    llms
      .flatMap(({ requests }) => requests)
      .filter(({ inputs }) => inputs.includes(breaker))
      .sort((one, other) => other.inputs.length - one.inputs.length);
  const post = (input: string) => rig.post('/v1/embeddings', { model: 'o', input });
  llms[0]?.hold();
  const first = post('first');
  await until('it is under way', () => llms[0]?.requests.length === 1);
  const others = ['a', breaker, 'b'].map(post);
  await rig.batched(3);
  llms[0]?.release();
  assert.deepEqual((await Promise.all([first, ...others])).map(statusOf), [200, 200, 502, 200]);
  // Twice in company, and once alone.
  assert.equal(sentWithBreaker().length, 3);
  for (const llm of llms) llm.hold();
  const next = post('c');
  await until('it is under way', () => llms.some(({ requests }) => requests.at(-1)?.inputs[0] === 'c'));
  const more = post('d');
  await rig.batched(1);
  assert.equal(statusOf(await post(breaker)), 502);
  for (const llm of llms) llm.release();
  assert.deepEqual((await Promise.all([next, more])).map(statusOf), [200, 200]);
  assert.deepEqual(
    sentWithBreaker()
      .slice(3)
      .map(({ inputs }) => inputs),
    [[breaker], [breaker]],
  );
});
