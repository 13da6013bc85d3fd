import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { endingOf, nothingLearnt, openGate, queueOf, wantOf } from '../../test/wants.ts';
import type { Target } from '../core/exchange.ts';
import type { Want } from '../core/fleet.ts';
import { Scheduler } from './scheduler.ts';

const target = targetOn(upstreamOf('server'));

/** One slot, which is taken; an answer usually takes ten milliseconds a token. */
function rig(order: 'fifo' | 'shortest' = 'fifo') {
  const clock = createHeldClock();
  const likelyMs = (_: Target, answerTokens: number) => answerTokens * 10;
  const learnt = { ...nothingLearnt, likelyMs };
  const scheduler = new Scheduler({ clock, queue: queueOf({ order }), gate: openGate, learnt });
  const first = scheduler.take(wantOf([target]));
  const served: string[] = [];
  const waits: Promise<void>[] = [];
  const ask = (name: string, said: Partial<Want> = {}) => {
    const want = wantOf([target], { answerTokens: 100, ...said });
    const slot = scheduler.wait(want, { queueMs: 30_000, onLeave: () => {} });
    waits.push(
      slot.then(
        (given) => {
          served.push(name);
          given.release(endingOf('served'));
        },
        () => void served.push(`${name} refused`),
      ),
    );
  };
  const serve = async () => {
    first?.release(endingOf('served'));
    await Promise.all(waits);
    return served.join(' ');
  };
  const reload = () => scheduler.resize(queueOf({ order }), [target.upstream]);
  return { clock, scheduler, ask, serve, first, reload };
}

test('who may well be cut off by its deadline goes after those who will be done in time, whoever came first', async () => {
  const { clock, ask, serve } = rig();
  ask('short of time', { deadlineMs: 10_000 });
  ask('in time', { deadlineMs: 40_000 });
  ask('without a deadline');
  clock.advance(9_000);
  assert.equal(await serve(), 'in time without a deadline short of time');
});

test('who still has twice the time that its answer usually takes keeps its place', async () => {
  const { clock, ask, serve } = rig();
  ask('first', { deadlineMs: 10_000 });
  ask('second', { deadlineMs: 40_000 });
  clock.advance(8_000);
  assert.equal(await serve(), 'first second');
});

test('until half of its time has passed nobody goes before somebody for having more of it', async () => {
  const { clock, ask, serve } = rig();
  ask('first', { deadlineMs: 10_000, answerTokens: 900 });
  ask('second', { deadlineMs: 40_000 });
  clock.advance(5_000);
  assert.equal(await serve(), 'first second');
});

test('of those who may all be cut off whoever has most time left goes first', async () => {
  const { clock, ask, serve } = rig();
  ask('least', { deadlineMs: 9_300 });
  ask('some', { deadlineMs: 9_500 });
  ask('most', { deadlineMs: 9_900 });
  ask('without a deadline');
  clock.advance(9_000);
  assert.equal(await serve(), 'without a deadline most some least');
});

test('who was passed over still leaves when it can wait no longer', async () => {
  const { clock, ask, serve } = rig();
  ask('late', { deadlineMs: 10_000 });
  ask('in time', { deadlineMs: 20_000 });
  clock.advance(10_000);
  assert.equal(await serve(), 'late refused in time');
});

test('no tenant goes before another for having more time', async () => {
  const { clock, ask, serve } = rig();
  ask('a', { tenant: 'a', deadlineMs: 10_000 });
  ask('b', { tenant: 'b', deadlineMs: 40_000 });
  clock.advance(9_000);
  assert.equal(await serve(), 'a b');
});

test('where the shortest goes first whoever may be cut off goes after the others as well', async () => {
  const { clock, ask, serve } = rig('shortest');
  ask('long', { tokens: 500 });
  ask('short of time', { tokens: 100, deadlineMs: 10_000 });
  ask('short', { tokens: 200 });
  clock.advance(9_000);
  assert.equal(await serve(), 'short long short of time');
});

test('who was passed over before a reload leaves when it can wait no longer after it', async () => {
  const { clock, scheduler, ask, serve, first, reload } = rig();
  ask('late', { deadlineMs: 10_000 });
  ask('in time', { deadlineMs: 40_000 });
  clock.advance(9_000);
  // Given to who is in time, so that who is late is noticed; after the reload somebody else is looked at.
  first?.release(endingOf('served'));
  ask('urgent', { priority: 1 });
  ask('of another key', { key: 'other' });
  reload();
  clock.advance(1_000);
  assert.equal(scheduler.waiting, 2);
  assert.equal(await serve(), 'in time late refused urgent of another key');
  assert.equal(scheduler.inFlight(target.upstream), 0);
});
