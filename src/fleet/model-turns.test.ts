import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { upstreamOf } from '../../test/targets.ts';
import { endingOf, nothingLearnt, openGate, queueOf, wantOf } from '../../test/wants.ts';
import type { Target } from '../core/exchange.ts';
import { policies } from '../routing/policies/registry.ts';
import type { Occupied } from './at-work.ts';
import { Scheduler } from './scheduler.ts';

/** One server with one slot that holds one model at a time; loading another takes two seconds. */
function rig() {
  const clock = createHeldClock();
  let held = 'a';
  const upstream = { ...upstreamOf('server'), loadsModels: true };
  const learnt = {
    ...nothingLearnt,
    loadMs: ({ model }: { readonly model: string }) => (model === held ? 0 : 2_000),
    began: ({ model }: { readonly model: string }) => {
      const cold = model !== held;
      held = model;
      return cold;
    },
  };
  const scheduler = new Scheduler({ clock, queue: queueOf({ stayMs: 10_000 }), gate: openGate, learnt });
  const order: string[] = [];
  const ask = (model: string) => {
    const want = wantOf([{ upstream, model, tier: 1, weight: 1 }], { model });
    return scheduler.wait(want, { queueMs: 60_000, onLeave: () => {} }).then((slot) => {
      order.push(model);
      return slot;
    });
  };
  const first = scheduler.take(wantOf([{ upstream, model: 'a', tier: 1, weight: 1 }], { model: 'a' }));
  return { clock, scheduler, order, ask, first };
}

async function serveEach(slots: readonly Promise<Occupied>[]): Promise<void> {
  await Promise.all(slots.map((slot) => slot.then((given) => given.release(endingOf('served')))));
}

test('a server stays with the model that it holds, so that two models change places once and not each time', async () => {
  const { clock, order, ask, first } = rig();
  const slots = ['b', 'a', 'b', 'a', 'b', 'a'].map(ask);
  clock.advance(1_000);
  first?.release(endingOf('served'));
  await serveEach(slots);
  assert.equal(order.join(''), 'aaabbb');
});

test('who has waited too long for another model is not passed over any more', async () => {
  const { clock, order, ask, first } = rig();
  const slots = ['b', 'a', 'a'].map(ask);
  clock.advance(10_000);
  first?.release(endingOf('served'));
  await serveEach(slots);
  assert.equal(order.join(''), 'baa');
});

/** Two servers with one slot each; `a` is in memory on the first, `b` on the second, and loading takes twenty seconds. */
function pair() {
  const clock = createHeldClock();
  const servers = ['first', 'second'].map((name) => ({ ...upstreamOf(name), loadsModels: true }));
  const held = new Map([
    ['first', 'a'],
    ['second', 'b'],
  ]);
  const isHeld = ({ upstream, model }: Target) => held.get(upstream.name) === model;
  const learnt = {
    ...nothingLearnt,
    loadMs: (target: Target) => (isHeld(target) ? 0 : 20_000),
    began: (target: Target) => {
      const cold = !isHeld(target);
      held.set(target.upstream.name, target.model);
      return cold;
    },
  };
  const scheduler = new Scheduler({ clock, queue: queueOf(), gate: openGate, learnt });
  const policy = policies.auto({ zones: [], affinity: false });
  const candidates = (model: string) => servers.map((upstream) => ({ upstream, model, tier: 1, weight: 1 }));
  const ask = (model: string, queueMs = 30_000) =>
    scheduler.wait(wantOf(candidates(model), { model, policy, arrivedMs: clock.now() }), {
      queueMs,
      onLeave: () => {},
    });
  const take = (model: string) => {
    const slot = scheduler.take(wantOf(candidates(model), { model, policy, arrivedMs: clock.now() }));
    assert.ok(slot);
    return slot;
  };
  return { clock, ask, take };
}

test('who is held back for a busy server that has its model takes a free one after half its time, and does not time out', async () => {
  const { clock, ask, take } = pair();
  take('a');
  const waits = ask('a', 12_000);
  clock.advance(5_999);
  assert.equal(clock.pending, 2, 'it waits still');
  clock.advance(1);
  assert.equal((await waits).target.upstream.name, 'second');
  assert.equal(clock.pending, 0);
});

test('who is held back where loading takes less than half its time goes there after that long', async () => {
  const { clock, ask, take } = pair();
  take('a');
  const waits = ask('a', 100_000);
  clock.advance(20_000);
  assert.equal((await waits).target.upstream.name, 'second');
});

test('who is passed over at one server because its model is in another is passed over for half its time at most', async () => {
  const { clock, ask, take } = pair();
  take('a');
  let serving = take('b');
  const waits = ask('a');
  let seconds = 0;
  while (serving.target.model === 'b') {
    const others = ask('b');
    clock.advance(1_000);
    seconds += 1;
    serving.release(endingOf('served'));
    serving = await Promise.race([others, waits]);
  }
  assert.equal(serving.target.upstream.name, 'second');
  assert.equal(seconds, 15);
});
