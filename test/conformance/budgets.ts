/** What every driver of `Budgets` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BudgetStanding } from '../../src/core/budget.ts';
import { fail } from '../../src/core/failure.ts';
import type { BudgetOption, BudgetsOptions, SpentQuestion } from '../../src/stores/budget-rules.ts';
import { neverMoreThanTheLimit } from './budgets-model.ts';
import {
  alertAt,
  daily,
  hourMs,
  minuteMs,
  type OpenBudgets,
  openHandled,
  spendOf,
  subject,
  wednesdayMs,
} from './budgets-rig.ts';

export interface BudgetsSuite {
  readonly driver: string;
  readonly open: OpenBudgets;
  /** How much of the costly property is tried. */
  readonly runs: number;
}

export function budgetsConformance(suite: BudgetsSuite): void {
  const open = (options: readonly BudgetOption[], changed: Partial<BudgetsOptions> = {}) =>
    openHandled(suite.open, options, changed);
  const promise = (name: string, run: () => Promise<void>) => test(`${suite.driver}: ${name}`, run);

  promise('without budgets everything is allowed and nothing is set aside', async () => {
    const { budgets, reserve } = await open([]);
    assert.ok(budgets.none);
    assert.deepEqual(await reserve(1_000), { allowed: true });
  });

  promise('G11, C10: of a hundred at once as many are let through as there is money for', async () => {
    const { budgets, quiet } = await open([daily(10)]);
    const decisions = await Promise.all(
      Array.from({ length: 100 }, () => budgets.reserve(subject, spendOf(1))),
    );
    const allowed = decisions.filter((decision) => decision.allowed);
    assert.equal(allowed.length, 10);
    for (const decision of allowed) decision.reservation?.settle(spendOf(1));
    await quiet();
    const [standing] = await budgets.standings();
    assert.deepEqual([standing?.spent, standing?.reserved], [10e9, 0]);
  });

  promise('a refusal names the budget and tells when its window ends', async () => {
    const { reserve, spend } = await open([{ ...daily(10), name: 'trial' }]);
    await spend(10);
    const twelveHoursS = 43_200;
    const budget = 'trial: 10 USD a day for each key';
    assert.deepEqual(await reserve(1), { allowed: false, why: 'spent', budget, retryAfterS: twelveHoursS });
    const total = await open([{ per: 'global', tokens: 5, window: 'total', alertAt }]);
    const forGood = '5 tokens in total for all together';
    assert.deepEqual(await total.reserve(6), { allowed: false, why: 'spent', budget: forGood });
  });

  promise('what was set aside too much is free again, and what it came to more is spent', async () => {
    const { hold, left } = await open([daily(10)]);
    const high = await hold(8);
    assert.equal(await left(10), 2);
    high.settle(spendOf(3));
    high.settle(spendOf(3));
    assert.equal(await left(10), 7, 'whoever settles twice has settled once');
    (await hold(5)).settle({ nanoUsd: 6.5e9, tokens: 1, requests: 1 });
    const small = await hold(0);
    assert.equal(await left(10), 0, 'half a dollar is left');
    small.settle(spendOf(0));
  });

  promise('it is taken from all budgets that apply, or from none', async () => {
    const { spend, reserve, left } = await open([
      daily(10),
      { per: 'tenant', usd: 4, window: 'month', alertAt },
      { per: 'team', tokens: 1_000, window: 'week', alertAt },
      { per: 'global', requests: 3, window: 'total', alertAt },
    ]);
    const refused = await reserve(5);
    assert.ok(!refused.allowed && refused.why === 'spent');
    assert.match(refused.budget, /tenant/);
    await spend(4);
    assert.equal(await left(9), 0);
    assert.equal(await left(9, { tenant: 'other', key: 'other' }), 4);
    await spend(1, { tenant: 'third' });
    await spend(1, { tenant: 'fourth' });
    const last = await reserve(1, { tenant: 'fifth' });
    assert.ok(!last.allowed && last.why === 'spent');
    assert.match(last.budget, /3 requests in total/);
  });

  promise('what costs nothing is let through when all is spent', async () => {
    const { spend, reserve } = await open([daily(1)]);
    await spend(1);
    assert.ok((await reserve(0)).allowed);
  });

  promise('extending takes all of it or nothing, and settling counts what was extended', async () => {
    const { hold, extend, left } = await open([daily(10)]);
    const stream = await hold(2);
    assert.equal(await extend(stream, 5), 'extended');
    assert.equal(await extend(stream, 4), 'spent');
    assert.equal(await left(10), 3);
    assert.equal(await extend(stream, 3), 'extended');
    stream.settle(spendOf(9));
    assert.equal(await left(10), 1);
  });

  promise('what is set aside tells what is left besides it, the least of all its budgets', async () => {
    const total = { per: 'tenant', tokens: 9, window: 'total', alertAt } as const;
    const { hold } = await open([daily(10), { ...daily(7), per: 'user' }, total]);
    const first = await hold(2);
    assert.deepEqual(first.left, { nanoUsd: 5e9, tokens: 7 });
    const second = await hold(1);
    assert.deepEqual(second.left, { nanoUsd: 4e9, tokens: 6 });
    await second.extend(spendOf(3));
    assert.deepEqual(second.left, { nanoUsd: 1e9, tokens: 3 });
    const requests = await open([{ per: 'key', requests: 5, window: 'day', alertAt }]);
    const unbounded = Number.POSITIVE_INFINITY;
    assert.deepEqual((await requests.hold(1)).left, { nanoUsd: unbounded, tokens: unbounded });
  });

  promise('holders are counted apart, and users of one name in two tenants are two', async () => {
    const { spend, left, budgets } = await open([{ per: 'user', usd: 3, window: 'day', alertAt }]);
    await spend(3);
    assert.equal(await left(3), 0);
    assert.equal(await left(3, { tenant: 'other' }), 3);
    assert.equal(await left(3, { user: 'else' }), 3);
    assert.deepEqual(
      await budgets.reserve({ ...subject, user: '' }, spendOf(99)),
      { allowed: true },
      'nobody in particular has no budget of a user',
    );
  });

  promise('a budget of somebody takes the place of the one for all', async () => {
    const { left } = await open([
      { per: 'tenant', usd: 1, window: 'day', alertAt },
      { per: 'tenant', of: 'rich', usd: 5, window: 'day', alertAt },
      { per: 'user', of: 'u', requests: 1, window: 'day', alertAt },
    ]);
    assert.equal(await left(9), 1);
    assert.equal(await left(9, { tenant: 'rich' }), 5);
    assert.equal(await left(9, { tenant: 'default' }), 1);
  });

  promise('G11: whoever falls silent is ended by the lease, at what was set aside', async () => {
    const { clock, hold, extend, left } = await open([daily(10)]);
    const silent = await hold(4);
    const stream = await hold(2);
    clock.advance(14 * minuteMs);
    assert.equal(await left(10), 4);
    assert.equal(await extend(stream, 1), 'extended');
    clock.advance(2 * minuteMs);
    assert.equal(await left(10), 3, 'it counts as spent');
    silent.settle(spendOf(1));
    assert.equal(await left(10), 6, 'and who comes back late tells what it came to');
    stream.settle(spendOf(0));
    assert.equal(await left(10), 9);
  });

  promise('windows begin anew at their border, and what began before belongs there', async () => {
    const { clock, hold, spend, left } = await open([
      daily(10),
      { per: 'tenant', usd: 12, window: 'week', alertAt },
    ]);
    await spend(6);
    const over = await hold(4);
    assert.equal(await left(10), 0);
    clock.set(Date.UTC(2026, 3, 16));
    assert.equal(await left(10), 2, 'a new day, and the same week');
    over.settle(spendOf(2));
    assert.equal(await left(10), 4);
    clock.set(Date.UTC(2026, 3, 19, 23, 59, 59, 999));
    assert.equal(await left(10), 4);
    clock.set(Date.UTC(2026, 3, 20));
    assert.equal(await left(10), 10, 'a Monday');
  });

  promise('P8: a clock that is set forward and back resets no window twice', async () => {
    const { clock, spend, left } = await open([daily(10)]);
    clock.set(Date.UTC(2026, 3, 15, 23, 30));
    await spend(6);
    clock.set(Date.UTC(2026, 3, 16, 0, 30));
    await spend(7);
    clock.set(Date.UTC(2026, 3, 15, 23, 30));
    const before = await left(10);
    assert.ok(before === 4 || before === 3, `${before} are left of one of the two days`);
    clock.set(Date.UTC(2026, 3, 16, 0, 30));
    assert.equal(await left(10), 3);
  });

  promise('DP2: what was spent before is asked for once, waited for and counted', async () => {
    let answer: (spent: number) => void = () => assert.fail('nobody asked');
    const asked: SpentQuestion[] = [];
    const { budgets, left } = await open([daily(10)], {
      spentBefore: (question) => {
        asked.push(question);
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
    });
    const decisions = Array.from({ length: 5 }, async () => await budgets.reserve(subject, spendOf(1)));
    while (asked.length === 0) await new Promise(setImmediate);
    answer(7.5e9);
    const allowed = (await Promise.all(decisions)).filter((decision) => decision.allowed);
    assert.equal(allowed.length, 2);
    assert.equal(asked.length, 1);
    assert.deepEqual(
      [asked[0]?.holder, asked[0]?.window.startMs, asked[0]?.scope.unit],
      ['t/k', Date.UTC(2026, 3, 15), 'usd'],
    );
    for (const decision of allowed) decision.reservation?.settle(spendOf(0));
    assert.equal(await left(10), 2);
  });

  promise(
    'G19: where nobody can tell what was spent before it is our outage, and over when it is known',
    async () => {
      let away = true;
      const { reserve } = await open([daily(10)], {
        spentBefore: () =>
          away ? Promise.reject(fail('dependency_unavailable', 'the store is away')) : Promise.resolve(10e9),
      });
      assert.deepEqual(await reserve(1), { allowed: false, why: 'unavailable' });
      away = false;
      const refused = await reserve(1);
      assert.ok(!refused.allowed && refused.why === 'spent');
    },
  );

  promise('a window that began while we counted needs no ledger', async () => {
    const { clock, asked, left } = await open([daily(10)]);
    assert.equal(await left(1), 1);
    assert.equal(asked.length, 1);
    clock.set(wednesdayMs + 24 * hourMs);
    assert.equal(await left(10), 10);
    assert.equal(asked.length, 1);
  });

  promise('shares that are spent are told once, the highest of several at once', async () => {
    const { crossed, spend, hold, clock } = await open([daily(10)]);
    await spend(4);
    assert.deepEqual(crossed, []);
    const stream = await hold(2);
    assert.deepEqual(crossed, [], 'what is set aside is not spent');
    stream.settle(spendOf(1));
    await spend(1);
    assert.deepEqual(crossed, [['t/k', 0.5]]);
    await spend(4);
    assert.deepEqual(crossed, [
      ['t/k', 0.5],
      ['t/k', 1],
    ]);
    clock.set(wednesdayMs + 24 * hourMs);
    await spend(8);
    assert.deepEqual(crossed.at(-1), ['t/k', 0.8]);
    const restarted = await open([daily(10)], { spentBefore: () => Promise.resolve(8e9) });
    await restarted.spend(1);
    assert.deepEqual(restarted.crossed, [], 'whoever counted before has told of it');
  });

  promise('a reload remembers what was spent, also of a budget that is raised', async () => {
    const { budgets, spend, reserve, hold, quiet } = await open([daily(10)]);
    await spend(8);
    const open2 = await hold(2);
    const raised = budgets.follow([daily(12)]);
    assert.ok(!(await reserve(3, {}, raised)).allowed);
    assert.ok((await reserve(2, {}, raised)).allowed);
    open2.settle(spendOf(0));
    await quiet();
    assert.ok((await reserve(2, {}, raised)).allowed);
    assert.ok(budgets.follow([]).none);
  });

  promise('standings tell what was touched, with its window', async () => {
    const { budgets, spend, hold } = await open([
      { ...daily(10), name: 'trial' },
      { per: 'global', tokens: 50, window: 'total', alertAt },
    ]);
    assert.deepEqual(await budgets.standings(), []);
    await spend(3);
    await hold(2);
    const standings = [...(await budgets.standings())].sort((one, other) => (one.per < other.per ? -1 : 1));
    const dayMs = 24 * hourMs;
    const expected: BudgetStanding[] = [
      {
        name: '50 tokens in total for all together',
        per: 'global',
        holder: '',
        unit: 'tokens',
        limit: 50,
        spent: 3,
        reserved: 2,
        windowStartMs: 0,
        windowEndMs: 0,
      },
      {
        name: 'trial',
        per: 'key',
        holder: 't/k',
        unit: 'usd',
        limit: 10e9,
        spent: 3e9,
        reserved: 2e9,
        windowStartMs: Date.UTC(2026, 3, 15),
        windowEndMs: Date.UTC(2026, 3, 15) + dayMs,
      },
    ];
    assert.deepEqual(standings, expected);
  });

  promise('whole numbers stay whole up to nine million dollars', async () => {
    const { spend, budgets, hold, quiet } = await open([
      { per: 'global', usd: 9_000_000, window: 'total', alertAt },
    ]);
    await spend(8_999_998);
    (await hold(1)).settle({ nanoUsd: 1_000_000_001, tokens: 1, requests: 1 });
    await quiet();
    assert.equal((await budgets.standings())[0]?.spent, 8_999_999_000_000_001);
  });

  promise('G11: whatever is done in whatever order, never more is spent and set aside than the limit', () =>
    neverMoreThanTheLimit(suite.open, suite.runs),
  );
}
