import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { upstreamOf } from '../../test/targets.ts';
import { endingOf, nothingLearnt, openGate, queueOf, wantOf } from '../../test/wants.ts';
import type { Target, Upstream } from '../core/exchange.ts';
import type { Ending } from '../core/fleet.ts';
import { policies } from '../routing/policies/registry.ts';
import type { Occupied } from './at-work.ts';
import { Residency } from './residency.ts';
import { Scheduler } from './scheduler.ts';

/** One server with one slot that holds one model at a time; loading another takes two seconds. */
function rig() {
  const clock = createHeldClock();
  let held = 'a';
  const upstream = { ...upstreamOf('server'), loadsModels: true };
  const learnt = {
    ...nothingLearnt,
    loadMs: ({ model }: { readonly model: string }) => (model === held ? 0 : 2_000),
    isPlaced: ({ model }: { readonly model: string }) => model === held,
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

/** Two servers with one slot each that hold these models, one each; loading another takes twenty seconds. */
function pair(firsts = 'a', seconds = 'b') {
  const clock = createHeldClock();
  const servers = ['first', 'second'].map((name) => ({ ...upstreamOf(name), loadsModels: true }));
  const residency = new Residency({ clock });
  const tell = (upstream: Upstream, name: string) =>
    residency.told(
      upstream,
      [{ name, bytes: undefined, gpuBytes: undefined, untilMs: undefined }],
      clock.now(),
    );
  for (const upstream of servers) {
    for (const name of ['a', 'b']) residency.loaded({ upstream, model: name, tier: 1, weight: 1 }, 20_000);
    tell(upstream, upstream.name === 'first' ? firsts : seconds);
  }
  const learnt = {
    ...nothingLearnt,
    loadMs: (target: Target) => residency.loadMs(target),
    isPlaced: (target: Target) => residency.isPlaced(target),
    began: (target: Target) => residency.began(target),
    ended: (target: Target, ending: Ending) => residency.ended(target, ending),
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

test('who waits for a model that another server is loading does not have it loaded a second time', async () => {
  const { clock, ask, take } = pair('a', 'a');
  const [one, other] = [take('a'), take('a')];
  const [b, second, a] = [ask('b', 300_000), ask('b', 300_000), ask('a', 300_000)];
  clock.advance(50_000);
  one.release(endingOf('served'));
  const loading = await b;
  assert.equal(loading.target.upstream.name, one.target.upstream.name);
  // Both have stayed for long, and whoever waits for the other model came first.
  clock.advance(1_000);
  other.release(endingOf('served'));
  const still = await Promise.race([second, a]);
  assert.equal(
    `${still.target.model} at ${still.target.upstream.name}`,
    `a at ${other.target.upstream.name}`,
  );
});
