import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { endingOf, nothingLearnt, openGate, queueOf, wantOf } from '../../test/wants.ts';
import type { Target } from '../core/exchange.ts';
import type { Ending } from '../core/fleet.ts';
import { createAuto } from '../routing/policies/auto.ts';
import type { Learnt } from './learnt.ts';
import { Scheduler } from './scheduler.ts';
import { ServiceTimes } from './service-times.ts';

const roomy = queueOf({ places: 100, bytes: 1_000 });

function rig(queue = roomy) {
  const clock = createHeldClock();
  const scheduler = new Scheduler({ clock, queue, gate: openGate, learnt: nothingLearnt });
  const take = (candidates: readonly Target[]) => scheduler.take(wantOf(candidates));
  const wait = (candidates: readonly Target[], options: { queueMs?: number; bytes?: number } = {}) => {
    let leave = () => {};
    const slot = scheduler.wait(wantOf(candidates, { bytes: options.bytes ?? 1 }), {
      queueMs: options.queueMs ?? 1_000,
      onLeave: (run) => {
        leave = run;
      },
    });
    return { slot, leave: () => leave() };
  };
  return { clock, scheduler, take, wait };
}

const served = endingOf('served');
const left = endingOf('left');
const a = targetOn(upstreamOf('a'));
const b = targetOn(upstreamOf('b'));

test('the first candidate with a free slot is taken, and none when all are busy', () => {
  const { take } = rig();
  assert.equal(take([a, b])?.target, a);
  assert.equal(take([a, b])?.target, b);
  assert.equal(take([a, b]), undefined);
});

test('a freed slot goes to the oldest who can use it, whoever stands before', async () => {
  const { scheduler, take, wait } = rig();
  const onA = take([a]);
  const onB = take([b]);
  const first = wait([a]);
  const second = wait([a, b]);
  const third = wait([b]);
  onB?.release(served);
  assert.equal((await second.slot).target, b);
  onA?.release(served);
  assert.equal((await first.slot).target, a);
  assert.equal(scheduler.waiting, 1);
  (await second.slot).release(left);
  assert.equal((await third.slot).target, b);
  assert.equal(scheduler.waiting, 0);
});

test('a slot is released once, however often it is said', () => {
  const { scheduler, take } = rig();
  const slot = take([a]);
  slot?.release(served);
  slot?.release(served);
  assert.equal(scheduler.inFlight(a.upstream), 0);
  assert.ok(take([a]));
  assert.equal(take([a]), undefined);
});

test('G16: waiting ends by its clock, with a time to come again, and leaves no timer', async () => {
  const { clock, scheduler, take, wait } = rig();
  take([a]);
  const { slot } = wait([a], { queueMs: 500 });
  clock.advance(499);
  assert.equal(scheduler.waiting, 1);
  clock.advance(1);
  await assert.rejects(slot, { code: 'queue_timeout', retryAfterS: 5 });
  assert.equal(scheduler.waiting + clock.pending, 0);
});

test('G15: whoever leaves the queue gives up place, bytes and timer', async () => {
  const { clock, take, wait } = rig(queueOf({ places: 1, bytes: 10 }));
  const held = take([a]);
  const { slot, leave } = wait([a], { bytes: 10 });
  leave();
  leave();
  await assert.rejects(slot, { code: 'client_gone' });
  assert.equal(clock.pending, 0);
  const next = wait([a], { bytes: 10 });
  held?.release(served);
  assert.equal((await next.slot).target, a);
});

test('G14: the queue is bounded in places and in bytes', async () => {
  const { scheduler, take, wait } = rig(queueOf({ places: 2, bytes: 100 }));
  take([a]);
  wait([a], { bytes: 60 });
  await assert.rejects(wait([a], { bytes: 41 }).slot, { code: 'queue_full', retryAfterS: 2 });
  wait([a], { bytes: 40 });
  await assert.rejects(wait([a], { bytes: 0 }).slot, { code: 'queue_full' });
  assert.equal(scheduler.waiting, 2);
});

test('G14: one model has no more places than `placesPerModel`, and others have the rest', async () => {
  const { scheduler, take, wait } = rig(queueOf({ places: 3, placesPerModel: 2 }));
  take([a]);
  take([b]);
  const { slot: leaving, leave } = wait([a]);
  wait([a]);
  await assert.rejects(wait([a]).slot, { code: 'queue_full' });
  wait([b]);
  await assert.rejects(wait([b]).slot, { code: 'queue_full' });
  leave();
  await assert.rejects(leaving, { code: 'client_gone' });
  wait([a]);
  assert.equal(scheduler.waiting, 3);
  scheduler.resize(queueOf({ places: 9, placesPerModel: 3 }), [a.upstream, b.upstream]);
  wait([a]);
  await assert.rejects(wait([a]).slot, { code: 'queue_full' });
  assert.equal(scheduler.waiting, 4);
});

