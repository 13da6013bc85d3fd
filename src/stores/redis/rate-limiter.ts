/**
 * Rates over all replicas, in one script and by one clock. Each replica keeps beside it how far every allowance was
 * spent when it last heard: without Redis it goes on from there with its share, and when Redis is back, or has come
 * back empty, it tells what it knows. So the switch lets at most one more burst through, and usually none.
 */
import type { LimitDecision, LimitSubject, RateLimiter } from '../../core/ports.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  allowed,
  type ConfiguredRateLimiter,
  debtMax,
  holderOf,
  type LimitRule,
  type LimitRules,
  type RateLimit,
  refusal,
  rulesFor,
  rulesOf,
  unitsOf,
} from '../limit-rules.ts';
import { type Level, Levels, type TakenTokens } from '../memory/levels.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import { settleScript, takeScript } from './rate-limit-scripts.ts';
import { createScript, type Script, serverTime } from './script.ts';

export interface RedisRateLimiterOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  /** How many share the limits while Redis is away. */
  readonly replicas: () => number;
  /** Lua that sets `now` in microseconds: the server's own clock, unless a test holds it. */
  readonly time?: string;
}

export function createRedisRateLimiter(
  limits: readonly RateLimit[],
  options: RedisRateLimiterOptions,
): ConfiguredRateLimiter {
  const rules = rulesOf(limits);
  return new RedisRateLimiter(rules, new Levels(rules.all, options.clock), options);
}

/** What we know is held back by the time an operation may take: told too late it would count twice. */
const knownForMs = 100;
/** So far ahead of the server's clock that sums of both are whole numbers to the last microsecond. */
const microsMax = 3e15;

/** Tokens taken over Redis: both as it counts and as we do, should it be away when they are settled. */
interface SharedTokens extends TakenTokens {
  readonly key: string;
  readonly costMicros: number;
  readonly fullAtMicros: number;
  readonly givenBackMicros: number;
  readonly bornAt: number;
}

class RedisRateLimiter implements RateLimiter {
  readonly #rules: LimitRules;
  readonly #levels: Levels;
  readonly #options: RedisRateLimiterOptions;
  readonly #take: Script;
  readonly #settle: Script;

  constructor(rules: LimitRules, levels: Levels, options: RedisRateLimiterOptions) {
    const time = options.time ?? serverTime;
    this.#rules = rules;
    this.#levels = levels;
    this.#options = options;
    this.#take = createScript('take', `${time}${takeScript}`);
    this.#settle = createScript('settle', `${time}${settleScript}`);
  }

  get limitsCalls(): boolean {
    return this.#rules.ofCalls.length > 0;
  }

