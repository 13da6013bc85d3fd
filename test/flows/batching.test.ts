/** Requests that are sent together: what the upstream sees of them, and what each of them gets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { vectorOf } from '../upstream/merging-llm.ts';
import type { RawReply } from '../upstream/raw-client.ts';
import {
  behindOne,
  bodyOf,
  configOf,
  openaiVectors,
  openBatchingRig,
  patient,
  statusOf,
} from './batching-rig.ts';

test('what comes while one is under way is sent together when that has ended, and each gets its own', async (t) => {
  const rig = await openBatchingRig(t, { batching: patient });
  const texts = ['a', 'b c', 'd e f', 'g'];
  const replies = await behindOne(rig, () =>
    texts.map((input) => rig.post('/v1/embeddings', { model: 'o', input })),
  );
  assert.equal(rig.llm.requests.length, 2);
  assert.deepEqual([...(rig.llm.requests[1]?.inputs ?? [])].sort(), [...texts].sort());
  replies.forEach((reply, index) => {
    assert.deepEqual(openaiVectors(reply), [vectorOf(texts[index])]);
  });
  assert.deepEqual(
    rig
      .rows()
      .map(({ batchedWith, inputTokens }) => [batchedWith, inputTokens])
      .sort(),
    [
      [4, 1],
      [4, 1],
      [4, 2],
      [4, 3],
      [undefined, 1],
    ].sort(),
  );
});

test('OpenAI’s, Ollama’s and plain clients are sent together, and each is answered in its own words', async (t) => {
  const rig = await openBatchingRig(t, { batching: patient });
  const asked = [
    ['/v1/embeddings', { model: 'o', input: ['one', 'two'] }],
    ['/v1/embeddings', { model: 'o', input: 'three', encoding_format: 'base64' }],
    ['/api/embed', { model: 'o', input: ['four'], truncate: false }],
    ['/embeddings', { model: 'o', text: 'five', encoding_format: 'float' }],
  ] as const;
  const replies = await behindOne(rig, () => asked.map(([path, body]) => rig.post(path, body)));
  assert.equal(rig.llm.requests.length, 2);
  assert.equal(rig.llm.requests[1]?.inputs.length, 5);
  const [two, coded, ollama, plain] = replies.map(bodyOf);
  assert.deepEqual(openaiVectors(replies[0] as RawReply), [vectorOf('one'), vectorOf('two')]);
  assert.equal(two.usage.prompt_tokens, 2);
  const bytes = new Uint8Array(Buffer.from(coded.data[0].embedding, 'base64'));
  assert.deepEqual([...new Float32Array(bytes.buffer)], vectorOf('three'));
  assert.deepEqual(ollama.embeddings, [vectorOf('four')]);
  assert.ok(JSON.stringify(plain).includes(JSON.stringify(vectorOf('five'))));
});

test('Ollama is asked for many at once, in its own words and in those of others', async (t) => {
  const rig = await openBatchingRig(t, { batching: patient });
  rig.llm.hold();
  const first = rig.post('/api/embed', { model: 'l', input: 'first' });
  await until('the first is under way', () => rig.llm.requests.length === 1);
  const others = ['x', 'y'].map((input) => rig.post('/api/embed', { model: 'l', input }));
  await rig.batched(2);
  rig.llm.release();
  const replies = await Promise.all([first, ...others]);
  assert.deepEqual(
    rig.llm.requests.map(({ path, inputs }) => [path, inputs.length]),
    [
      ['/api/embed', 1],
      ['/api/embed', 2],
    ],
  );
  assert.deepEqual(
    replies.map((reply) => bodyOf(reply).embeddings),
    [[vectorOf('first')], [vectorOf('x')], [vectorOf('y')]],
  );
});

test('completions with the same parameters are sent as one list of prompts', async (t) => {
  const rig = await openBatchingRig(t, { batching: patient });
  rig.llm.hold();
  const complete = (prompt: string, max_tokens = 5) =>
    rig.post('/v1/completions', { model: 'o', prompt, max_tokens });
  const first = complete('first');
  await until('the first is under way', () => rig.llm.requests.length === 1);
  const others = ['p q', 'r'].map((prompt) => complete(prompt));
  await rig.batched(2);
  // Others with another bound are other work, and nothing of theirs is under way.
  const longer = complete('s', 9);
  await until('it is sent by itself', () => rig.llm.requests.length === 2);
  rig.llm.release();
  const replies = await Promise.all([first, ...others, longer]);
  assert.deepEqual(
    replies.map((reply) => bodyOf(reply).choices[0].text),
    ['after first', 'after p q', 'after r', 'after s'],
  );
  assert.deepEqual(
    replies.map((reply) => bodyOf(reply).usage.completion_tokens),
    [1, 1, 1, 1],
  );
  assert.deepEqual(rig.llm.requests.map(({ inputs }) => inputs.length).sort(), [1, 1, 2]);
});

test('as many as fit are sent without waiting for anything, and what is too many goes with the next', async (t) => {
  const rig = await openBatchingRig(t, { batching: { maxBatch: 3, maxWaitMs: 10_000 } });
  rig.llm.hold();
  const post = (input: unknown) => rig.post('/v1/embeddings', { model: 'o', input });
  const first = post('first');
  await until('the first is under way', () => rig.llm.requests.length === 1);
  const three = ['a', 'b', 'c'].map(post);
  await until('three are sent', () => rig.llm.requests.length === 2);
  const two = post(['d', 'e']);
  await rig.batched(4);
  const more = post(['f', 'g']);
  await until('the two are sent as they would not fit together', () => rig.llm.requests.length === 3);
  const large = post(['h', 'i', 'j', 'k']);
  await until('what fills a call is sent at once', () => rig.llm.requests.length === 4);
  rig.llm.release();
  const replies = await Promise.all([first, ...three, two, more, large]);
  assert.deepEqual(
    replies.map(statusOf),
    replies.map(() => 200),
  );
  assert.deepEqual(
    rig.llm.requests.map(({ inputs }) => inputs.length),
    [1, 3, 2, 4, 2],
  );
});

test('a request on an idle fleet waits for nobody, and one in company no longer than it may', async (t) => {
  const clock = createHeldClock();
  const rig = await openBatchingRig(t, { clock, batching: { maxBatch: 8, maxWaitMs: 40 } });
  const post = (input: string) => rig.post('/v1/embeddings', { model: 'o', input });
  // The clock stands still: whatever waited for a timer would never be answered.
  for (const input of ['one', 'two', 'three']) assert.equal(statusOf(await post(input)), 200);
  rig.llm.hold();
  const held = post('held');
  await until('it is under way', () => rig.llm.requests.length === 4);
  const waiting = post('waits');
  await rig.batched(1);
  clock.advance(39);
  assert.equal(rig.llm.requests.length, 4);
  clock.advance(1);
  await until('it is sent', () => rig.llm.requests.length === 5);
  rig.llm.release();
  await Promise.all([held, waiting]);
  const waited = rig.rows().map((row) => (row as { gatheredMs?: number }).gatheredMs ?? 0);
  assert.deepEqual(waited.sort(), [0, 0, 0, 0, 40]);
});

test('nobody waits for company for more than a tenth of the time that is left', async (t) => {
  const clock = createHeldClock();
  const rig = await openBatchingRig(t, { clock, batching: patient, clocks: { totalMs: 500 } });
  rig.llm.hold();
  const held = rig.post('/v1/embeddings', { model: 'o', input: 'held' });
  await until('it is under way', () => rig.llm.requests.length === 1);
  const waiting = rig.post('/v1/embeddings', { model: 'o', input: 'waits' });
  await rig.batched(1);
  clock.advance(50);
  await until('it is sent', () => rig.llm.requests.length === 2);
  rig.llm.release();
  assert.deepEqual((await Promise.all([held, waiting])).map(statusOf), [200, 200]);
});

test('vectors that come in another order reach those whose they are', async (t) => {
  const rig = await openBatchingRig(t, { batching: patient });
  rig.llm.scriptNext(undefined, { change: (answer) => ({ ...answer, data: answer.data?.toReversed() }) });
  const texts = ['a', 'b', 'c'];
  const replies = await behindOne(rig, () =>
    texts.map((input) => rig.post('/v1/embeddings', { model: 'o', input })),
  );
  assert.deepEqual(
    replies.map(openaiVectors),
    texts.map((text) => [vectorOf(text)]),
  );
});

test('new bounds hold for what comes after a reload, and what waits is sent by the old ones', async (t) => {
  const rig = await openBatchingRig(t, { batching: patient });
  rig.llm.hold();
  const post = (input: string) => rig.post('/v1/embeddings', { model: 'o', input });
  const first = post('first');
  await until('it is under way', () => rig.llm.requests.length === 1);
  const old = ['a', 'b'].map(post);
  await rig.batched(2);
  await rig.gateway.reload(configOf(rig.llm.port, { batching: { maxBatch: 1 } }));
  const fresh = ['x', 'y', 'z'].map(post);
  await until('each goes by itself', () => rig.llm.requests.length === 4);
  rig.llm.release();
  const replies = await Promise.all([first, ...old, ...fresh]);
  assert.deepEqual(
    replies.map(statusOf),
    replies.map(() => 200),
  );
  assert.deepEqual(rig.llm.requests.map(({ inputs }) => inputs.length).sort(), [1, 1, 1, 1, 2]);
});

test('while no slot is free they join whoever waits for one', async (t) => {
  const rig = await openBatchingRig(t);
  const one = { type: 'openai', url: `http://127.0.0.1:${rig.llm.port}/v1`, slots: 1 };
  // No time to wait for company: only what waits for the slot anyway is sent together.
  const batching = { maxBatch: 8, maxWaitMs: 1 };
  await rig.gateway.reload({
    ...configOf(rig.llm.port, { batching }),
    upstreams: { openai: one, ollama: one },
  });
  const texts = ['a', 'b', 'c'];
  const replies = await behindOne(rig, () =>
    texts.map((input) => rig.post('/v1/embeddings', { model: 'o', input })),
  );
  assert.deepEqual(
    replies.map(openaiVectors),
    texts.map((text) => [vectorOf(text)]),
  );
  assert.equal(rig.llm.requests.length, 2);
});

test('who asks for the same priority is sent together however it is written, and who may not have more is told', async (t) => {
  const rig = await openBatchingRig(t, { batching: patient });
  const one = { type: 'openai', url: `http://127.0.0.1:${rig.llm.port}/v1`, slots: 1 };
  await rig.gateway.reload({
    ...configOf(rig.llm.port, { batching: patient }),
    upstreams: { openai: one, ollama: one },
    queue: { priorities: [{ tenant: 'default', usual: 1, max: 5 }] },
  });
  rig.llm.hold();
  const first = rig.post('/v1/embeddings', { model: 'o', input: 'first' });
  await until('the first is under way', () => rig.llm.requests.length === 1);
  const asked = ['5', '05', '9', '1', undefined, 'high', '2'].map((priority, index) =>
    fetch(`${rig.gateway.url}/v1/embeddings`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${rig.gateway.key}`,
        'content-type': 'application/json',
        ...(priority === undefined ? {} : { 'x-millrace-priority': priority }),
      },
      body: JSON.stringify({ model: 'o', input: `text ${index}` }),
    }),
  );
  await rig.batched(asked.length);
  rig.llm.release();
  await first;
  const warnings = (await Promise.all(asked)).map(({ headers }) => headers.get('x-millrace-warning') ?? '');
  const [, ...sent] = rig.llm.requests.map(({ inputs }) => inputs.toSorted().join());
  assert.deepEqual(sent.toSorted(), ['text 0,text 1,text 2', 'text 3,text 4,text 5', 'text 6']);
  assert.match(warnings[2] ?? '', /9 was lowered to 5/);
  assert.match(warnings[5] ?? '', /not a whole number/);
  assert.equal(warnings.filter((text) => text === '').length, 5, 'nobody is told what another asked for');
});