test('G14: `placesPerModel` counts all who wait for a model, whatever servers they may be sent to', async () => {
  const { scheduler, take } = rig(queueOf({ places: 9, placesPerModel: 2 }));
  take([a]);
  take([b]);
  const waiting = { queueMs: 1_000, onLeave: () => {} };
  const wait = (candidates: readonly Target[], visited: readonly string[] = []) =>
    scheduler.wait(wantOf(candidates, { model: 'm', visited: new Set(visited) }), waiting);
  void wait([a, b]);
  void wait([a, b], ['a']);
  await assert.rejects(wait([b]), { code: 'queue_full' });
  assert.equal(scheduler.waiting, 2);
});

test('a reload keeps who waits and who works, and bounds those who come', async () => {
  const { scheduler, take, wait } = rig();
  const slot = take([a]);
  const { slot: waiting } = wait([a]);
  scheduler.resize(queueOf({ places: 0, bytes: 0 }), [a.upstream]);
  await assert.rejects(wait([a]).slot, { code: 'queue_full' });
  slot?.release(served);
  assert.equal((await waiting).target, a);
});

test('a reload that adds slots gives them to those who wait, the oldest first, and one that takes some overbooks nobody', async () => {
  const { scheduler, take, wait } = rig();
  take([a]);
  const [first, second, third] = [wait([a]), wait([a]), wait([a])];
  scheduler.resize(roomy, [upstreamOf('a', 3)]);
  const held = await Promise.all([first.slot, second.slot]);
  assert.deepEqual([scheduler.inFlight(a.upstream), scheduler.waiting], [3, 1]);
  scheduler.resize(roomy, [upstreamOf('a', 1)]);
  for (const slot of held) slot.release(served);
  assert.deepEqual([scheduler.inFlight(a.upstream), scheduler.waiting], [1, 1]);
  scheduler.resize(roomy, [upstreamOf('a', 2)]);
  assert.equal((await third.slot).target, a);
});

type Step = { readonly take: readonly number[] } | { readonly free: number } | { readonly leave: number };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ take: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 }) }),
    fc.record({ free: fc.nat(20) }),
    fc.record({ leave: fc.nat(20) }),
  ),
  { maxLength: 60 },
);

/** Takes, waits, frees and leaves as told, and knows who should hold and who should wait. */
class Crowd {
  readonly #rig = rig();
  readonly #targets = [1, 2, 3].map((count) => targetOn(upstreamOf(`u${count}`, count)));
  readonly #held: Array<{ release(ending: Ending): void }> = [];
  readonly #waiting = new Map<() => void, readonly Target[]>();

