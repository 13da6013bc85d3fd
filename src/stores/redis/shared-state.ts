/** Replicas that share a Redis server. */
import type { Secret } from '../../lib/secret.ts';
import type { RedisOptions } from '../shared-options.ts';
import type { Shared, SharedContext } from '../shared-state.ts';
import { createRedisBudgets, type FirstRedisBudgets } from './budgets.ts';
import { claimOnce } from './claims.ts';
import { openRedis, type Redis } from './connection.ts';
import { createRedisConversations, type RedisConversations } from './conversations.ts';
import { createRedisLeases } from './leases.ts';
import { createRedisPresence } from './presence.ts';
import { createRedisRateLimiter } from './rate-limiter.ts';
import { createRedisTickets } from './tickets.ts';

/** Never fails because a server is away, which is told as trouble. */
export async function openRedisShared(option: RedisOptions, context: SharedContext): Promise<Shared> {
  const { clock, id, serves = true } = context;
  const servers = new Servers(context, option.timeoutMs);
  const redis = await servers.open('redis', option.url);
  const large = option.cacheUrl === undefined ? redis : await servers.open('cache', option.cacheUrl);
  const presence = createRedisPresence({ redis, clock, id, serves });
  await presence.announce();
  const kept: RedisConversations[] = [];
  const counted: FirstRedisBudgets[] = [];
  return {
    presence,
    conversations: (options, sealers) => {
      const conversations = createRedisConversations(options, { redis: large, sealers });
      kept.push(conversations);
      return conversations;
    },
    rateLimiter: (limits) =>
      createRedisRateLimiter(limits, { redis, clock, replicas: () => presence.count() }),
    tickets: (kind, ticketsMax) => createRedisTickets(redis, { kind, ticketsMax }),
    leases: createRedisLeases({ redis, id }),
    claim: (name, ttlMs) => claimOnce(redis, name, ttlMs),
    budgets: (budgets, options) => {
      const first = createRedisBudgets(budgets, { ...options, redis, clock, presence, serves });
      counted.push(first);
      return first;
    },
    state: {
      get degraded() {
        return servers.degraded;
      },
      get turnsLost() {
        return kept.reduce((sum, { lost }) => sum + lost, 0);
      },
    },
    close: async () => {
      await Promise.all(counted.map((budgets) => budgets.drain()));
      await presence.close();
      await servers.close();
    },
  };
}

/** One, or two: what may be large can be kept where it never drives out what must be exact. */
class Servers {
  readonly #context: SharedContext;
  readonly #timeoutMs: number;
  readonly #open: Redis[] = [];
  readonly #troubles = new Map<string, string>();
  #told = false;

  constructor(context: SharedContext, timeoutMs: number) {
    this.#context = context;
    this.#timeoutMs = timeoutMs;
  }

  async open(name: string, url: Secret): Promise<Redis> {
    const redis = await openRedis({
      url,
      clock: this.#context.clock,
      timeoutMs: this.#timeoutMs,
      onState: (state) => {
        if (state.ready) this.#troubles.delete(name);
        else this.#troubles.set(name, state.message);
        this.#tell();
      },
    });
    this.#open.push(redis);
    return redis;
  }

  get degraded(): boolean {
    return this.#open.some(({ state }) => !state.ready);
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((redis) => redis.close()));
  }

  #tell(): void {
    const [trouble] = this.#troubles.values();
    // That all is well is news only after something was not.
    if (trouble !== undefined || this.#told)
      this.#context.onTrouble(trouble === undefined ? undefined : new Error(trouble));
    this.#told = true;
  }
}
