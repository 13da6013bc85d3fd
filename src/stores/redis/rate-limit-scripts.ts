/**
 * What Redis does about limits, all in whole microseconds. What lies at a key is believed as far as it can be true:
 * something else there is nothing, and a moment too far ahead, as after the server's clock was set back, is the farthest
 * that the limit knows.
 *
 * A limit on requests keeps the moment at which the allowance is whole. One on tokens keeps four numbers: that moment,
 * when the key was born, what was given back since, and when all this was written: by that a clock that was set back is
 * found out. By the second and the third a replica's older word is brought up to date. They are kept for as long as there may be such a word: what is given back after it was heard is never more than the
 * whole of the limit's burst takes, and so much longer than its moment each key is kept.
 *
 * A limit on how many run at once keeps who runs, each until the moment at which its lease ends.
 */

/** `read(key, now, triple)`: the moment, when it was born, what was given back; or nothing and an error. */
const read = `
local function read(key, triple)
  local kept = redis.pcall('GETRANGE', key, 0, 80)
  if type(kept) == 'table' then
    if not string.find(kept.err, '^WRONGTYPE') then return nil, kept end
    kept = ''
  end
  if not triple then
    if #kept <= 16 and string.find(kept, '^%d+$') then return { math.max(now, tonumber(kept)), 0, 0 } end
    return { now, 0, 0 }
  end
  -- What a newer version says after these is its own.
  local full, born, back, at, more = string.match(kept, '^(%d+) (%d+) (%d+) (%d+)(.?)')
  if full and (more == '' or more == ' ') and #full <= 16 and #born <= 16 and #back <= 16 and #at <= 16 then
    local setBack = math.max(0, tonumber(at) - now)
    return { math.max(now, tonumber(full) - setBack), tonumber(born), tonumber(back) }
  end
  return { now, now, 0 }
end
local function write(key, level, whole)
  local kept = string.format('%.0f', level[1])
  if whole then kept = string.format('%.0f %.0f %.0f %.0f', level[1], level[2], level[3], now) end
  local forMs = math.max(1, math.ceil((level[1] - now + (whole or 0)) / 1000))
  redis.call('SET', key, kept, 'PX', string.format('%.0f', forMs))
end
`;

/** `held(key, leaseMicros)`: how many hold a place now. */
const held = `
local function held(key, lease)
  if redis.call('TYPE', key)['ok'] ~= 'zset' then redis.call('UNLINK', key) end
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
  redis.call('ZREMRANGEBYSCORE', key, '(' .. string.format('%.0f', now + lease), '+inf')
  return redis.call('ZCARD', key)
end
local function enter(key, lease, who)
  redis.call('ZADD', key, string.format('%.0f', now + lease), who)
  redis.call('PEXPIRE', key, string.format('%.0f', math.ceil(lease / 1000)))
end
`;

/** Longer than an operation may ever take: whoever was answered by then asks for no second step. */
const turnedAwayForMs = 3_000;

/**
 * The keys of rates first, then those of places; the last argument tells how many rates there are. For each key of a
 * rate: what it costs, how far ahead the moment may lie for that, the farthest it may ever lie, and what the
 * replica knows: how far ahead it lies, when it was born (-1 on limits of requests), what had been given back.
 * What a replica knows better is written even when it is refused, so that the others know it too.
 * For each key of places how many there are. Then what the last key is for, if it is neither, whose lease it is, and for how long.
 *
 * Both steps of an exchange may be asked at the same time. Its first one, where it is refused, leaves a mark at the last key;
 * its second one looks for the mark, and is refused by it as if by one limit more.
 */
