/** How far ahead the allowance of each subject is spent, bounded in number, and what was given back of it. */
import type { LimitDecision, LimitSubject } from '../../core/ports.ts';
import { type Allowance, type Standing, tighter } from '../../core/standing.ts';
import type { Clock } from '../../lib/clock.ts';
import { allowanceOf, debtMaxMs, holderOf, type LimitRule, refusal, unitsOf } from '../limit-rules.ts';

/** More subjects than this and those with a full allowance are forgotten: forgetting them changes no decision. */
const subjectsMax = 100_000;

export interface Level {
  /** When its allowance is next untouched. */
  fullAtMs: number;
  /** What was given back, all in all, since the moment that `bornAt` stands for. */
  givenBackMs: number;
  bornAt: number;
  /** Where replicas share it: that moment as all of them know it. A share that is taken without asking moves only the first. */
  heardFullAtMs: number;
  /** What was taken up to there the others have been told of. */
  toldFullAtMs: number;
}

/** What was learnt elsewhere. */
export type LearntLevel = Pick<Level, 'fullAtMs' | 'givenBackMs' | 'bornAt'>;

/** Tokens taken from one rule before anybody knew how many they would be. */
export interface TakenTokens {
  readonly rule: LimitRule;
  readonly who: string;
  readonly level: Level;
  readonly costMs: number;
  readonly tokenMs: number;
  /** As they were right after it. */
  readonly fullAtMs: number;
  readonly givenBackMs: number;
}

export class Levels {
  readonly #clock: Clock;
  /** By the rule's id and the subject. */
  readonly #levels: ReadonlyMap<string, Map<string, Level>>;

  constructor(rules: readonly LimitRule[], clock: Clock, before?: Levels) {
    const known = before === undefined ? new Map<string, Map<string, Level>>() : before.#levels;
    this.#clock = clock;
    this.#levels = new Map(rules.map(({ id }) => [id, known.get(id) ?? new Map<string, Level>()]));
  }

  /**
   * Takes from all of the rules or from none. As one of several replicas, from this one's share of each: the rate and
   * the burst divided by their number, though never less than one request at a time.
   */
  take(rules: readonly LimitRule[], subject: LimitSubject, replicas: number): LimitDecision {
    const nowMs = this.#clock.now();
    for (const rule of rules) {
      const toleranceMs = Math.max(0, rule.burst - unitsOf(rule, subject) * replicas) * rule.intervalMs;
      const waitMs = this.aheadMs(rule, subject, nowMs) - toleranceMs;
      if (waitMs > 0) return refusal({ rule, waitMs, standing: this.standing(rules, subject, replicas) });
    }
    let taken: TakenTokens[] | undefined;
    let requests: Allowance | undefined;
    let tokens: Allowance | undefined;
    for (const rule of rules) {
      const tokenMs = rule.intervalMs * replicas;
      const costMs = unitsOf(rule, subject) * tokenMs;
      const who = holderOf(rule, subject);
      const level = this.#spend(rule, who, { costMs, nowMs });
      const left = allowanceOf(rule, level.fullAtMs - nowMs, replicas);
      if (rule.unit === 'requests') {
        requests = tighter(requests, left);
        continue;
      }
      tokens = tighter(tokens, left);
      taken ??= [];
      taken.push({ rule, who, level, costMs, tokenMs, ...level });
    }
    const standing = { requests, tokens };
    if (taken === undefined) return { allowed: true, standing };
    const all = taken;
    return { allowed: true, standing, settle: (used) => this.settle(all, used) };
  }

  standing(rules: readonly LimitRule[], subject: LimitSubject, replicas: number): Standing {
    const nowMs = this.#clock.now();
    const left = (unit: LimitRule['unit']) =>
      rules
        .filter((rule) => rule.unit === unit)
        .map((rule) => allowanceOf(rule, this.aheadMs(rule, subject, nowMs), replicas))
        .reduce(tighter, undefined);
    return { requests: left('requests'), tokens: left('tokens') };
  }

