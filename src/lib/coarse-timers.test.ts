import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CoarseTimers } from './coarse-timers.ts';

const tickMs = 50;

function rig() {
  let nowMs = 12_345;
  let run: (() => void) | undefined;
  const timers = new CoarseTimers({
    now: () => nowMs,
    tickMs,
    tick: (sweep) => {
      run = sweep;
      return () => {
        run = undefined;
      };
    },
  });
  return {
    timers,
    now: () => nowMs,
    ticking: () => run !== undefined,
    /** Moves on, and ticks as an event loop does: at each tick, or once after having been blocked. */
    advance: (ms: number, blocked = false) => {
      const untilMs = nowMs + ms;
      while (!blocked && nowMs + tickMs < untilMs) {
        nowMs += tickMs;
        run?.();
      }
      nowMs = untilMs;
      run?.();
    },
  };
}

test('each alarm rings once, never early and at most a tick late, unless it is cancelled', () => {
  const alarm = fc.record({
    ms: fc.integer({ min: 0, max: 90_000 }),
    cancelAfterMs: fc.integer({ max: 90_000 }),
  });
  fc.assert(
    fc.property(fc.array(alarm, { maxLength: 40 }), (alarms) => {
      const { timers, now, advance, ticking } = rig();
      const rung = new Map<number, number>();
      const beganMs = now();
      const set = alarms.map(({ ms }, index) => timers.after(ms, () => rung.set(index, now() - beganMs)));
      const cancelled = new Set<number>();
      for (let step = 0; step < 1_900; step += 1) {
        alarms.forEach(({ cancelAfterMs }, index) => {
          if (cancelAfterMs < 0 || now() - beganMs < cancelAfterMs || rung.has(index)) return;
          set[index]?.cancel();
          cancelled.add(index);
        });
        advance(tickMs);
      }
      alarms.forEach(({ ms }, index) => {
        const rangMs = rung.get(index);
        if (cancelled.has(index)) assert.equal(rangMs, undefined);
        else
          assert.ok(rangMs !== undefined && rangMs >= ms && rangMs <= ms + tickMs, `${ms} rang at ${rangMs}`);
      });
      assert.equal(ticking(), false, 'nothing is left to tick for');
    }),
    { numRuns: 30 },
  );
});

test('an event loop that was blocked for longer than the wheel turns misses nothing', () => {
  const { timers, advance } = rig();
  const rung: number[] = [];
  for (const ms of [3_000, 20_000, 60_000, 100_000]) timers.after(ms, () => rung.push(ms));
  advance(70_000, true);
  assert.deepEqual(rung.sort(), [20_000, 3_000, 60_000]);
  advance(30_000);
  assert.equal(rung.length, 4);
});

test('an alarm may set and cancel others while it rings', () => {
  const { timers, advance } = rig();
  const rung: string[] = [];
  const second = timers.after(3_000, () => rung.push('second'));
  timers.after(2_999, () => {
    rung.push('first');
    second.cancel();
    timers.after(3_000, () => rung.push('third'));
  });
  advance(3_060);
  assert.deepEqual(rung, ['first']);
  advance(3_060);
  assert.deepEqual(rung, ['first', 'third']);
});

test('one that throws does not keep the others from ringing', () => {
  const { timers, advance } = rig();
  const rung: string[] = [];
  timers.after(3_000, () => {
    throw new Error('mistake');
  });
  timers.after(3_000, () => rung.push('other'));
  assert.throws(() => advance(3_050), /mistake/);
  advance(tickMs);
  assert.deepEqual(rung, ['other']);
});
