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
  holderOf,
  type LimitRule,
  type LimitRules,
  type RateLimit,
  refusal,
  rulesFor,
  rulesOf,
} from '../limit-rules.ts';
import { Levels } from '../memory/levels.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
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
  return new RedisRateLimiter(rules, new Levels(rules.all), options);
}

/** What we know is held back by the time an operation may take: told too late it would count twice. */
const knownForMs = 100;
/** So far ahead of the server's clock that sums of both are whole numbers to the last microsecond. */
const microsMax = 3e15;

class RedisRateLimiter implements RateLimiter {
  readonly #rules: LimitRules;
  readonly #levels: Levels;
  readonly #options: RedisRateLimiterOptions;
  readonly #script: Script;

  constructor(rules: LimitRules, levels: Levels, options: RedisRateLimiterOptions) {
    this.#rules = rules;
    this.#levels = levels;
    this.#options = options;
    this.#script = createScript('take', `${options.time ?? serverTime}${take}`);
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
    return new RedisRateLimiter(rules, new Levels(rules.all, this.#levels), this.#options);
  }

  #takeShare(rules: readonly LimitRule[], subject: LimitSubject): LimitDecision {
    const { clock, replicas } = this.#options;
    return this.#levels.take(rules, subject, { nowMs: clock.now(), replicas: replicas() });
  }

  async #takeShared(rules: readonly LimitRule[], subject: LimitSubject): Promise<LimitDecision> {
    const sentMs = this.#options.clock.now();
    try {
      const keys = rules.map((rule) => keyOf(rule, subject));
      const args = rules.flatMap((rule) => this.#argsOf(rule, subject, sentMs));
      const reply = await this.#options.redis.run(this.#script, keys, args);
      return this.#learn(rules, subject, { sentMs, reply: parseReply(reply, rules.length) });
    } catch (thrown) {
      if (!(thrown instanceof RedisError)) throw thrown;
      return this.#takeShare(rules, subject);
    }
  }

  #argsOf(rule: LimitRule, subject: LimitSubject, nowMs: number): readonly string[] {
    const { count, perMs } = rule.limit.requests;
    // Rounded up: a little too strict, by less than a microsecond a request, and never too loose.
    const interval = Math.min(microsMax, Math.ceil((perMs * 1000) / count));
    const tolerance = Math.min(microsMax, interval * (rule.burst - 1));
    const aheadMs = this.#levels.aheadMs(rule, subject, nowMs) - knownForMs;
    const known = Math.min(microsMax, Math.max(0, Math.floor(aheadMs * 1000)));
    return [String(interval), String(tolerance), String(known)];
  }

  #learn(
    rules: readonly LimitRule[],
    subject: LimitSubject,
    { sentMs, reply }: { sentMs: number; reply: TakeReply },
  ): LimitDecision {
    const nowMs = this.#options.clock.now();
    for (const [index, rule] of rules.entries()) {
      // From when it was sent, and so rather too early than too late.
      const fullAtMs = sentMs + (reply.ahead[index] ?? 0) / 1000;
      this.#levels.raise(rule, subject, { fullAtMs, nowMs });
    }
    const refusing = rules[reply.refusedBy - 1];
    return refusing === undefined ? allowed : refusal(refusing, reply.wait / 1000);
  }
}

/** One hash tag for all: they are taken from together. */
function keyOf(rule: LimitRule, subject: LimitSubject): string {
  return `millrace:{limits}:rate:${rule.id}:${holderOf(rule, subject)}`;
}

interface TakeReply {
  /** From 1; 0 when none refuses. */
  readonly refusedBy: number;
  /** In microseconds, as what follows. */
  readonly wait: number;
  readonly ahead: readonly number[];
}

function parseReply(reply: unknown, rules: number): TakeReply {
  if (Array.isArray(reply) && reply.length === rules + 2 && reply.every(Number.isSafeInteger)) {
    const [refusedBy, wait, ...ahead] = reply as [number, number, ...number[]];
    return { refusedBy, wait, ahead };
  }
  throw new RedisError('refused', { detail: 'its answer about limits makes no sense' });
}

/**
 * All in whole microseconds. What lies at a key is believed as far as it can be true: something else there is nothing,
 * and a moment too far ahead, as after the server's clock was set back, is the farthest that the limit knows. What a
 * replica knows better is written even when it is refused, so that the others know it too.
 */
const take = `
local fullAt, ahead, learnt, refusedBy, wait = {}, {}, {}, 0, 0
for i, key in ipairs(KEYS) do
  local interval, tolerance, known = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local kept = redis.pcall('GETRANGE', key, 0, 16)
  if type(kept) == 'table' then
    if not string.find(kept.err, '^WRONGTYPE') then return kept end
    kept = ''
  end
  local full = now
  if #kept <= 16 and string.find(kept, '^%d+$') then full = math.max(now, tonumber(kept)) end
  learnt[i] = now + known > full
  fullAt[i] = math.min(math.max(full, now + known), now + tolerance + interval)
  ahead[i] = fullAt[i] - now
  if refusedBy == 0 and ahead[i] > tolerance then
    refusedBy = i
    wait = ahead[i] - tolerance
  end
end
for i, key in ipairs(KEYS) do
  if refusedBy == 0 then
    fullAt[i] = fullAt[i] + tonumber(ARGV[3 * i - 2])
    ahead[i] = fullAt[i] - now
  end
  if refusedBy == 0 or learnt[i] then
    redis.call('SET', key, string.format('%.0f', fullAt[i]), 'PX', string.format('%.0f', math.ceil(ahead[i] / 1000)))
  end
end
return { refusedBy, wait, unpack(ahead) }
`;
