// A flood beside somebody who comes again at once: the real scheduler on a clock that stands still.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { endingOf, nothingLearnt, openGate, queueOf, wantOf } from '../../test/wants.ts';
import type { Target } from '../core/exchange.ts';
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
  /** Another server, for when the first can serve nobody in time. */
  readonly beyond?: Target;
}

function open({ slots, flood = { tenant: 'flood' }, light = { tenant: 'light' }, beyond, ...said }: Scene) {
  const clock = createHeldClock();
  const queue = queueOf({ fairness: 'tenant', ...said });
  const scheduler = new Scheduler({ clock, queue, gate: openGate, learnt: nothingLearnt });
  const a = targetOn(upstreamOf('a', slots));
  const candidates = beyond === undefined ? [a] : [a, beyond];
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
    candidates,
    waitedMs,
    upstream: a.upstream,
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

/** Until one of its slots is free, and kept for whoever comes back. */
async function untilKept({ run, scheduler, upstream }: ReturnType<typeof open>): Promise<void> {
  await run(20_000);
  for (let ms = 0; scheduler.inFlight(upstream) === upstream.slots; ms += 1) {
    assert.ok(ms < 1_000, 'nothing is kept');
    await run(1);
  }
}

test('C9: who floods under one name has none of the kept slots under another', async () => {
  const scene = open({ slots: 4 });
  await untilKept(scene);
  const { scheduler, candidates, upstream, run } = scene;
  const given: string[] = [];
  const waitAs = (tenant: string) => {
    const want = wantOf(candidates, { model: 'another', tenant });
    assert.equal(scheduler.take(want), undefined);
    void scheduler.wait(want, { queueMs: 60_000, onLeave: () => {} }).then((slot) => {
      given.push(tenant);
      slot.release(endingOf('served'));
    });
  };
  waitAs('flood');
  await run(0);
  assert.deepEqual([given, scheduler.inFlight(upstream)], [[], 3]);
  waitAs('third');
  await run(0);
  assert.deepEqual(given, ['third']);
  await run(1_000);
  assert.deepEqual(given, ['third', 'flood'], 'it has its turn as ever');
});

test('C9: whoever floods may go beyond the servers whose slots are kept from it, when it can wait no longer', async () => {
  const scene = open({ slots: 4, beyond: targetOn(upstreamOf('beyond', 4), 2) });
  await untilKept(scene);
  const { scheduler, candidates, upstream } = scene;
  const want = wantOf(candidates, { model: 'm', tenant: 'flood' });
  const slot = await scheduler.wait(want, { queueMs: 0, onLeave: () => {} });
  assert.deepEqual([slot.target.tier, scheduler.inFlight(upstream)], [2, 3]);
});

test('C9: who floods two servers has none of the slots that one of them keeps for others of its own', async () => {
  const scene = open({ slots: 4 });
  await untilKept(scene);
  const { scheduler, candidates, upstream, run } = scene;
  const busy = targetOn(upstreamOf('busy', 1));
  assert.ok(scheduler.take(wantOf([busy], { model: 'busy' })) !== undefined);
  const want = wantOf([...candidates, busy], { model: 'either', tenant: 'flood' });
  assert.equal(scheduler.take(want), undefined);
  let given = false;
  void scheduler.wait(want, { queueMs: 60_000, onLeave: () => {} }).then(() => {
    given = true;
  });
  await run(0);
  assert.deepEqual([given, scheduler.inFlight(upstream)], [false, 3]);
});
