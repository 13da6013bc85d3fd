/**
 * What has to work before a server counts as ready: one script that does once whatever the drivers do. A replica, a
 * full server, a blocked script or a user without rights shows here, and not one request at a time.
 */
import { createScript } from './script.ts';

export const probeKey = 'millrace:{probe}';

export const probe = createScript(
  'probe',
  `
local key = KEYS[1]
redis.call('TIME')
-- First of all that writes: a script that has written is let write on, however full the server is.
redis.call('SET', key, '1', 'PX', 1000)
redis.call('EXISTS', key)
redis.call('GETRANGE', key, 0, 1)
redis.call('STRLEN', key)
redis.call('TYPE', key)
redis.call('UNLINK', key)
redis.call('ZADD', key, 1, 'a')
redis.call('ZCARD', key)
redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
redis.call('ZRANGEBYSCORE', key, 2, 3)
redis.call('ZREMRANGEBYSCORE', key, 2, 3)
redis.call('PEXPIRE', key, 1000)
redis.call('PTTL', key)
redis.call('ZREM', key, 'a')
redis.call('HSET', key, 'a', 1)
redis.call('HGET', key, 'a')
redis.call('HMGET', key, 'a')
redis.call('HGETALL', key)
redis.call('HEXISTS', key, 'a')
redis.call('HINCRBY', key, 'a', 1)
redis.call('HSCAN', key, 0)
redis.call('HDEL', key, 'a')
redis.call('UNLINK', key)
redis.call('SADD', key, 'a')
redis.call('SISMEMBER', key, 'a')
redis.call('SSCAN', key, 0)
redis.call('PEXPIRE', key, 1000)
redis.call('PUBLISH', key, '')
return 1
`,
);
