/**
 * What happens to a conversation in Redis, each in one step. Keys: the conversation, the order in which all were
 * continued, and how much each of them takes (with the sum under the empty name).
 */
import { createScript, serverTime } from './script.ts';

/** The beginning of every text: other for each that was ever written. */
const markLength = 16;

/** Gives the text, and throws away what cannot be one. */
export const readScript = createScript(
  'read conversation',
  `
local size = redis.pcall('STRLEN', KEYS[1])
if type(size) == 'table' then
  if not string.find(size.err, '^WRONGTYPE') then return size end
  redis.call('UNLINK', KEYS[1])
  return ''
end
if size > tonumber(ARGV[1]) then
  redis.call('UNLINK', KEYS[1])
  return ''
end
return redis.call('GETRANGE', KEYS[1], 0, -1)
`,
);

const accounts = `
local key, order, sizes = KEYS[1], KEYS[2], KEYS[3]
local function isOf(account, expected)
  local found = redis.call('TYPE', account)['ok']
  return found == 'none' or found == expected
end
if not (isOf(order, 'zset') and isOf(sizes, 'hash')) then redis.call('UNLINK', order, sizes) end
local function sizeOf(name)
  local size = tonumber(redis.call('HGET', sizes, name) or '0')
  if size and size >= 0 and size < 1e15 then return size end
  return 0
end
local total = sizeOf('')
local function unaccount(name)
  total = math.max(0, total - sizeOf(name))
  redis.call('HDEL', sizes, name)
  redis.call('ZREM', order, name)
end
local function account()
  redis.call('HSET', sizes, '', string.format('%.0f', total))
end
`;

export const forgetScript = createScript(
  'forget conversation',
  `${accounts}
local there = redis.call('UNLINK', key)
unaccount(key)
account()
return there
`,
);

/** At a time: the server answers nobody else meanwhile. */
const lookedAtMax = 500;

/** Arguments: how the keys begin, and where to go on, from '0' on. Gives where to go on, and keys. */
export const listScript = createScript(
  'list conversations',
  `
local sizes = KEYS[1]
local found = redis.pcall('HSCAN', sizes, ARGV[2], 'MATCH', ARGV[1] .. '*', 'COUNT', ${lookedAtMax})
if found.err then
  if not string.find(found.err, '^WRONGTYPE') then return found end
  return { '0' }
end
local answer = { found[1] }
for at = 1, #found[2], 2 do answer[#answer + 1] = found[2][at] end
return answer
`,
);

/** Arguments: as for `listScript`. Gives where to go on, and how many went. */
export const eraseScript = createScript(
  'erase conversations',
  `${accounts}
local found = redis.call('HSCAN', sizes, ARGV[2], 'MATCH', ARGV[1] .. '*', 'COUNT', ${lookedAtMax})
local gone = 0
for at = 1, #found[2], 2 do
  local name = found[2][at]
  gone = gone + redis.call('UNLINK', name)
  unaccount(name)
end
account()
return { found[1], gone }
`,
);

/** At most so many give way to one: the next that is continued goes on. */
const giveWayMax = 100;

/** Arguments: the mark that was read, the text, its life in ms, its size, and what all may hold together. */
export const appendScript = createScript(
  'append to conversation',
  `${serverTime}${accounts}
local mark = redis.pcall('GETRANGE', key, 0, ${markLength - 1})
if type(mark) == 'table' then
  if not string.find(mark.err, '^WRONGTYPE') then return mark end
  mark = ''
end
if mark ~= ARGV[1] then return 0 end
local life, size, most = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
unaccount(key)
redis.call('HSET', sizes, key, ARGV[4])
redis.call('ZADD', order, string.format('%.0f', now), key)
total = total + size
for _ = 1, ${giveWayMax} do
  local oldest = redis.call('ZRANGE', order, 0, 0, 'WITHSCORES')
  if not oldest[1] then break end
  if total <= most and tonumber(oldest[2]) > now - life * 1000 then break end
  redis.call('UNLINK', oldest[1])
  unaccount(oldest[1])
end
account()
redis.call('PEXPIRE', order, ARGV[3])
redis.call('PEXPIRE', sizes, ARGV[3])
return 1
`,
);
