/** Tickets that all replicas know. */
import { fail } from '../../core/failure.ts';
import type { Ticket, Tickets } from '../../core/ports.ts';
import type { Redis } from './connection.ts';
import { RedisError } from './fault.ts';
import { createScript, type Script, serverTime } from './script.ts';

const retryAfterS = 2;
/** Longer than this it is none of ours. */
const textBytesMax = 16 * 1024;
/** So that whoever else asks Redis waits for a few hundred at most. */
const readAtOnce = 500;

/** The order lasts as long as the ticket that ends last: one that is kept alive must not fall out of it. */
const lasting = (lifeMs: string) =>
  `if redis.call('PTTL', order) < tonumber(${lifeMs}) then redis.call('PEXPIRE', order, ${lifeMs}) end`;

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
${lasting('ARGV[2]')}
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
  ${lasting('ARGV[1]')}
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

/** Keys: in which order all end. Gives the keys of those that have not. */
const namesScript = createScript(
  'list tickets',
  `${serverTime}
local found = redis.pcall('ZRANGEBYSCORE', KEYS[1], string.format('(%.0f', math.floor(now / 1000)), '+inf')
if found.err and string.find(found.err, '^WRONGTYPE') then return {} end
return found
`,
);

/** Keys: tickets. Gives what each says, empty where it is none. */
const textsScript = createScript(
  'read tickets',
  `local texts = {}
for at, key in ipairs(KEYS) do
  local text = redis.pcall('GETRANGE', key, 0, ${textBytesMax})
  texts[at] = type(text) == 'string' and text or ''
end
return texts
`,
);

export interface TicketsOptions {
  readonly kind: string;
  readonly ticketsMax: number;
}

export function createRedisTickets(redis: Redis, { kind, ticketsMax }: TicketsOptions): Tickets {
  const place = `millrace:{tickets}:${kind}:`;
  const order = `${place}order`;
  const runOn = async (script: Script, keys: readonly string[], args: readonly string[] = []) => {
    try {
      return await redis.run(script, keys, args);
    } catch (cause) {
      if (!(cause instanceof RedisError)) throw cause;
      const message = 'who is signed in cannot be looked up now; try again in a moment';
      throw fail('dependency_unavailable', message, { cause, retryAfterS });
    }
  };
  const run = (script: Script, name: string, args: readonly string[]) =>
    runOn(script, [`${place}${name}`, order], args);
  const textOf = (found: unknown) => (typeof found === 'string' && found !== '' ? found : undefined);
  return {
    keep: async (name, text, forMs) =>
      void (await run(keepScript, name, [text, String(forMs), String(ticketsMax)])),
    find: async (name, forMs) => textOf(await run(findScript, name, [String(forMs)])),
    take: async (name) => textOf(await run(takeScript, name, [])),
    all: async () => {
      const keys = textsIn(await runOn(namesScript, [order])).filter((key) => key.startsWith(place));
      const found: Ticket[] = [];
      for (let at = 0; at < keys.length; at += readAtOnce) {
        const some = keys.slice(at, at + readAtOnce);
        const texts = textsIn(await runOn(textsScript, some));
        for (const [index, key] of some.entries()) {
          const text = textOf(texts[index]);
          if (text !== undefined) found.push({ name: key.slice(place.length), text });
        }
      }
      return found;
    },
  };
}

function textsIn(found: unknown): readonly string[] {
  return Array.isArray(found) ? found.map(String) : [];
}
