/** Tickets that all replicas know. */
import { fail } from '../../core/failure.ts';
import type { Tickets } from '../../core/ports.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import { createScript, type Script, serverTime } from './script.ts';

const retryAfterS = 2;
/** Longer than this it is none of ours. */
const textBytesMax = 16 * 1024;

/** Keys: the ticket, and in which order all end. Arguments: the text, its life in ms, and how many there may be. */
const keepScript = createScript(
  'keep ticket',
  `${serverTime}
local key, order = KEYS[1], KEYS[2]
local found = redis.call('TYPE', order)['ok']
if found ~= 'none' and found ~= 'zset' then redis.call('UNLINK', order) end
local nowMs = math.floor(now / 1000)
redis.call('ZREMRANGEBYSCORE', order, '-inf', string.format('%.0f', nowMs))
redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
redis.call('ZADD', order, string.format('%.0f', nowMs + tonumber(ARGV[2])), key)
if redis.call('ZCARD', order) > tonumber(ARGV[3]) then
  local first = redis.call('ZRANGE', order, 0, 0)[1]
  redis.call('UNLINK', first)
  redis.call('ZREM', order, first)
end
if redis.call('PTTL', order) < tonumber(ARGV[2]) then redis.call('PEXPIRE', order, ARGV[2]) end
return 1
`,
);

const readText = `
local key, order = KEYS[1], KEYS[2]
local text = redis.pcall('GETRANGE', key, 0, ${textBytesMax})
if type(text) == 'table' then
  if not string.find(text.err, '^WRONGTYPE') then return text end
  redis.call('UNLINK', key)
  text = ''
end
`;

/** Arguments: the life it has again. */
const findScript = createScript(
  'find ticket',
  `${serverTime}${readText}
if text ~= '' then
  redis.call('PEXPIRE', key, ARGV[1])
  redis.pcall('ZADD', order, string.format('%.0f', math.floor(now / 1000) + tonumber(ARGV[1])), key)
end
return text
`,
);

const takeScript = createScript(
  'take ticket',
  `${readText}
redis.call('UNLINK', key)
redis.pcall('ZREM', order, key)
return text
`,
);

export interface TicketsOptions {
  readonly kind: string;
  readonly ticketsMax: number;
}

export function createRedisTickets(redis: Redis, { kind, ticketsMax }: TicketsOptions): Tickets {
  const order = `millrace:{tickets}:${kind}:order`;
  const run = async (script: Script, name: string, args: readonly string[]) => {
    try {
      return await redis.run(script, [`millrace:{tickets}:${kind}:${name}`, order], args);
    } catch (cause) {
      if (!(cause instanceof RedisError)) throw cause;
      const message = 'who is signed in cannot be looked up now; try again in a moment';
      throw fail('dependency_unavailable', message, { cause, retryAfterS });
    }
  };
  const textOf = (found: unknown) => (typeof found === 'string' && found !== '' ? found : undefined);
  return {
    keep: async (name, text, forMs) =>
      void (await run(keepScript, name, [text, String(forMs), String(ticketsMax)])),
    find: async (name, forMs) => textOf(await run(findScript, name, [String(forMs)])),
    take: async (name) => textOf(await run(takeScript, name, [])),
  };
}