  step(step: Step): void {
    if ('free' in step) this.#held.splice(step.free % Math.max(1, this.#held.length), 1)[0]?.release(served);
    else if ('leave' in step) [...this.#waiting.keys()][step.leave]?.();
    else this.#come(this.#targets.filter((_, index) => step.take.includes(index)));
  }

  #come(candidates: readonly Target[]): void {
    const slot = this.#rig.take(candidates);
    if (slot !== undefined) {
      this.#held.push(slot);
      return;
    }
    const { slot: later, leave } = this.#rig.wait(candidates);
    this.#waiting.set(leave, candidates);
    const over = () => this.#waiting.delete(leave);
    void later.then((got) => this.#held.push(got) > 0 && over(), over);
  }

  check(): void {
    const { scheduler } = this.#rig;
    const isFull = ({ upstream }: Target) => scheduler.inFlight(upstream) === upstream.slots;
    for (const { upstream } of this.#targets) assert.ok(scheduler.inFlight(upstream) <= upstream.slots);
    assert.equal(scheduler.occupied.length, this.#held.length);
    assert.equal(scheduler.waiting, this.#waiting.size);
    for (const candidates of this.#waiting.values()) assert.ok(candidates.every(isFull));
  }
}

test('whatever comes and goes, no upstream is overbooked and nobody waits beside a free slot', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const crowd = new Crowd();
      for (const step of all) {
        crowd.step(step);
        // Whoever was admitted, or has left, knows it by the next turn.
        await new Promise<void>((resolve) => setImmediate(resolve));
        crowd.check();
      }
    }),
    { numRuns: 60 },
  );
});

test('a server that tells of more slots serves who waits, and a reload that says how many ends that', async () => {
  const { scheduler, take, wait } = rig();
  const assumed = { ...upstreamOf('c', 8), slotsAssumed: true };
  const c = targetOn(assumed);
  scheduler.learn(assumed, 1);
  assert.ok(take([c]));
  const waiting = wait([c]);
  assert.equal(scheduler.waiting, 1);
  scheduler.learn(assumed, 2);
  await waiting.slot;
  scheduler.resize(roomy, [assumed]);
  assert.equal(scheduler.limitOf(assumed), 2);
  const said = { ...assumed, slots: 5, slotsAssumed: false };
  scheduler.resize(roomy, [said]);
  assert.equal(scheduler.limitOf(said), 5);
});

test('who asks for little is not refused for how long the answers of others are', async () => {
  const clock = createHeldClock();
  const times = new ServiceTimes(clock);
  const leastMs = (target: Target, answerTokens: number) => times.leastMs(target, answerTokens);
  const learnt: Learnt = { ...nothingLearnt, serviceMs: (target) => times.of(target), leastMs };
  const scheduler = new Scheduler({ clock, queue: roomy, gate: openGate, learnt });
  for (let each = 0; each < 300; each += 1)
    times.ended(a, { ...served, tookMs: 200_100, firstContentMs: 100, outputTokens: 20_000 });
  const slot = scheduler.take(wantOf([a]));
  const little = wantOf([a], { answerTokens: 110, deadlineMs: 60_000 });
  const much = wantOf([a], { answerTokens: 19_000, deadlineMs: 60_000 });
  const waiting = { queueMs: 30_000, onLeave: () => {} };
  await assert.rejects(scheduler.wait(much, waiting), { code: 'queue_timeout' });
  const inTime = scheduler.wait(little, waiting);
  slot?.release(served);
  assert.equal((await inTime).target, a);
});

test('who waits for a busy server goes to a free one as soon as loading there is quicker, though nothing else happens', async () => {
  const clock = createHeldClock();
  const learnt: Learnt = {
    ...nothingLearnt,
    loadMs: (target) => (target === b ? 5_000 : 0),
    isPlaced: (target) => target !== b,
  };
  const scheduler = new Scheduler({ clock, queue: roomy, gate: openGate, learnt });
  const policy = createAuto({ affinity: true });
  assert.equal(scheduler.take(wantOf([a, b], { policy }))?.target, a);
  const want = wantOf([a, b], { policy });
  assert.equal(scheduler.take(want), undefined);
  const waiting = scheduler.wait(want, { queueMs: 30_000, onLeave: () => {} });
  clock.advance(4_900);
  assert.equal(scheduler.waiting, 1);
  clock.advance(400);
  assert.equal(scheduler.waiting, 0);
  assert.equal((await waiting).target, b);
  assert.equal(clock.pending, 0);
});

test('by its deadline nobody is sent away who could be served as fast as anything like it was', async () => {
  const clock = createHeldClock();
  const leastMs = (_: Target, answerTokens: number) => answerTokens * 10;
  const scheduler = new Scheduler({
    clock,
    queue: roomy,
    gate: openGate,
    learnt: { ...nothingLearnt, serviceMs: () => 5_000, leastMs },
  });
  const held = scheduler.take(wantOf([a]));
  const ask = (answerTokens: number) =>
    scheduler.wait(wantOf([a], { answerTokens, deadlineMs: 1_000 }), { queueMs: 30_000, onLeave: () => {} });
  const [short, long] = [ask(10), ask(60)];
  const isGone = assert.rejects(long, { code: 'queue_timeout' });
  clock.advance(400);
  await isGone;
  clock.advance(499);
  held?.release(served);
  assert.equal((await short).target, a);
});

test('however many wait who have visited the only free server, none of them is looked at for it but the first', async () => {
  const clock = createHeldClock();
  const looks = { count: 0 };
  const gate = {
    ...openGate,
    allows: (_: Target, slots: number) => {
      looks.count += 1;
      return slots;
    },
  };
  const queue = queueOf({ places: 20_000, bytes: 20_000 });
  const scheduler = new Scheduler({ clock, queue, gate, learnt: nothingLearnt });
  scheduler.take(wantOf([a]));
  const want = (visited: readonly string[]) => wantOf([a, b], { model: 'm', visited: new Set(visited) });
  const stays = { queueMs: 30_000, onLeave: () => {} };
  for (let count = 0; count < 10_000; count += 1) void scheduler.wait(want(['b']), stays);
  looks.count = 0;
  const slot = await scheduler.wait(want([]), stays);
  assert.equal(slot.target, b);
  slot.release(served);
  assert.ok(looks.count < 20, `${looks.count} looks`);
});
