// What the tests of the Redis drivers stand on: connections of the gateway's kind to a real server, and a plain one
// beside them to look at the server and to do it harm.
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import { createClient } from '@redis/client';
import type { Sealers } from '../../src/core/ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createSealingKey, KeyRing } from '../../src/lib/seal.ts';
import { Secret } from '../../src/lib/secret.ts';
import { openRedis, type Redis, type RedisState } from '../../src/stores/redis/connection.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';

/** For all tests of a file. */
export async function openSharedServer(options: { config?: readonly string[] } = {}): Promise<RedisServer> {
  const server = await openRedisServer(options);
  after(() => server.stop());
  return server;
}

/** A server, the gateway's way to it and an operator's beside it: for all tests of a file. */
export async function openRedisRig() {
  const server = await openSharedServer();
  const operator = await openOperator(server.url);
  // Whoever is not answered in time decides alone, which here is nobody's question: a busy machine has longer.
  const { redis } = await openWatched(server.url, systemClock, 5_000);
  after(async () => {
    await redis.close();
    operator.destroy();
  });
  return { server, operator, redis };
}

export interface Watched {
  readonly redis: Redis;
  /** What was told, in order: `ready`, or the kind of what is wrong. */
  readonly told: string[];
  /** Settles when that is the state. */
  until(state: string): Promise<void>;
}

export async function openWatched(
  url: string,
  clock: Clock = systemClock,
  timeoutMs?: number,
): Promise<Watched> {
  const told: string[] = [];
  const waiting = new Set<() => void>();
  const redis = await openRedis({
    url: new Secret(url),
    clock,
    timeoutMs,
    onState: (state) => {
      told.push(nameOf(state));
      for (const look of waiting) look();
    },
  });
  const until = (name: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (nameOf(redis.state) !== name) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { redis, told, until };
}

export function nameOf(state: RedisState): string {
  return state.ready ? 'ready' : state.kind;
}

export type Operator = Awaited<ReturnType<typeof openOperator>>;

/** Whoever runs the server: waits for as long as it takes. */
export async function openOperator(url: string) {
  const operator = createClient({ url, disableClientInfo: true, maintNotifications: 'disabled' });
  operator.on('error', () => {});
  await operator.connect();
  return operator;
}

/** Lua that takes the time from where a test puts it. */
export const heldTime = `local now = tonumber(redis.call('GET', 'held-time'))\n`;

/** The clock that a test holds, as the server sees it. */
export async function putTime(operator: Operator, nowMs: number): Promise<void> {
  await operator.set('held-time', String(1_800_000_000_000_000 + Math.round(nowMs * 1000)));
}

/** A key for each tenant, for as long as the test runs. */
export function createTestSealers(): Sealers {
  const rings = new Map<string, KeyRing>();
  return {
    of: (tenant, user) => {
      const name = JSON.stringify([tenant, user]);
      const ring = rings.get(name) ?? new KeyRing(createSealingKey(randomBytes(32)));
      rings.set(name, ring);
      return Promise.resolve(ring);
    },
    destroy: (tenant, user = '') => {
      rings.delete(JSON.stringify([tenant, user]));
      return Promise.resolve();
    },
  };
}
