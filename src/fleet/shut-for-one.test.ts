// What may not be sent to a server for one tenant alone, and those who wait behind it: scheduler and health together.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { endingOf, nothingLearnt, queueOf, wantOf } from '../../test/wants.ts';
import type { Target } from '../core/exchange.ts';
import { fail } from '../core/failure.ts';
import type { Occupied } from './at-work.ts';
import { Health } from './health.ts';
import type { QueueOptions } from './scheduler.ts';
import { Scheduler } from './scheduler.ts';

const failing = { ...endingOf(fail('upstream_failed', 'it answered 500')), tenant: 'culprit' };
const waiting = { queueMs: 60_000, onLeave: () => {} };

function open(said: Partial<QueueOptions> = {}) {
  const clock = createHeldClock();
  const scheduler = new Scheduler({
    clock,
    queue: queueOf(said),
    gate: new Health(clock),
    learnt: nothingLearnt,
  });
  const wantBy = (tenant: string, candidates: readonly Target[]) =>
    wantOf(candidates, { model: 'm', tenant, key: `${tenant}-key` });
  const took: string[] = [];
  const wait = (name: string, candidates: readonly Target[]) => {
    const tenant = name.replace(/\d/, '');
    const slot = scheduler.wait(wantBy(tenant, candidates), waiting);
    slot.then(
      ({ target }) => took.push(`${name} at ${target.upstream.name}`),
      ({ code }) => took.push(`${name} ${code}`),
    );
    return slot;
  };
  const take = (tenant: string, candidates: readonly Target[]): Occupied =>
    scheduler.take(wantBy(tenant, candidates)) ?? assert.fail('nothing is free');
  const failAt = (target: Target, times = 5) => {
    for (let count = 0; count < times; count += 1) take('culprit', [target]).release(failing);
  };
  return { clock, scheduler, took, wait, take, failAt };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const a = targetOn(upstreamOf('a'));
const b = targetOn(upstreamOf('b'));

for (const fairness of ['tenant', 'key', 'none'] as const) {
  test(`C9: a server that failed for one tenant alone is tried by another that waits behind it, fairness ${fairness}`, async () => {
    const { took, wait, take, failAt, scheduler } = open({ fairness });
    failAt(a);
    take('other', [b]);
    void wait('culprit1', [a, b]);
    void wait('culprit2', [a, b]);
    void wait('other', [a, b]);
    await settled();
    assert.deepEqual([took, scheduler.waiting], [['other at a'], 2]);
  });
}

test('C9: its slot, freed by a try that told nothing, goes past the tenant that may not try to the next one', async () => {
  const { clock, took, wait, take, failAt } = open({ order: 'shortest', fairness: 'none' });
  failAt(a);
  const trying = take('other', [a]);
  take('other', [b]);
  void wait('culprit', [a, b]);
  void wait('other', [a, b]);
  await settled();
  assert.deepEqual(took, []);
  clock.advance(10);
  trying.release({ ...endingOf('left'), tenant: 'other' });
  await settled();
  assert.deepEqual(took, ['other at a']);
});

test('C9: a higher priority that may not try keeps nobody of a lower one from it', async () => {
  const { took, scheduler, wait, take, failAt } = open();
  failAt(a);
  take('other', [b]);
  const urgent = wantOf([a, b], { model: 'm', tenant: 'culprit', priority: 9 });
  void scheduler.wait(urgent, waiting).catch(() => {});
  void wait('other', [a, b]);
  await settled();
  assert.deepEqual(took, ['other at a']);
});

test('C9: whose requests alone a server is left out for is told so at once, though others before it may wait', async () => {
  const { took, wait, take, failAt } = open();
  failAt(a, 4);
  const last = take('culprit', [a]);
  void wait('other', [a]);
  void wait('another', [a]);
  void wait('culprit', [a]);
  last.release(failing);
  await settled();
  assert.deepEqual(took, ['other at a', 'culprit no_upstream']);
});
