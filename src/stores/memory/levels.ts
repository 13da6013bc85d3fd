/** How far ahead the allowance of each subject is spent, bounded in number, and what was given back of it. */
import type { Found } from '../../core/found.ts';
import type { LimitDecision, LimitSubject } from '../../core/ports.ts';
import { type Allowance, type Standing, tighter } from '../../core/standing.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  allowanceOf,
  debtMaxMs,
  holderOf,
  isOfCaller,
  type LimitRule,
  refusal,
  unitsOf,
} from '../limit-rules.ts';

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
  /** Nobody finds it any more: what is taken from then on counts elsewhere. */
  forgotten: boolean;
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

/** A caller's own level of one rule, and what else of it was found: a link, because a list is three things to fetch. */
class FoundLevel {
  readonly rule: LimitRule;
  readonly next: FoundLevel | undefined;
  level: Level;

  constructor(rule: LimitRule, level: Level, next: FoundLevel | undefined) {
    this.rule = rule;
    this.level = level;
    this.next = next;
  }
}

export class Levels {
  readonly #clock: Clock;
  readonly #rules: readonly LimitRule[];
  /** By the rule's id and the subject. */
  readonly #levels: ReadonlyMap<string, Map<string, Level>>;

  constructor(rules: readonly LimitRule[], clock: Clock, before?: Levels) {
    const known = before === undefined ? new Map<string, Map<string, Level>>() : before.#levels;
    this.#clock = clock;
    this.#rules = rules;
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
      const level = this.#levelFor(rule, subject) ?? this.#openFor(rule, subject, nowMs);
      spend(level, costMs, nowMs);
      const left = allowanceOf(rule, level.fullAtMs - nowMs, replicas);
      if (rule.unit === 'requests') {
        requests = tighter(requests, left);
        continue;
      }
      tokens = tighter(tokens, left);
      taken ??= [];
      const { fullAtMs, givenBackMs } = level;
      taken.push({ rule, who, level, costMs, tokenMs, fullAtMs, givenBackMs });
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
    const fullAtMs = this.#levelFor(rule, subject)?.fullAtMs ?? nowMs;
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
    const level = this.find(rule, who) ?? this.#open(rule, who, this.#clock.now());
    return Object.assign(level, learnt, { heardFullAtMs: fullAtMs, toldFullAtMs: fullAtMs });
  }

  #levelFor(rule: LimitRule, subject: LimitSubject): Level | undefined {
    const { found } = subject;
    if (found === undefined || !isOfCaller(rule)) return this.find(rule, holderOf(rule, subject));
    const known = linkOf(rule, this.#linksOf(found))?.level;
    if (known?.forgotten === false) return known;
    const level = this.find(rule, holderOf(rule, subject));
    return level === undefined ? undefined : this.#keep(rule, found, level);
  }

  #openFor(rule: LimitRule, subject: LimitSubject, nowMs: number): Level {
    const { found } = subject;
    const level = this.#open(rule, holderOf(rule, subject), nowMs);
    return found === undefined || !isOfCaller(rule) ? level : this.#keep(rule, found, level);
  }

  #keep(rule: LimitRule, found: Found, level: Level): Level {
    const first = this.#linksOf(found);
    const link = linkOf(rule, first);
    if (link === undefined) found.limits = new FoundLevel(rule, level, first);
    else link.level = level;
    return level;
  }

  /** Those that were found by the rules of another configuration are none. */
  #linksOf({ limits }: Found): FoundLevel | undefined {
    return limits instanceof FoundLevel && this.#rules[limits.rule.at] === limits.rule ? limits : undefined;
  }

  #owe({ rule, who, level: taken, tokenMs }: TakenTokens, costMs: number, nowMs: number): void {
    const level = taken.forgotten ? (this.find(rule, who) ?? this.#open(rule, who, nowMs)) : taken;
    spend(level, costMs, nowMs);
    level.fullAtMs = Math.min(level.fullAtMs, nowMs + rule.burst * tokenMs + debtMaxMs);
  }

  #giveBack(taken: TakenTokens, tooMuchMs: number, nowMs: number): void {
    const { level } = taken;
    // One that was forgotten meanwhile says nothing of this.
    if (level.forgotten || level.givenBackMs < taken.givenBackMs) return;
    const leftMs = taken.fullAtMs - nowMs - (level.givenBackMs - taken.givenBackMs);
    const backMs = Math.min(tooMuchMs, leftMs, level.fullAtMs - nowMs);
    if (backMs <= 0) return;
    level.fullAtMs -= backMs;
    level.givenBackMs += backMs;
  }

  /** Of whoever comes for the first time, or was forgotten: nothing is spent. */
  #open(rule: LimitRule, who: string, nowMs: number): Level {
    const level = {
      fullAtMs: nowMs,
      givenBackMs: 0,
      bornAt: 0,
      heardFullAtMs: 0,
      toldFullAtMs: 0,
      forgotten: false,
    };
    const levels = this.#of(rule);
    // Before it is among them: as long as it has spent nothing it would go with the idle.
    if (levels.size >= subjectsMax) forgetIdle(levels, nowMs);
    levels.set(who, level);
    return level;
  }

  #of(rule: LimitRule): Map<string, Level> {
    const levels = this.#levels.get(rule.id);
    if (levels === undefined) throw new Error(`the rule "${rule.name}" is not one of these levels'`);
    return levels;
  }
}

function linkOf(rule: LimitRule, first: FoundLevel | undefined): FoundLevel | undefined {
  let link = first;
  while (link !== undefined && link.rule !== rule) link = link.next;
  return link;
}

function spend(level: Level, costMs: number, nowMs: number): void {
  level.fullAtMs = Math.max(level.fullAtMs, nowMs) + costMs;
}

function forgetIdle(levels: Map<string, Level>, nowMs: number): void {
  for (const [who, level] of levels) if (level.fullAtMs <= nowMs) forget(levels, who, level);
  const tooMany = levels.size - subjectsMax / 2;
  if (tooMany <= 0) return;
  // A flood of strangers: whoever used least gives way, so that memory is bounded, and nobody is freed of much.
  const lastMs = Float64Array.from(levels.values(), ({ fullAtMs }) => fullAtMs).sort()[tooMany - 1] ?? nowMs;
  for (const [who, level] of levels) if (level.fullAtMs < lastMs) forget(levels, who, level);
  for (const [who, level] of levels) {
    if (levels.size <= subjectsMax / 2) break;
    if (level.fullAtMs === lastMs) forget(levels, who, level);
  }
}

function forget(levels: Map<string, Level>, who: string, level: Level): void {
  level.forgotten = true;
  levels.delete(who);
}
