/** Replicas that share a Redis server. */
import type { Secret } from '../../lib/secret.ts';
import type { Shared, SharedContext } from '../shared-state.ts';
import { openRedis } from './connection.ts';
import { createRedisConversations, type RedisConversations } from './conversations.ts';
import { createRedisPresence } from './presence.ts';
import { createRedisRateLimiter } from './rate-limiter.ts';

/** Never fails because the server is away, which is told as trouble. */
export async function openRedisShared(url: Secret, context: SharedContext): Promise<Shared> {
  const { clock, id, onTrouble } = context;
  let told = false;
  const redis = await openRedis({
    url,
    clock,
    onState: (state) => {
      // That all is well is news only after something was not.
      if (!state.ready || told) onTrouble(state.ready ? undefined : new Error(state.message));
      told = true;
    },
  });
  const presence = createRedisPresence({ redis, clock, id });
  await presence.announce();
  const kept: RedisConversations[] = [];
  return {
    presence,
    conversations: (options) => {
      const conversations = createRedisConversations(options, redis);
      kept.push(conversations);
      return conversations;
    },
    rateLimiter: (limits) =>
      createRedisRateLimiter(limits, { redis, clock, replicas: () => presence.count() }),
    state: {
      get degraded() {
        return !redis.state.ready;
      },
      get turnsLost() {
        return kept.reduce((sum, { lost }) => sum + lost, 0);
      },
    },
    close: async () => {
      await presence.close();
      await redis.close();
    },
  };
}
