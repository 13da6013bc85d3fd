/** Who of all replicas may do what is to be done once. */
import { createHash } from 'node:crypto';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';

/** While nobody can tell each may: what is done twice is better than what nobody does. */
export async function claimOnce(redis: Redis, name: string, ttlMs: number): Promise<boolean> {
  // Names are made of what people called things, in any length.
  const key = `millrace:{claims}:${createHash('sha256').update(name).digest('base64url')}`;
  try {
    return (await redis.call(['SET', key, '1', 'NX', 'PX', String(ttlMs)])) === 'OK';
  } catch (thrown) {
    if (thrown instanceof RedisError) return true;
    throw thrown;
  }
}
