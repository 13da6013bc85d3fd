/**
 * Rates over all replicas, in one script and by one clock. Each replica keeps beside it how far every allowance was
 * spent when it last heard: without Redis it goes on from there with its share, and when Redis is back, or has come
 * back empty, it tells what it knows and what it took meanwhile (`returning.ts`).
 */
import type { LimitDecision, LimitSubject, RateLimiter } from '../../core/ports.ts';
import { type Standing, tighter } from '../../core/standing.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  allowanceOf,
  allowed,
  type ConfiguredRateLimiter,
  debtMaxMs,
  holderOf,
  isEmpty,
  type LimitRule,
  type LimitRules,
  type LimitStep,
  placeWaitMs,
  type RateLimit,
  refusal,
  rulesOf,
  stepFor,
  unitsOf,
} from '../limit-rules.ts';
import type { Level, TakenTokens } from '../memory/levels.ts';
import { LocalLimits } from '../memory/local-limits.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import { settleScript, takeScript } from './rate-limit-scripts.ts';
import { Returning, type ToldLevel } from './returning.ts';
import { createScript, type Script, serverTime } from './script.ts';
import { keyOfPlace, leaseMicros, SharedPlaces } from './shared-places.ts';
import { markOf } from './turned-away.ts';

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
  const local = new LocalLimits(rules, options.clock);
  const timed = { ...options, time: options.time ?? serverTime };
  const shared = new SharedPlaces(local.places, timed);
  const returning = new Returning(timed, toldLevel);
  return new RedisRateLimiter(options, { rules, local, shared, returning });
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

interface Counting {
  readonly rules: LimitRules;
  readonly local: LocalLimits;
  readonly shared: SharedPlaces;
  readonly returning: Returning;
}

class RedisRateLimiter implements RateLimiter {
  readonly limitsCallers: boolean;
  readonly limitsCalls: boolean;
  readonly #rules: LimitRules;
  readonly #local: LocalLimits;
  readonly #shared: SharedPlaces;
  readonly #returning: Returning;
  readonly #options: RedisRateLimiterOptions;
  readonly #take: Script;
  readonly #settle: Script;

  constructor(options: RedisRateLimiterOptions, { rules, local, shared, returning }: Counting) {
    const time = options.time ?? serverTime;
    this.limitsCallers = !isEmpty(rules.atDoor);
    this.limitsCalls = !isEmpty(rules.ofCalls);
    this.#rules = rules;
    this.#local = local;
    this.#shared = shared;
    this.#returning = returning;
    returning.follow(rules.rates, local.levels);
    this.#options = options;
    this.#take = createScript('take', `${time}${takeScript}`);
    this.#settle = createScript('settle', `${time}${settleScript}`);
  }

  take(subject: LimitSubject): LimitDecision | Promise<LimitDecision> {
    const step = stepFor(this.#rules, subject);
    if (isEmpty(step)) return allowed;
    // Whoever has all the places alone needs not ask whether there are more.
    const full = this.#local.places.full(step.places, subject, 1);
    if (full !== undefined) return this.#local.refuse(full, step, { subject, replicas: 1 });
    const lease = step.places.length === 0 ? '' : this.#shared.newLease();
    if (!this.#options.redis.state.ready) return this.#takeShare(step, subject, lease);
    if (this.#returning.holds && step.rates.length > 0) return this.#takeBoth(step, subject, lease);
    const alone = () => this.#takeShare(step, subject, lease);
    return this.#takeShared(step, subject, { lease, alone });
  }

  follow(limits: readonly RateLimit[]): ConfiguredRateLimiter {
    const rules = rulesOf(limits);
    const local = this.#local.follow(rules);
    return new RedisRateLimiter(this.#options, {
      rules,
      local,
      shared: this.#shared,
      returning: this.#returning,
    });
  }

  #takeShare(step: LimitStep, subject: LimitSubject, lease: string): LimitDecision {
    const replicas = this.#options.replicas();
    const decision = this.#local.take(step, subject, { replicas, holding: this.#shared.holding(lease) });
    if (!decision.allowed) return decision;
    // When the server is back it is told of them.
    if (step.places.length > 0) this.#shared.renew();
    if (step.rates.length === 0) return decision;
    const note = () => this.#returning.note(step.rates, subject, this.#local.levels);
    note();
    const { settle } = decision;
    if (settle === undefined) return decision;
    return {
      ...decision,
      settle: (tokens) => {
        settle(tokens);
        note();
      },
    };
  }

  /** From our share, and from what the server knows is left. */
  #takeBoth(step: LimitStep, subject: LimitSubject, lease: string): LimitDecision | Promise<LimitDecision> {
    const { levels } = this.#local;
    const { rates, places } = step;
    const replicas = this.#options.replicas();
    const share = levels.take(rates, subject, replicas);
    if (!share.allowed) return share;
    // The server counts it by itself, unless it cannot be asked.
    const taken = rates.flatMap((rule) => {
      const level = levels.find(rule, holderOf(rule, subject));
      return level === undefined ? [] : [{ level, ms: unitsOf(rule, subject) * rule.intervalMs * replicas }];
    });
    const nowMs = this.#options.clock.now();
    for (const { level, ms } of taken) {
      level.toldFullAtMs = Math.min(level.fullAtMs, Math.max(nowMs, level.toldFullAtMs) + ms);
    }
    const alone = () => {
      for (const { level, ms } of taken) level.toldFullAtMs -= ms;
      this.#returning.note(rates, subject, levels);
      const held = this.#takeShare({ rates: [], places }, subject, lease);
      return held.allowed ? { ...share, ...held } : held;
    };
    return this.#takeShared(step, subject, { lease, alone });
  }

