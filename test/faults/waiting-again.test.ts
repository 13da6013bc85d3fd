// U15, G16: who waits for a slot although their request was at a server before, and what they are told meanwhile.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createHeldClock } from '../held-clock.ts';
import type { Behaviour } from '../upstream/behaviour.ts';
import { endingOf, wantOf } from '../wants.ts';
import { asked, chunks, openCarriedRig, readStream, whole } from './carried-rig.ts';
import { until } from './rig.ts';

const commentAfterMs = 10_000;

/** The first server does as it is told, and the only slot of the second is taken. */
async function openBusy(t: TestContext, behaviour: Partial<Behaviour>, model: object = {}) {
  const clock = createHeldClock();
  const rig = await openCarriedRig(t, {
    clock,
    servers: [
      { type: 'openai', behaviour },
      { type: 'openai', slots: 1 },
    ],
    model: { clocks: { queueMs: 60_000 }, ...model },
    config: { health: { everyMs: 3_600_000 }, retries: { budget: 1 } },
  });
  const { lasting, snapshot } = rig.gateway.gateway;
  const { scheduler, health } = lasting;
  const second = snapshot.models.find('o')?.targets.filter(({ upstream }) => upstream.name === 's1') ?? [];
  const slot = scheduler.take(wantOf(second));
  assert.ok(slot);
  const waits = () => until('it waits', () => scheduler.waiting === 1);
  return { rig, clock, scheduler, health, second, waits, free: () => slot.release(endingOf('served')) };
}

test('U15: a stream whose second try waits for a slot gets its head and comments with its place, and then its answer', async (t) => {
  const { rig, clock, waits, free } = await openBusy(t, { status: 503 });
  const client = rig.send(asked.openai);
  await waits();
  clock.advance(commentAfterMs - 1);
  assert.equal(client.bytes().length, 0);
  clock.advance(1);
  await client.received(1);
  assert.match(client.bytes().toString(), /^HTTP\/1.1 200.*\r\n: queued, position 1\n\n/s);
  const before = client.bytes().length;
  clock.advance(commentAfterMs);
  await client.received(before + 1);
  free();
  const reply = await client.reply();
  assert.equal(reply.content.toString().match(/: queued, position 1\n\n/g)?.length, 2);
  assert.deepEqual([readStream('openai', reply).text, readStream('openai', reply).ended], [whole, true]);
  const { attempts = [], outcome } = await rig.row(reply);
  assert.deepEqual([attempts.map(({ upstream }) => upstream), outcome], [['s0'], 'complete']);
  await rig.quiet();
});

test('U15: a stream whose second try finds a slot at once has its status to give, however long it is silent', async (t) => {
  const { rig, clock, free, scheduler } = await openBusy(t, { status: 503 });
  free();
  rig.servers[1]?.behave({ stallBeforeHead: true });
  const client = rig.send(asked.openai);
  await until('the second has it', () => scheduler.occupied.some(({ upstream }) => upstream.name === 's1'));
  await rig.servers[1]?.waitForRequest(({ method }) => method === 'POST');
  clock.advance(3 * commentAfterMs);
  assert.equal(client.bytes().length, 0);
  clock.advance(3 * commentAfterMs);
  assert.match((await client.reply()).head, /^HTTP\/1.1 504/);
});

test('U15: a stream that broke off and waits to be gone on with gets comments, and then the rest', async (t) => {
  const { rig, clock, waits, free } = await openBusy(t, { cutAfterChunks: 30 });
  const client = rig.send(asked.openai);
  await waits();
  const said = chunks.slice(0, 30).join('');
  await until('it has the beginning', () => client.bytes().includes('word9'));
  const before = client.bytes().length;
  clock.advance(commentAfterMs);
  await client.received(before + 1);
  clock.advance(commentAfterMs);
  await until(
    'there are two',
    () => client.bytes().toString().split(': queued, position 1\n\n').length === 3,
  );
  free();
  const reply = await client.reply();
  const read = readStream('openai', reply);
  assert.deepEqual([read.text, read.ended], [whole, true]);
  const { carriedOn = [], outcome } = await rig.row(reply);
  assert.deepEqual(
    [carriedOn.map(({ atChars, atTokens }) => [atChars, atTokens]), outcome],
    [[[said.length, 30]], 'complete'],
    'comments are no content',
  );
  await rig.quiet();
  assert.ok(clock.pending < 30, 'no timer is left behind');
});

test('U15: whoever reads lines of JSON is told nothing while it waits again', async (t) => {
  const { rig, clock, waits, free } = await openBusy(t, { cutAfterChunks: 30 });
  const client = rig.send(asked.ollama);
  await waits();
  clock.advance(2 * commentAfterMs);
  free();
  const read = readStream('ollama', await client.reply());
  assert.deepEqual([read.text, read.ended], [whole, true]);
});

test('G16: a stream whose time in the queue ends in the moment its head is sent ends with that', async (t) => {
  const full = [{ upstream: 's1', model: 'fake-model' }];
  for (const targets of [{ targets: full }, {}]) {
    const model = { clocks: { queueMs: commentAfterMs }, ...targets };
    const { rig, clock, waits } = await openBusy(t, { status: 503 }, model);
    const client = rig.send(asked.openai);
    await waits();
    clock.advance(commentAfterMs);
    const reply = await client.reply();
    assert.ok(reply.isComplete);
    assert.match(reply.content.toString(), /no slot became free/);
    assert.equal((await rig.row(reply)).outcome, 'failed');
  }
});

test('U2: a client that leaves in the middle of what a second server says tells nothing against that server', async (t) => {
  const { rig, clock, scheduler, health, second, free } = await openBusy(t, { cutAfterChunks: 30 });
  free();
  rig.servers[1]?.behave({ stallAfterChunks: 40 });
  const [target] = second;
  assert.ok(target);
  for (let count = 0; count < 6; count += 1) {
    rig.servers[0]?.behave({ cutAfterChunks: 30 });
    const client = rig.send(asked.openai);
    await until('the second has gone on', () => client.bytes().includes('word18'));
    clock.advance(30_000);
    client.socket.destroy();
    await until('it is over', () => scheduler.occupied.length === 0);
  }
  assert.equal(health.of(target.upstream).standing, 'closed');
});

test('C8: who reads a stream of another that waits to be gone on with waits for it as long as the other', async (t) => {
  const clocks = { queueMs: 15_000, idleMs: 8_000 };
  const { rig, clock, waits, free } = await openBusy(t, { stallAfterChunks: 30 }, { clocks });
  clock.advance(1);
  const first = rig.send(asked.openai);
  const hasBegun = (client: typeof first) => client.bytes().includes('word9');
  await until('the first reads', () => hasBegun(first));
  const second = rig.send(asked.openai);
  await until('the second reads', () => hasBegun(second));
  clock.advance(8_000);
  await waits();
  clock.advance(7_500);
  free();
  for (const client of [first, second]) {
    const read = readStream('openai', await client.reply());
    assert.deepEqual([read.text, read.error, read.ended], [whole, undefined, true]);
  }
});
