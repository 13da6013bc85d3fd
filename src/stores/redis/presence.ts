/** Replicas that share a Redis server: each tells again and again that it is there, by the server's clock. */
import type { Presence, PresenceListener } from '../../core/ports.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { checkedMessage, isMessage } from '../presence-message.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import { createScript, serverTime } from './script.ts';

export interface RedisPresenceOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  /** Of this replica, and of no other. */
  readonly id: string;
  /** False of who counts the others and is not one of them. */
  readonly serves?: boolean | undefined;
}

export function createRedisPresence(options: RedisPresenceOptions): Presence {
  return new RedisPresence(options);
}

const announceMs = 2_000;
const expiryMs = 6_000;
/**
 * Fewer are believed in only after so long: when a server came back empty, the replicas come back to it one by one, and
 * a share that is too large would let too much through.
 */
const holdMs = 12_000;
const replicasMax = 10_000;
const key = 'millrace:{presence}:replicas';

interface Seen {
  readonly atMs: number;
  readonly count: number;
}

class RedisPresence implements Presence {
  readonly #options: RedisPresenceOptions;
  #seen: readonly Seen[] = [];
  #count = 1;
  #timer: Timer | undefined;
  #announcing: Promise<void> | undefined;
  readonly #unsubscribe = new Set<() => void>();
  #closed = false;

  constructor(options: RedisPresenceOptions) {
    this.#options = options;
  }

  announce(): Promise<void> {
    this.#announcing ??= this.#announceAgain();
    return this.#announcing;
  }

  count(): number {
    return this.#count;
  }

  async publish(channel: string, message: string): Promise<boolean> {
    return (
      (await this.#ask(this.#options.redis.call(['PUBLISH', nameOf(channel), checkedMessage(message)]))) !==
      undefined
    );
  }

  subscribe(channel: string, listener: PresenceListener): () => void {
    const unsubscribe = this.#options.redis.subscribe(nameOf(channel), {
      message: (text) => (isMessage(text) ? listener.message(text) : listener.missed()),
      missed: () => listener.missed(),
    });
    this.#unsubscribe.add(unsubscribe);
    return () => {
      this.#unsubscribe.delete(unsubscribe);
      unsubscribe();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#announcing;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe.clear();
    await this.#ask(this.#options.redis.call(['ZREM', key, this.#options.id]));
  }

  async #announceAgain(): Promise<void> {
    const { redis, clock, id, serves = true } = this.#options;
    const count = await this.#ask(redis.run(announce, [key], [serves ? id : '', String(expiryMs)]));
    if (typeof count === 'number') this.#learn(Math.min(Math.max(count, 1), replicasMax));
    if (this.#closed) return;
    this.#timer = clock.after(announceMs, () => {
      this.#announcing = this.#announceAgain();
    });
  }

  #learn(count: number): void {
    const atMs = this.#options.clock.now();
    // While nobody could be asked nothing grew older: after an outage, however long, others come back one by one as well.
    const silentMs = Math.max(0, atMs - (this.#seen.at(-1)?.atMs ?? atMs) - announceMs);
    const before = this.#seen.map((seen) => ({ ...seen, atMs: seen.atMs + silentMs }));
    this.#seen = [...before.filter((seen) => atMs - seen.atMs < holdMs), { atMs, count }];
    this.#count = Math.max(...this.#seen.map((seen) => seen.count));
  }

  /** Nothing while the server is away, which the connection tells by itself. */
  async #ask(answer: Promise<unknown>): Promise<unknown> {
    try {
      return await answer;
    } catch (thrown) {
      if (thrown instanceof RedisError) return undefined;
      throw thrown;
    }
  }
}

function nameOf(channel: string): string {
  return `millrace:channel:${channel}`;
}

/** What lies at our key and is no set of replicas is thrown away, and so are those from a future that was set back. */
const announce = createScript(
  'announce',
  `${serverTime}
local nowMs = math.floor(now / 1000)
local key = KEYS[1]
if redis.call('TYPE', key)['ok'] ~= 'zset' then redis.call('UNLINK', key) end
redis.call('ZREMRANGEBYSCORE', key, '-inf', nowMs - ARGV[2])
redis.call('ZREMRANGEBYSCORE', key, '(' .. string.format('%.0f', nowMs), '+inf')
if ARGV[1] ~= '' then redis.call('ZADD', key, nowMs, ARGV[1]) end
redis.call('PEXPIRE', key, ARGV[2])
return redis.call('ZCARD', key)
`,
);
