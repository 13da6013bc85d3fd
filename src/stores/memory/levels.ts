/** How far ahead the allowance of each subject is spent: one moment each, and bounded in number. */
import type { LimitDecision, LimitSubject } from '../../core/ports.ts';
import { allowed, holderOf, type LimitRule, refusal } from '../limit-rules.ts';

/** More subjects than this and those with a full allowance are forgotten: forgetting them changes no decision. */
const subjectsMax = 100_000;

export class Levels {
  /** By the rule's id and the subject: when its allowance is next untouched. */
  readonly #fullAtMs: ReadonlyMap<string, Map<string, number>>;

  constructor(rules: readonly LimitRule[], before?: Levels) {
    const known = before === undefined ? new Map<string, Map<string, number>>() : before.#fullAtMs;
    this.#fullAtMs = new Map(rules.map(({ id }) => [id, known.get(id) ?? new Map<string, number>()]));
  }

  /**
   * Takes from all of the rules or from none. As one of several replicas, from this one's share of each: the rate and
   * the burst divided by their number, though never less than one request at a time.
   */
  take(
    rules: readonly LimitRule[],
    subject: LimitSubject,
    at: { nowMs: number; replicas: number },
  ): LimitDecision {
    const { nowMs, replicas } = at;
    for (const rule of rules) {
      const toleranceMs = Math.max(0, rule.burst - replicas) * rule.intervalMs;
      const waitMs = this.aheadMs(rule, subject, nowMs) - toleranceMs;
      if (waitMs > 0) return refusal(rule, waitMs);
    }
    for (const rule of rules) {
      const fullAtMs = nowMs + this.aheadMs(rule, subject, nowMs) + rule.intervalMs * replicas;
      this.#set(rule, holderOf(rule, subject), { fullAtMs, nowMs });
    }
    return allowed;
  }

  /** 0 when nothing is spent. */
  aheadMs(rule: LimitRule, subject: LimitSubject, nowMs: number): number {
    const fullAtMs = this.#of(rule).get(holderOf(rule, subject)) ?? nowMs;
    return Math.max(0, fullAtMs - nowMs);
  }

  /** At least so much is spent, as was learnt elsewhere. */
  raise(rule: LimitRule, subject: LimitSubject, level: { fullAtMs: number; nowMs: number }): void {
    const who = holderOf(rule, subject);
    if (level.fullAtMs > (this.#of(rule).get(who) ?? level.nowMs)) this.#set(rule, who, level);
  }

  #set(rule: LimitRule, who: string, { fullAtMs, nowMs }: { fullAtMs: number; nowMs: number }): void {
    const levels = this.#of(rule);
    levels.set(who, fullAtMs);
    if (levels.size > subjectsMax) forgetIdle(levels, nowMs);
  }

  #of(rule: LimitRule): Map<string, number> {
    const levels = this.#fullAtMs.get(rule.id);
    if (levels === undefined) throw new Error(`the rule "${rule.name}" is not one of these levels'`);
    return levels;
  }
}

function forgetIdle(levels: Map<string, number>, nowMs: number): void {
  for (const [who, fullAt] of levels) if (fullAt <= nowMs) levels.delete(who);
  // A flood of strangers: the oldest give way, so that memory stays bounded whatever comes.
  for (const who of levels.keys()) {
    if (levels.size <= subjectsMax / 2) break;
    levels.delete(who);
  }
}
