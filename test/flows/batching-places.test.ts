/** G14: whoever waits in company holds a place of the queue, and its bytes, as if it waited alone. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openMergingLlm } from '../upstream/merging-llm.ts';
import { ask } from '../upstream/raw-client.ts';
import { type BatchingRig, configOf, openaiVectors, openBatchingRig, statusOf } from './batching-rig.ts';

const light = `sk-mr-${randomBytes(20).toString('hex')}`;

/** One slot, that somebody has for as long as the test wants. */
async function openBusy(t: TestContext, queue: object) {
  const rig = await openBatchingRig(t);
  const one = { type: 'openai', url: `http://127.0.0.1:${rig.llm.port}/v1`, slots: 1 };
  await rig.gateway.reload({
    ...configOf(rig.llm.port, { batching: { maxBatch: 8, maxWaitMs: 1 } }),
    upstreams: { openai: one, ollama: one },
    keys: [{ name: 'light', key: light, tenant: 'light', role: 'developer' }],
    queue,
  });
  rig.llm.hold();
  const first = embed(rig, 'first');
  await until('the slot is taken', () => rig.llm.requests.length === 1);
  return { rig, first };
}

const embed = (rig: BatchingRig, input: string) => rig.post('/v1/embeddings', { model: 'o', input });

test('G14: a flood of embeddings finds no more places than there are, and is told when to come again', async (t) => {
  const { rig, first } = await openBusy(t, { places: 5 });
  const refused: string[] = [];
  const flood = Array.from({ length: 20 }, async (_, index) => {
    const reply = await embed(rig, `text ${index}`);
    if (statusOf(reply) !== 200) refused.push(reply.head);
    return reply;
  });
  await until('all but five are refused', () => refused.length === 15);
  for (const head of refused) assert.match(head, /^HTTP\/1.1 429 [\s\S]*\r\nretry-after: [1-9]/i);
  rig.llm.release();
  const replies = [await first, ...(await Promise.all(flood))];
  assert.equal(replies.filter((reply) => statusOf(reply) === 200).length, 6);
  assert.equal(rig.llm.requests.length, 2, 'those that had places were sent together');
});

test('G14: nor do they hold more bytes than all who wait may', async (t) => {
  const { rig, first } = await openBusy(t, { bytes: 10_000 });
  const codes: number[] = [];
  const flood = Array.from({ length: 8 }, async (_, index) => {
    codes.push(statusOf(await embed(rig, `${index} ${'x'.repeat(2_900)}`)));
  });
  await until('three are as much as may wait', () => codes.length === 5);
  assert.deepEqual([...new Set(codes)], [429]);
  rig.llm.release();
  await Promise.all([first, ...flood]);
  assert.equal(codes.filter((code) => code === 200).length, 3);
});

test('C9: of those in company the newest gives way to another tenant, and the others keep their places', async (t) => {
  const { rig, first } = await openBusy(t, { places: 4 });
  const codes: number[] = [];
  const flood = Array.from({ length: 4 }, async (_, index) => {
    const reply = await embed(rig, `text ${index}`);
    codes.push(statusOf(reply));
    return reply;
  });
  await rig.batched(4);
  const other = ask(rig.gateway.port, `/k/${light}/v1/embeddings`, { model: 'o', input: 'light' });
  await until('one has given way', () => codes.length === 1);
  assert.deepEqual(codes, [429]);
  rig.llm.release();
  const replies = await Promise.all([first, other, ...flood]);
  assert.deepEqual(replies.map(statusOf).toSorted(), [200, 200, 200, 200, 200, 429]);
  assert.equal(Array.isArray(openaiVectors(await other)), true);
  assert.equal(
    rig.gateway.gateway.lasting.scheduler.places.bytesOf('o'),
    0,
    'nobody holds anything any more',
  );
});

test('G14: a batch that has to wait again takes the places of those who are in it', async (t) => {
  const { rig, first } = await openBusy(t, {});
  const bad = await openMergingLlm(t);
  const upstream = (port: number) => ({ type: 'openai', url: `http://127.0.0.1:${port}/v1`, slots: 1 });
  const targets = (...names: string[]) => ({
    targets: names.map((name) => ({ upstream: name, model: 'm' })),
  });
  await rig.gateway.reload({
    batching: { maxBatch: 8, maxWaitMs: 1 },
    upstreams: { openai: upstream(rig.llm.port), bad: upstream(bad.port) },
    models: { o: targets('openai'), both: targets('bad', 'openai') },
    queue: { places: 4 },
  });
  bad.hold();
  const both = (input: string) => rig.post('/v1/embeddings', { model: 'both', input });
  const alone = both('alone');
  await until('it is sent to the bad one', () => bad.requests.length === 1);
  const together = ['a', 'b', 'c'].map(both);
  await rig.batched(3);
  bad.scriptNext({ status: 500 }, { status: 500 });
  bad.release();
  await until('both calls wait for the good one', async () => {
    const { waiting } = rig.gateway.gateway.lasting.scheduler;
    return bad.requests.length === 2 && waiting === 2;
  });
  assert.equal(statusOf(await embed(rig, 'one too many')), 429);
  rig.llm.release();
  const replies = await Promise.all([first, alone, ...together]);
  assert.deepEqual(replies.map(statusOf), [200, 200, 200, 200, 200]);
});