  take(subject: LimitSubject): LimitDecision | Promise<LimitDecision> {
    const rules = rulesFor(this.#rules, subject);
    if (rules.length === 0) return allowed;
    if (!this.#options.redis.state.ready) return this.#takeShare(rules, subject);
    return this.#takeShared(rules, subject);
  }

  follow(limits: readonly RateLimit[]): ConfiguredRateLimiter {
    const rules = rulesOf(limits);
    const levels = new Levels(rules.all, this.#options.clock, this.#levels);
    return new RedisRateLimiter(rules, levels, this.#options);
  }

  #takeShare(rules: readonly LimitRule[], subject: LimitSubject): LimitDecision {
    return this.#levels.take(rules, subject, this.#options.replicas());
  }

  async #takeShared(rules: readonly LimitRule[], subject: LimitSubject): Promise<LimitDecision> {
    const sentMs = this.#options.clock.now();
    try {
      const keys = rules.map((rule) => keyOf(rule, subject));
      const args = rules.flatMap((rule) => this.#argsOf(rule, subject, sentMs));
      const reply = await this.#options.redis.run(this.#take, keys, args);
      return this.#learn(rules, subject, { sentMs, reply: parseReply(reply, rules.length) });
    } catch (thrown) {
      if (!(thrown instanceof RedisError)) throw thrown;
      return this.#takeShare(rules, subject);
    }
  }

  #argsOf(rule: LimitRule, subject: LimitSubject, nowMs: number): readonly string[] {
    const { cost, tolerance, cap } = microsOf(rule, subject);
    const level = this.#levels.find(rule, holderOf(rule, subject));
    const aheadMs = this.#levels.aheadMs(rule, subject, nowMs) - knownForMs;
    const known = Math.min(microsMax, Math.max(0, Math.floor(aheadMs * 1000)));
    const born = rule.unit === 'requests' ? -1 : (level?.bornAt ?? 0);
    const back = Math.round((level?.givenBackMs ?? 0) * 1000);
    return [cost, tolerance, cap, known, born, back].map(String);
  }

  #learn(
    rules: readonly LimitRule[],
    subject: LimitSubject,
    { sentMs, reply }: { sentMs: number; reply: LevelsReply },
  ): LimitDecision {
    const taken: SharedTokens[] = [];
    for (const [index, rule] of rules.entries()) {
      const heard = reply.levels[index];
      if (heard === undefined) continue;
      const who = holderOf(rule, subject);
      const level = this.#hear(rule, who, { sentMs, nowMicros: reply.nowMicros, heard });
      if (rule.unit === 'requests' || reply.refusedBy !== 0) continue;
      const { cost } = microsOf(rule, subject);
      const ours = { rule, who, level, costMs: cost / 1000, tokenMs: rule.intervalMs, ...level };
      const theirs = { fullAtMicros: heard.fullAtMicros, givenBackMicros: heard.givenBackMicros };
      taken.push({ ...ours, ...theirs, key: keyOf(rule, subject), costMicros: cost });
    }
    const refusing = rules[reply.refusedBy - 1];
    if (refusing !== undefined) return refusal(refusing, reply.wait / 1000);
    if (taken.length === 0) return allowed;
    return { allowed: true, settle: (tokens) => this.#settleTokens(taken, tokens) };
  }

  /** From when it was sent, and so rather too early than too late. */
  #hear(rule: LimitRule, who: string, told: { sentMs: number; nowMicros: number; heard: HeardLevel }): Level {
    const { heard } = told;
    const fullAtMs = told.sentMs + (heard.fullAtMicros - told.nowMicros) / 1000;
    const known = this.#levels.find(rule, who);
    // Of requests nothing is given back: whoever knows of more is right.
    const later = rule.unit === 'requests' ? Math.max(fullAtMs, known?.fullAtMs ?? 0) : fullAtMs;
    const givenBackMs = heard.givenBackMicros / 1000;
    return this.#levels.put(rule, who, { fullAtMs: later, givenBackMs, bornAt: heard.bornAt });
  }

  #settleTokens(taken: readonly SharedTokens[], tokens: number): void {
    if (this.#options.redis.state.ready) void this.#settleShared(taken, tokens);
    else this.#levels.settle(taken, tokens);
  }

  async #settleShared(taken: readonly SharedTokens[], tokens: number): Promise<void> {
    const sentMs = this.#options.clock.now();
    try {
      const keys = taken.map(({ key }) => key);
      const args = taken.flatMap((each) => settleArgs(each, tokens));
      const answer = await this.#options.redis.run(this.#settle, keys, args);
      const { nowMicros, levels } = parseReply(answer, taken.length);
      for (const [index, heard] of levels.entries()) {
        const each = taken[index];
        if (each !== undefined) this.#hear(each.rule, each.who, { sentMs, nowMicros, heard });
      }
    } catch (thrown) {
      if (!(thrown instanceof RedisError)) throw thrown;
      this.#levels.settle(taken, tokens);
    }
  }
}

/** One hash tag for all: they are taken from together. */
function keyOf(rule: LimitRule, subject: LimitSubject): string {
  return `millrace:{limits}:rate:${rule.id}:${holderOf(rule, subject)}`;
}

/** Costs are rounded up: a little too strict, by less than a microsecond a request, and never too loose. */
function microsOf(rule: LimitRule, subject: LimitSubject): { cost: number; tolerance: number; cap: number } {
  const micros = rule.intervalMs * 1000;
  if (rule.unit === 'requests') {
    const cost = Math.min(microsMax, Math.ceil(micros));
    const tolerance = Math.min(microsMax, cost * (rule.burst - 1));
    return { cost, tolerance, cap: tolerance + cost };
  }
  const whole = Math.min(microsMax / 2, Math.floor(micros * rule.burst));
  const cost = Math.min(whole, Math.ceil(micros * unitsOf(rule, subject)));
  return { cost, tolerance: whole - cost, cap: whole * (1 + debtMax) };
}

function settleArgs(taken: SharedTokens, tokens: number): readonly string[] {
  const micros = taken.rule.intervalMs * 1000;
  const more = Math.min(microsMax, Math.ceil(tokens * micros)) - taken.costMicros;
  const cap = Math.min(microsMax / 2, Math.floor(micros * taken.rule.burst)) * (1 + debtMax);
  return [more, cap, taken.fullAtMicros, taken.bornAt, taken.givenBackMicros].map(String);
}

interface HeardLevel {
  readonly fullAtMicros: number;
  readonly bornAt: number;
  readonly givenBackMicros: number;
}

interface LevelsReply {
  /** From 1; 0 when none refuses. */
  readonly refusedBy: number;
  /** In microseconds. */
  readonly wait: number;
  readonly nowMicros: number;
  readonly levels: readonly HeardLevel[];
}

function parseReply(reply: unknown, rules: number): LevelsReply {
  if (Array.isArray(reply) && reply.length === 3 * rules + 3 && reply.every(Number.isSafeInteger)) {
    const [refusedBy, wait, nowMicros, ...rest] = reply as [number, number, number, ...number[]];
    const levels = Array.from({ length: rules }, (_, index) => ({
      fullAtMicros: rest[3 * index] ?? 0,
      bornAt: rest[3 * index + 1] ?? 0,
      givenBackMicros: rest[3 * index + 2] ?? 0,
    }));
    return { refusedBy, wait, nowMicros, levels };
  }
  throw new RedisError('refused', { detail: 'its answer about limits makes no sense' });
}