  async #takeShared(
    step: LimitStep,
    subject: LimitSubject,
    { lease, alone }: { lease: string; alone: () => LimitDecision },
  ): Promise<LimitDecision> {
    const { rates, places } = step;
    const sentMs = this.#options.clock.now();
    const mark = markOf(subject);
    try {
      const keys = [
        ...rates.map((rule) => keyOf(rule, subject)),
        ...places.map((rule) => keyOfPlace({ rule, who: holderOf(rule, subject) })),
        ...mark.keys,
      ];
      const args = [
        ...rates.flatMap((rule) => this.#argsOf(rule, subject, sentMs)),
        ...places.map((rule) => String(rule.places)),
        ...[mark.does, lease, String(leaseMicros), String(rates.length)],
      ];
      const reply = await this.#options.redis.run(this.#take, keys, args);
      const told = { sentMs, reply: parseReply(reply, rates.length) };
      const decision = this.#learn(step, subject, told);
      if (places.length === 0 || !decision.allowed) return decision;
      this.#shared.renew();
      return this.#local.enter(step, subject, { decision, ...this.#shared.holding(lease) });
    } catch (thrown) {
      if (!(thrown instanceof RedisError)) throw thrown;
      return alone();
    }
  }

  #argsOf(rule: LimitRule, subject: LimitSubject, nowMs: number): readonly string[] {
    const { cost, tolerance, cap } = microsOf(rule, subject);
    const level = this.#local.levels.find(rule, holderOf(rule, subject));
    const aheadMs = (level?.heardFullAtMs ?? nowMs) - nowMs - knownForMs;
    const known = microsKnown(aheadMs);
    const born = rule.unit === 'requests' ? -1 : (level?.bornAt ?? 0);
    const back = Math.round((level?.givenBackMs ?? 0) * 1000);
    return [cost, tolerance, cap, known, born, back].map(String);
  }

  #learn(
    { rates, places }: LimitStep,
    subject: LimitSubject,
    { sentMs, reply }: { sentMs: number; reply: LevelsReply },
  ): LimitDecision {
    const taken: SharedTokens[] = [];
    for (const [index, rule] of rates.entries()) {
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
    const standing = standingOf(rates, reply);
    const rule = [...rates, ...places][reply.refusedBy - 1];
    // Its first step was: that one's refusal is what is told.
    if (rule === undefined && reply.refusedBy > 0)
      return { allowed: false, limit: '', retryAfterMs: 1, standing };
    if (rule !== undefined) {
      return refusal({ rule, waitMs: 'places' in rule ? placeWaitMs : reply.wait / 1000, standing });
    }
    if (taken.length === 0) return { allowed: true, standing };
    return { allowed: true, standing, settle: (tokens) => this.#settleTokens(taken, tokens) };
  }

  /** From when it was sent, and so rather too early than too late. */
  #hear(rule: LimitRule, who: string, told: { sentMs: number; nowMicros: number; heard: HeardLevel }): Level {
    const { heard } = told;
    const fullAtMs = told.sentMs + (heard.fullAtMicros - told.nowMicros) / 1000;
    const known = this.#local.levels.find(rule, who);
    // Of requests nothing is given back: whoever knows of more is right.
    const later = rule.unit === 'requests' ? Math.max(fullAtMs, known?.heardFullAtMs ?? 0) : fullAtMs;
    const givenBackMs = heard.givenBackMicros / 1000;
    const { bornAt } = heard;
    // Our share of what was left goes on beside it for a while.
    if (known !== undefined && this.#returning.holds)
      return Object.assign(known, { heardFullAtMs: later, givenBackMs, bornAt });
    return this.#local.levels.put(rule, who, { fullAtMs: later, givenBackMs, bornAt });
  }

  /** Without a number what was taken stays taken. */
  #settleTokens(taken: readonly SharedTokens[], tokens: number | undefined): void {
    if (tokens === undefined) return;
    if (this.#options.redis.state.ready) void this.#settleShared(taken, tokens);
    else this.#settleAlone(taken, tokens);
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
      this.#settleAlone(taken, tokens);
    }
  }

  /** What it came to besides is owed as if it had been taken from our share. */
  #settleAlone(taken: readonly SharedTokens[], tokens: number): void {
    const replicas = this.#options.replicas();
    const scaled = taken.map((each) =>
      tokens * each.tokenMs <= each.costMs
        ? each
        : { ...each, costMs: each.costMs * replicas, tokenMs: each.tokenMs * replicas },
    );
    this.#local.levels.settle(scaled, tokens);
    this.#returning.noteAll(taken.map(({ rule, who }) => ({ rule, who, levels: this.#local.levels })));
  }
}

