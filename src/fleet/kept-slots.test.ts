// A flood beside somebody who comes again at once: the real scheduler on a clock that stands still.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { endingOf, nothingLearnt, openGate, queueOf, wantOf } from '../../test/wants.ts';
import type { Want } from '../core/fleet.ts';
import type { Occupied } from './at-work.ts';
import { Scheduler } from './scheduler.ts';

const answerMs = 100;
const pauseMs = 2;

interface Scene {
  readonly slots: number;
  readonly idleShareMax?: number;
  /** Who floods and who does not. */
  readonly flood?: Partial<Want>;
  readonly light?: Partial<Want>;
}

function open({ slots, flood = { tenant: 'flood' }, light = { tenant: 'light' }, ...said }: Scene) {
  const clock = createHeldClock();
  const queue = queueOf({ fairness: 'tenant', ...said });
  const scheduler = new Scheduler({ clock, queue, gate: openGate, learnt: nothingLearnt });
  const candidates = [targetOn(upstreamOf('a', slots))];
  const queueMs = 3_600_000;
  const waitedMs: number[] = [];
  let staysLight = true;
  const ask = (who: Partial<Want>, ended: () => void, begun: () => void) => {
    const want = wantOf(candidates, { model: 'm', ...who });
    const work = (slot: Occupied) => {
      begun();
      clock.after(answerMs, () => {
        slot.release(endingOf('served'));
        ended();
      });
    };
    const slot = scheduler.take(want);
    if (slot === undefined) void scheduler.wait(want, { queueMs, onLeave: () => {} }).then(work);
    else work(slot);
  };
  const floodClient = () => {
    ask(
      flood,
      () => clock.after(pauseMs, floodClient),
      () => {},
    );
  };
  const lightClient = () => {
    if (!staysLight) return;
    const cameMs = clock.now();
    ask(
      light,
      () => clock.after(pauseMs, lightClient),
      () => waitedMs.push(clock.now() - cameMs),
    );
  };
  for (let at = 0; at < 10 * slots; at += 1) clock.after(at * 7, floodClient);
  clock.after(10, lightClient);
  return {
    scheduler,
    waitedMs,
    upstream: candidates[0]?.upstream ?? assert.fail(),
    leave: () => {
      staysLight = false;
    },
    run: async (ms: number) => {
      const untilMs = clock.now() + ms;
      while (clock.now() < untilMs) {
        clock.advance(Math.min(clock.nextInMs, untilMs - clock.now()));
        await Promise.resolve();
        await Promise.resolve();
      }
    },
  };
}

async function waits(scene: Scene): Promise<readonly number[]> {
  const { run, waitedMs } = open(scene);
  await run(20_000);
  return waitedMs.slice(-50);
}

test('C9: whoever comes again at once finds its slot free beside a flood, and waits where none may be left idle', async () => {
  assert.deepEqual([...new Set(await waits({ slots: 4 }))], [0]);
  const kept = await waits({ slots: 4, idleShareMax: 0 });
  assert.ok(kept.filter((ms) => ms > 0).length > kept.length / 2);
});

test('C9: within one tenant the same is true of its keys', async () => {
  const [flood, light] = ['loud', 'quiet'].map((key) => ({ tenant: 'one', key }));
  assert.ok(flood !== undefined && light !== undefined);
  assert.deepEqual([...new Set(await waits({ slots: 4, flood, light }))], [0]);
});

test('who has left for good has nothing kept for long, and the flood gets all of the slots', async () => {
  const { run, leave, scheduler, upstream } = open({ slots: 4 });
  await run(20_000);
  leave();
  await run(11_000);
  let idleMs = 0;
  for (let at = 0; at < 1_000; at += 1) {
    await run(1);
    if (scheduler.inFlight(upstream) < 4) idleMs += 1;
  }
  assert.equal(idleMs, 0);
});

test('where there is one slot it is never kept', async () => {
  const one = open({ slots: 1 });
  await one.run(10_000);
  let idleMs = 0;
  for (let at = 0; at < 1_000; at += 1) {
    await one.run(1);
    if (one.scheduler.inFlight(one.upstream) === 0) idleMs += 1;
  }
  assert.equal(idleMs, 0);
});
