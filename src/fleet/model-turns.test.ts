import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { upstreamOf } from '../../test/targets.ts';
import { endingOf, nothingLearnt, openGate, queueOf, wantOf } from '../../test/wants.ts';
import { type Occupied, Scheduler } from './scheduler.ts';

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
