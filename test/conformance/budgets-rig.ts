/** Budgets in the hands of a test: a clock with a wall to be set, and what is told and asked by the way. */
import assert from 'node:assert/strict';
import type { BudgetSubject, Reservation, Spend } from '../../src/core/budget.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type {
  BudgetOption,
  BudgetsOptions,
  ConfiguredBudgets,
  SpentQuestion,
} from '../../src/stores/budget-rules.ts';
import { createHeldClock, type HeldClock } from '../held-clock.ts';
import { createCallers } from './callers.ts';

export interface BudgetsRig {
  readonly budgets: ConfiguredBudgets;
  /** Everything that was told to the driver has been counted. */
  quiet(): Promise<void>;
}

/** With nothing counted yet, and by this clock alone. */
export type OpenBudgets = (
  budgets: readonly BudgetOption[],
  options: BudgetsOptions & { readonly clock: Clock },
) => Promise<BudgetsRig>;

export const subject: BudgetSubject = { key: 'k', user: 'u', team: 'x', tenant: 't' };
export const alertAt = [0.5, 0.8, 1];
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
/** A Wednesday. */
export const wednesdayMs = Date.UTC(2026, 3, 15, 12);

export const spendOf = (count: number): Spend => ({ nanoUsd: count * 1e9, tokens: count, requests: 1 });
export const daily = (usd: number): BudgetOption => ({ per: 'key', usd, window: 'day', alertAt });

/** One that has a wall clock to be set besides. */
export interface SetClock extends Pick<HeldClock, 'now' | 'wall' | 'after' | 'advance'> {
  set(wallMs: number): void;
}

export function createSetClock(startMs: number): SetClock {
  const held = createHeldClock();
  let offsetMs = startMs;
  const wall = () => offsetMs + held.now();
  const set = (wallMs: number) => {
    offsetMs = wallMs - held.now();
  };
  return { now: held.now, after: held.after, advance: held.advance, wall, set };
}

export async function openHandled(
  open: OpenBudgets,
  options: readonly BudgetOption[],
  changed: Partial<BudgetsOptions> = {},
) {
  const clock = createSetClock(wednesdayMs);
  const crossed: [string, number][] = [];
  const asked: SpentQuestion[] = [];
  const rig = await open(options, {
    clock,
    spentBefore: (question) => {
      asked.push(question);
      return Promise.resolve(0);
    },
    onCrossed: ({ holder }, share) => void crossed.push([holder, share]),
    ...changed,
  });
  const { budgets } = rig;
  const callerOf = createCallers();
  const reserve = async (count: number, who: Partial<BudgetSubject> = {}, from = budgets) => {
    await rig.quiet();
    return await from.reserve(callerOf({ ...subject, ...who }), spendOf(count));
  };
  const hold = async (count: number, who: Partial<BudgetSubject> = {}): Promise<Reservation> => {
    const decision = await reserve(count, who);
    assert.ok(decision.allowed && decision.reservation !== undefined, JSON.stringify(decision));
    return decision.reservation;
  };
  const spend = async (count: number, who: Partial<BudgetSubject> = {}) => {
    (await hold(count, who)).settle(spendOf(count));
    await rig.quiet();
  };
  const extend = async (reservation: Reservation, count: number) => {
    await rig.quiet();
    return await reservation.extend(spendOf(count));
  };
  const left = async (most: number, who: Partial<BudgetSubject> = {}) => {
    for (let count = most; count > 0; count -= 1) {
      const decision = await reserve(count, who);
      if (!decision.allowed) continue;
      decision.reservation?.settle({ nanoUsd: 0, tokens: 0, requests: 0 });
      await rig.quiet();
      return count;
    }
    return 0;
  };
  return { ...rig, clock, crossed, asked, reserve, hold, spend, extend, left };
}