export const takeScript = `${read}${held}
local levels, learnt, refusedBy, wait = {}, {}, 0, 0
local rates, lease, who = tonumber(ARGV[#ARGV]), tonumber(ARGV[#ARGV - 1]), ARGV[#ARGV - 2]
local mark, last = ARGV[#ARGV - 3], #KEYS
if mark ~= '' then last = last - 1 end
if mark == 'look' and redis.call('EXISTS', KEYS[#KEYS]) == 1 then refusedBy = #KEYS end
for i = 1, rates do
  local key, at = KEYS[i], 6 * i - 5
  local tolerance, cap, known = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local born, back = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local level, err = read(key, born >= 0)
  if not level then return err end
  if born >= 0 and level[2] == born then known = known - math.max(0, level[3] - back) end
  learnt[i] = now + known > level[1]
  level[1] = math.min(math.max(level[1], now + known), now + cap)
  levels[i] = level
  if refusedBy == 0 and level[1] - now > tolerance then
    refusedBy = i
    wait = level[1] - now - tolerance
  end
end
for i = rates + 1, last do
  if refusedBy == 0 and held(KEYS[i], lease) >= tonumber(ARGV[5 * rates + i]) then refusedBy = i end
end
local reply = { refusedBy, wait, now }
for i = 1, rates do
  local key, level, at = KEYS[i], levels[i], 6 * i - 5
  if refusedBy == 0 then level[1] = level[1] + tonumber(ARGV[at]) end
  if refusedBy == 0 or learnt[i] then
    write(key, level, tonumber(ARGV[at + 4]) >= 0 and tonumber(ARGV[at]) + tonumber(ARGV[at + 1]))
  end
  for _, number in ipairs(level) do table.insert(reply, number) end
end
if refusedBy == 0 then
  for i = rates + 1, last do enter(KEYS[i], lease, who) end
elseif mark == 'leave' then
  redis.pcall('SET', KEYS[#KEYS], '', 'PX', ${turnedAwayForMs})
end
return reply
`;

/**
 * For each key what a replica knows of it and took without the server: how far ahead the moment lay as all knew it, when it
 * was born (-1 on limits of requests), what had been given back, what was taken besides, the farthest it may lie, how long the
 * whole burst takes. Beside each key is kept for a while what all replicas have told: of what they knew the most, of what they
 * took the sum, so that it makes no difference who comes back first. Those keys are the second half.
 */
export const tellScript = `${read}
local rates, keptForMs = #KEYS / 2, ARGV[#ARGV]
for i = 1, rates do
  local key, at = KEYS[i], 6 * i - 5
  local known, born, back = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local taken, cap, whole = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local level, err = read(key, born >= 0)
  if not level then return err end
  if born >= 0 and level[2] == born then known = known - math.max(0, level[3] - back) end
  local told = redis.pcall('GETRANGE', KEYS[rates + i], 0, 40)
  local base, sum = string.match(type(told) == 'string' and told or '', '^(%d+) (%d+)$')
  base, sum = math.max(now + known, tonumber(base or 0)), tonumber(sum or 0) + taken
  redis.call('SET', KEYS[rates + i], string.format('%.0f %.0f', base, sum), 'PX', keptForMs)
  level[1] = math.min(math.max(level[1] + taken, now + known + taken, base + sum), now + cap)
  write(key, level, born >= 0 and whole)
end
return rates
`;

/** For each key who holds a place there; last for how long. Also told anew to a server that came back empty. */
export const renewScript = `${held}
local lease = tonumber(ARGV[#ARGV])
for i, key in ipairs(KEYS) do
  held(key, lease)
  enter(key, lease, ARGV[i])
end
return #KEYS
`;

/** One who leaves all of these places. What is no set of leases holds none. */
export const leaveScript = `
for _, key in ipairs(KEYS) do redis.pcall('ZREM', key, ARGV[1]) end
return #KEYS
`;

/**
 * For each key: how much more it came to (less when negative), how long the whole burst takes, how much may be owed, and
 * how all stood when it was taken: the moment, when the key was born, what had been given back.
 */
export const settleScript = `${read}
local reply = { 0, 0, now }
for i, key in ipairs(KEYS) do
  local at = 6 * i - 5
  local more, whole, debt = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local fullThen, born, backThen = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local level, err = read(key, true)
  if not level then return err end
  if more > 0 then
    level[1] = math.min(level[1] + more, now + whole + debt)
    write(key, level, whole)
  elseif level[2] == born and level[3] >= backThen then
    local left = fullThen - now - (level[3] - backThen)
    local back = math.min(-more, left, level[1] - now, 9e15 - level[3])
    if back > 0 then
      level[1], level[3] = level[1] - back, level[3] + back
      write(key, level, whole)
    end
  end
  for _, number in ipairs(level) do table.insert(reply, number) end
end
return reply
`;
