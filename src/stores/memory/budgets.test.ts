import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budgetsConformance } from '../../../test/conformance/budgets.ts';
import { createSetClock, spendOf } from '../../../test/conformance/budgets-rig.ts';
import { createMemoryBudgets } from './budgets.ts';

budgetsConformance({
  driver: 'memory',
  runs: 200,
  open: (budgets, options) =>
    Promise.resolve({ budgets: createMemoryBudgets(budgets, options), quiet: () => Promise.resolve() }),
});

const daily = { per: 'key', usd: 10, window: 'day', alertAt: [] } as const;

test('where nothing is to be found out the answer is there at once', async () => {
  const clock = createSetClock(Date.UTC(2026, 0, 1));
  const spentBefore = () => Promise.reject(new Error('a day that has just begun'));
  const budgets = createMemoryBudgets([daily], { clock, spentBefore, onCrossed: () => {} });
  const decision = budgets.reserve({ key: 'k', user: '', team: '', tenant: 't' }, spendOf(1));
  assert.ok(!(decision instanceof Promise) && decision.allowed);
});

test('callers that are known again spend from one account, when its window has ended and the clock is set back too', async () => {
  const clock = createSetClock(Date.UTC(2026, 0, 1));
  const spentBefore = () => Promise.resolve(0);
  const budgets = createMemoryBudgets([{ ...daily, per: 'tenant' }], {
    clock,
    spentBefore,
    onCrossed: () => {},
  });
  const callerOf = (key: string) => ({
    ...{ key, user: '', team: '', tenant: 't' },
    found: { limits: undefined, budgets: undefined },
  });
  const spend = async (caller: ReturnType<typeof callerOf>, from = budgets) => {
    const decision = await from.reserve(caller, spendOf(4));
    if (decision.allowed) decision.reservation?.settle(spendOf(4));
    return decision.allowed;
  };
  const [ada, ben] = [callerOf('ada'), callerOf('ben')];
  assert.deepEqual([await spend(ada), await spend(ben), await spend(ada)], [true, true, false]);
  clock.set(Date.UTC(2026, 0, 2, 1));
  assert.equal(await spend(ada), true);
  clock.set(Date.UTC(2026, 0, 1, 23));
  assert.deepEqual([await spend(ben), await spend(ada), await spend(ben)], [true, false, false]);
  const raised = budgets.follow([{ ...daily, per: 'tenant', usd: 12 }]);
  assert.deepEqual([await spend(ada, raised), await spend(ben, raised)], [true, false]);
});

test('nobody waits longer than three seconds for what was spent before, and who comes later has it', async () => {
  const clock = createSetClock(Date.UTC(2026, 0, 1, 12));
  let answer: (spent: number) => void = () => {};
  const spentBefore = () =>
    new Promise<number>((resolve) => {
      answer = resolve;
    });
  const budgets = createMemoryBudgets([daily], { clock, spentBefore, onCrossed: () => {} });
  const subject = { key: 'k', user: '', team: '', tenant: 't' };
  const waiting = budgets.reserve(subject, spendOf(1));
  clock.advance(3_000);
  assert.deepEqual(await waiting, { allowed: false, why: 'unavailable' });
  answer(10e9);
  await new Promise(setImmediate);
  const refused = await budgets.reserve(subject, spendOf(1));
  assert.ok(!refused.allowed && refused.why === 'spent');
});

test('G14: a flood of holders stays bounded, keeps what is set aside, and asks again for who was forgotten', async () => {
  const clock = createSetClock(Date.UTC(2026, 0, 1));
  const asked: string[] = [];
  const spentBefore = ({ holder, alsoOurs }: { holder: string; alsoOurs: boolean }) => {
    assert.ok(alsoOurs, 'we ourselves spent it');
    asked.push(holder);
    return Promise.resolve(1e9);
  };
  const budgets = createMemoryBudgets([daily], { clock, spentBefore, onCrossed: () => {} });
  const subject = (key: string) => ({ key, user: '', team: '', tenant: 't' });
  const held = await budgets.reserve(subject('first'), spendOf(9));
  const spender = await budgets.reserve(subject('second'), spendOf(1));
  assert.ok(held.allowed && spender.allowed);
  spender.reservation?.settle(spendOf(1));
  clock.advance(1_000);
  for (let stranger = 0; stranger < 100_000; stranger += 1) {
    const decision = await budgets.reserve(subject(`stranger-${stranger}`), spendOf(1));
    if (decision.allowed) decision.reservation?.settle(spendOf(1));
  }
  assert.ok((await budgets.standings()).length <= 100_000);
  assert.ok(!(await budgets.reserve(subject('first'), spendOf(2))).allowed);
  assert.ok((await budgets.reserve(subject('second'), spendOf(9))).allowed);
  assert.ok(!(await budgets.reserve(subject('second'), spendOf(1))).allowed);
  assert.ok(asked.includes('t/second'));
});