  /** Without a number what was taken stays taken. */
  settle(taken: readonly TakenTokens[], tokens: number | undefined): void {
    if (tokens === undefined) return;
    const nowMs = this.#clock.now();
    for (const each of taken) {
      const moreMs = tokens * each.tokenMs - each.costMs;
      if (moreMs > 0) this.#owe(each, moreMs, nowMs);
      else this.#giveBack(each, -moreMs, nowMs);
    }
  }

  /** 0 when nothing is spent. */
  aheadMs(rule: LimitRule, subject: LimitSubject, nowMs: number): number {
    const fullAtMs = this.find(rule, holderOf(rule, subject))?.fullAtMs ?? nowMs;
    return Math.max(0, fullAtMs - nowMs);
  }

  /** Whose allowance of it is not whole. */
  *spent(rule: LimitRule): Generator<string> {
    const nowMs = this.#clock.now();
    for (const [who, { fullAtMs }] of this.#of(rule)) if (fullAtMs > nowMs) yield who;
  }

  find(rule: LimitRule, who: string): Level | undefined {
    return this.#of(rule).get(who);
  }

  put(rule: LimitRule, who: string, learnt: LearntLevel): Level {
    const { fullAtMs } = learnt;
    const heard = { ...learnt, heardFullAtMs: fullAtMs, toldFullAtMs: fullAtMs };
    const level = this.find(rule, who);
    if (level !== undefined) return Object.assign(level, heard);
    return this.#add(rule, who, { level: heard, nowMs: this.#clock.now() });
  }

  #spend(rule: LimitRule, who: string, { costMs, nowMs }: { costMs: number; nowMs: number }): Level {
    const level = this.find(rule, who);
    if (level === undefined) {
      const fullAtMs = nowMs + costMs;
      const fresh = { fullAtMs, givenBackMs: 0, bornAt: 0, heardFullAtMs: 0, toldFullAtMs: 0 };
      return this.#add(rule, who, { level: fresh, nowMs });
    }
    level.fullAtMs = Math.max(level.fullAtMs, nowMs) + costMs;
    return level;
  }

  #owe({ rule, who, tokenMs }: TakenTokens, costMs: number, nowMs: number): void {
    const level = this.#spend(rule, who, { costMs, nowMs });
    level.fullAtMs = Math.min(level.fullAtMs, nowMs + rule.burst * tokenMs + debtMaxMs);
  }

  #giveBack(taken: TakenTokens, tooMuchMs: number, nowMs: number): void {
    const level = this.find(taken.rule, taken.who);
    // One that was forgotten meanwhile says nothing of this.
    if (level === undefined || level !== taken.level || level.givenBackMs < taken.givenBackMs) return;
    const leftMs = taken.fullAtMs - nowMs - (level.givenBackMs - taken.givenBackMs);
    const backMs = Math.min(tooMuchMs, leftMs, level.fullAtMs - nowMs);
    if (backMs <= 0) return;
    level.fullAtMs -= backMs;
    level.givenBackMs += backMs;
  }

  #add(rule: LimitRule, who: string, { level, nowMs }: { level: Level; nowMs: number }): Level {
    const levels = this.#of(rule);
    levels.set(who, level);
    if (levels.size > subjectsMax) forgetIdle(levels, nowMs);
    return level;
  }

  #of(rule: LimitRule): Map<string, Level> {
    const levels = this.#levels.get(rule.id);
    if (levels === undefined) throw new Error(`the rule "${rule.name}" is not one of these levels'`);
    return levels;
  }
}

function forgetIdle(levels: Map<string, Level>, nowMs: number): void {
  for (const [who, { fullAtMs }] of levels) if (fullAtMs <= nowMs) levels.delete(who);
  const tooMany = levels.size - subjectsMax / 2;
  if (tooMany <= 0) return;
  // A flood of strangers: whoever used least gives way, so that memory is bounded, and nobody is freed of much.
  const lastMs = Float64Array.from(levels.values(), ({ fullAtMs }) => fullAtMs).sort()[tooMany - 1] ?? nowMs;
  for (const [who, { fullAtMs }] of levels) if (fullAtMs < lastMs) levels.delete(who);
  for (const [who, { fullAtMs }] of levels) {
    if (levels.size <= subjectsMax / 2) break;
    if (fullAtMs === lastMs) levels.delete(who);
  }
}
