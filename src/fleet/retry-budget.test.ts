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

test('G17: where there is hardly any load, ten a second may be sent again', () => {
  const { storm } = rig();
  assert.equal(storm(30, 100), 30);
  const { storm: burst } = rig();
  assert.equal(burst(20, 0), 11);
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

test('what was a minute ago gives nothing to spend', () => {
  const { clock, budget } = rig();
  for (let count = 0; count < 1_000; count += 1) budget.asked(clock.now());
  clock.advance(59_000);
  assert.equal(budget.take(0.2), true);
  clock.advance(11_000);
  assert.equal(sentAgain(budget), 10);
});