/** One hash tag for all: they are taken from together. */
function keyOf(rule: LimitRule, subject: LimitSubject): string {
  return keyOfHolder(rule, holderOf(rule, subject));
}

function keyOfHolder({ id }: LimitRule, who: string): string {
  return `millrace:{limits}:rate:${id}:${who}`;
}

/** Costs are rounded up: a little too strict, by less than a microsecond a request, and never too loose. */
function microsOf(rule: LimitRule, subject: LimitSubject): { cost: number; tolerance: number; cap: number } {
  const micros = rule.intervalMs * 1000;
  if (rule.unit === 'requests') {
    const cost = Math.min(microsMax, Math.ceil(micros));
    const tolerance = Math.min(microsMax, cost * (rule.burst - 1));
    return { cost, tolerance, cap: tolerance + cost };
  }
  const whole = wholeMicrosOf(rule);
  const cost = Math.min(whole, Math.ceil(micros * unitsOf(rule, subject)));
  return { cost, tolerance: whole - cost, cap: whole + debtMaxMicros };
}

function toldLevel(rule: LimitRule, who: string): ToldLevel {
  const whole = wholeMicrosOf(rule);
  const isRequests = rule.unit === 'requests';
  return {
    key: keyOfHolder(rule, who),
    args: (level, { knownMs, untoldMs }) =>
      [
        microsKnown(knownMs - knownForMs),
        isRequests ? -1 : level.bornAt,
        isRequests ? 0 : Math.round(level.givenBackMs * 1000),
        Math.min(microsMax, Math.ceil(untoldMs * 1000)),
        isRequests
          ? Math.min(microsMax, Math.ceil(rule.intervalMs * 1000) * rule.burst)
          : whole + debtMaxMicros,
        whole,
      ].map(String),
  };
}

function microsKnown(ms: number): number {
  return Math.min(microsMax, Math.max(0, Math.floor(ms * 1000)));
}

const debtMaxMicros = debtMaxMs * 1_000;

/** How long an allowance that is all spent takes until it is whole. */
function wholeMicrosOf({ intervalMs, burst }: LimitRule): number {
  return Math.min(microsMax / 2, Math.floor(intervalMs * 1000 * burst));
}

function settleArgs(taken: SharedTokens, tokens: number): readonly string[] {
  const micros = taken.rule.intervalMs * 1000;
  const more = Math.min(microsMax, Math.ceil(tokens * micros)) - taken.costMicros;
  return [
    more,
    wholeMicrosOf(taken.rule),
    debtMaxMicros,
    taken.fullAtMicros,
    taken.bornAt,
    taken.givenBackMicros,
  ].map(String);
}

function standingOf(rates: readonly LimitRule[], { levels, nowMicros }: LevelsReply): Standing | undefined {
  if (rates.length === 0) return undefined;
  const left = (unit: LimitRule['unit']) =>
    rates
      .flatMap((rule, index) => {
        const heard = levels[index];
        if (rule.unit !== unit || heard === undefined) return [];
        return allowanceOf(rule, Math.max(0, heard.fullAtMicros - nowMicros) / 1000, 1);
      })
      .reduce(tighter, undefined);
  return { requests: left('requests'), tokens: left('tokens') };
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
