import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { RetryBudget } from './retry-budget.ts';

function rig(active = 0) {
  const clock = createHeldClock();
  const budget = new RetryBudget({ clock, active: () => active });
  /** How many of so many requests, each of which fails, are retried. */
  const storm = (requests: number, everyMs: number) => {
    let retried = 0;
    for (let count = 0; count < requests; count += 1) {
      budget.asked(clock.now());
      if (budget.take(0.2)) retried += 1;
      clock.advance(everyMs);
    }
    return retried;
  };
  return { clock, budget, storm };
}

test('G17: when all of 1,000 a second fail, no more than a fifth of them are sent again', () => {
  const { budget, storm } = rig();
  const retried = storm(20_000, 1);
  assert.ok(retried <= 4_000 && retried > 3_900, String(retried));
  assert.equal(budget.refused, 20_000 - retried);
});

test('G17: at whatever load no more than a fifth is sent again, beside ten that were saved up', () => {
  for (const everyMs of [10, 100, 1_000, 5_000]) {
    const { storm } = rig();
    const requests = 2_000;
    const retried = storm(requests, everyMs);
    assert.ok(retried <= requests * 0.2 + 10, `${retried} of ${requests}, one each ${everyMs} ms`);
    assert.ok(retried >= requests * 0.19, `${retried} of ${requests}, one each ${everyMs} ms`);
  }
});

test('G17: where there is hardly any load, ten may be sent again, and again once others needed nothing', () => {
  const { budget, storm, clock } = rig();
  assert.equal(storm(10, 100), 10);
  assert.equal(storm(10, 100), 0);
  for (let count = 0; count < 100; count += 1) {
    budget.asked(clock.now());
    clock.advance(1_300);
  }
  clock.advance(60_000);
  assert.equal(storm(10, 100), 10);
});

test('without a share nothing is sent again', () => {
  assert.equal(rig(10).budget.take(0), false);
});

/** How many of forty requests that all fail at once are sent again. */
const sentAgain = (budget: RetryBudget) => {
  let count = 0;
  for (let asked = 0; asked < 40; asked += 1) if (budget.take(0.2)) count += 1;
  return count;
};

test('G17: requests that are in flight for long are load as well', () => {
  assert.equal(sentAgain(rig(0).budget), 10);
  assert.equal(sentAgain(rig(100).budget), 30);
});

test('what was a minute ago fills the reserve, and gives nothing beyond it', () => {
  const { clock, budget } = rig();
  for (let count = 0; count < 1_000; count += 1) budget.asked(clock.now());
  clock.advance(59_000);
  assert.equal(budget.take(0.2), true);
  clock.advance(11_000);
  assert.equal(sentAgain(budget), 10);
});
