/**
 * What Redis does about budgets. First comes the epoch, which is there for as long as the server remembers: whoever finds
 * none, or another than they knew, knows that it has forgotten, and tells it all they know. Then three keys for each
 * account: the account itself, its leases by the moment they end, and the holders of its scope and window.
 *
 * In an account: `s` spent, `r` set aside, `k` whether all that was spent is in it, `h` the most that anybody had heard
 * of before it was forgotten, `a` the share that somebody was told of; `r:ID` what a reservation holds, and `e:ID` what
 * one held that was ended by its lease. What lies there and cannot be ours is nothing.
 */

/** Accounts outlive their windows, for who settles late. */
const graceMs = 2 * 86_400_000;
/** For so long a reservation that was ended by its lease may still tell what it came to. */
const endedMs = 2 * 60 * 60_000;

const prelude = `
local nowMs = math.floor(now / 1000)
local function whole(number) return string.format('%.0f', number) end
local function clean(key, expected)
  local found = redis.call('TYPE', key)['ok']
  if found ~= 'none' and found ~= expected then redis.call('UNLINK', key) end
end
local function numberOf(value)
  local number = tonumber(value or '')
  if number and number >= 0 and number <= 9e15 then return number end
  return nil
end
clean(KEYS[1], 'hash')
local epoch = redis.call('HMGET', KEYS[1], 'id', 'born', 'open')
local bornMs, openMs = numberOf(epoch[2]), numberOf(epoch[3])
if not (bornMs and openMs) then epoch[1] = false end

local function load(at, startMs, holder)
  local account = { key = KEYS[at], leases = KEYS[at + 1], holders = KEYS[at + 2], holder = holder, changed = false }
  clean(account.key, 'hash')
  clean(account.leases, 'zset')
  clean(account.holders, 'set')
  local kept = redis.call('HMGET', account.key, 's', 'r', 'k', 'h', 'a')
  account.spent, account.reserved = numberOf(kept[1]) or 0, numberOf(kept[2]) or 0
  account.known = kept[3] == '1' and numberOf(kept[1]) ~= nil
  account.heard, account.told = numberOf(kept[4]) or 0, numberOf(kept[5]) or 0
  account.fresh = not kept[1]
  if account.fresh and startMs >= bornMs and redis.call('SISMEMBER', account.holders, holder) == 0 then
    account.known = true
  end
  for _, field in ipairs(redis.call('ZRANGEBYSCORE', account.leases, '-inf', nowMs, 'LIMIT', 0, 100)) do
    local amount = numberOf(redis.call('HGET', account.key, field))
    redis.call('HDEL', account.key, field)
    redis.call('ZREM', account.leases, field)
    if amount and string.sub(field, 1, 2) == 'r:' then
      local ended = 'e:' .. string.sub(field, 3)
      account.reserved, account.spent = math.max(0, account.reserved - amount), account.spent + amount
      account.changed = true
      redis.call('HSET', account.key, ended, whole(amount))
      redis.call('ZADD', account.leases, whole(nowMs + ${endedMs}), ended)
    end
  end
  return account
end
local function hold(account, id, amount, leaseMs)
  redis.call('HSET', account.key, 'r:' .. id, whole(amount))
  redis.call('ZADD', account.leases, whole(nowMs + leaseMs), 'r:' .. id)
end
local function drop(account, field)
  redis.call('HDEL', account.key, field)
  redis.call('ZREM', account.leases, field)
end
local function save(account, endMs)
  redis.call('HSET', account.key, 's', whole(account.spent), 'r', whole(account.reserved),
    'k', account.known and '1' or '0', 'h', whole(account.heard), 'a', whole(account.told))
  if account.fresh then redis.call('SADD', account.holders, account.holder) end
  if endMs == 0 then return end
  for _, key in ipairs({ account.key, account.leases, account.holders }) do
    redis.call('PEXPIRE', key, whole(math.max(0, endMs - nowMs) + ${graceMs}))
  end
end
local function answer(accounts, refusedBy)
  local reply = { 'ok', nowMs, epoch[1], refusedBy }
  for _, account in ipairs(accounts) do
    table.insert(reply, account.known and account.spent or -1)
    table.insert(reply, account.reserved)
    table.insert(reply, account.told)
  end
  return reply
end
`;

/** Arguments: a new epoch's name, and for how long nothing is given away in it until all have told what they know. */
export const beginScript = `${prelude}
local created = 0
if not epoch[1] then
  redis.call('UNLINK', KEYS[1])
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'born', whole(nowMs), 'open', whole(nowMs + tonumber(ARGV[2])))
  epoch[1], openMs = ARGV[1], nowMs + tonumber(ARGV[2])
  created = 1
end
return { epoch[1], created, nowMs, math.max(0, openMs - nowMs) }
`;

/**
 * Arguments: the epoch, who has told all they know in it, and how many replicas there are as far as they have heard. The
 * most that anybody has heard of is waited for. 1 when by that the hold is over: once in an epoch.
 */
export const releaseScript = `${prelude}
if ARGV[1] ~= epoch[1] or nowMs >= openMs then return 0 end
redis.call('HSET', KEYS[1], 'told:' .. ARGV[2], 1)
local fields, told, replicas = redis.call('HGETALL', KEYS[1]), 0, tonumber(ARGV[3])
for at = 1, #fields, 2 do
  if string.sub(fields[at], 1, 5) == 'told:' then told = told + 1 end
  if fields[at] == 'replicas' then replicas = math.max(replicas, numberOf(fields[at + 1]) or 0) end
end
redis.call('HSET', KEYS[1], 'replicas', whole(replicas))
if told < replicas then return 0 end
redis.call('HSET', KEYS[1], 'open', whole(nowMs))
return 1
`;

/**
 * Sets aside, or more of what is set aside already. Arguments: the reservation, its lease, the epoch, whether it is
 * a new one; for each account its window's begin and end, limit, amount and holder.
 */
export const reserveScript = `${prelude}
local id, leaseMs, new = ARGV[1], tonumber(ARGV[2]), ARGV[4] == '1'
if ARGV[3] ~= epoch[1] then return { 'lost', nowMs } end
if nowMs < openMs then return { 'wait', nowMs, openMs - nowMs } end
local accounts, amounts, unknown, refusedBy = {}, {}, {}, 0
for at = 5, #ARGV, 5 do
  local startMs, endMs = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local over = nowMs < startMs or (endMs ~= 0 and nowMs >= endMs)
  if over and new then return { 'clock', nowMs } end
end
for at = 5, #ARGV, 5 do
  local i = at / 5
  local account = load(3 * i - 1, tonumber(ARGV[at]), ARGV[at + 4])
  local limit, amount = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  accounts[i], amounts[i] = account, amount
  if not account.known then table.insert(unknown, i) end
  local ended = not new and numberOf(redis.call('HGET', account.key, 'e:' .. id))
  if ended then
    drop(account, 'e:' .. id)
    account.spent, account.reserved = math.max(0, account.spent - ended), account.reserved + ended
    account.changed = true
    hold(account, id, ended, leaseMs)
  end
  if refusedBy == 0 and amount > 0 and account.spent + account.reserved + amount > limit then refusedBy = i end
end
for i, account in ipairs(accounts) do
  if refusedBy == 0 and #unknown == 0 then
    local held = numberOf(redis.call('HGET', account.key, 'r:' .. id)) or 0
    account.reserved = account.reserved + amounts[i]
    hold(account, id, held + amounts[i], leaseMs)
    account.changed = true
  end
  if account.changed then save(account, tonumber(ARGV[5 * i + 1])) end
end
if #unknown > 0 then return { 'unknown', nowMs, unpack(unknown) } end
return answer(accounts, refusedBy)
`;

/** Arguments: the reservation, the epoch it is known in; for each account its window's begin and end, what it came to, and the holder. */
export const settleScript = `${prelude}
local id = ARGV[1]
if ARGV[2] ~= epoch[1] then return { 'lost', nowMs } end
local accounts = {}
for at = 3, #ARGV, 4 do
  local i = (at - 3) / 4 + 1
  local account = load(3 * i - 1, tonumber(ARGV[at]), ARGV[at + 3])
  local held, ended = redis.call('HGET', account.key, 'r:' .. id), redis.call('HGET', account.key, 'e:' .. id)
  local amount = numberOf(held or ended)
  if amount then
    if held then account.reserved = math.max(0, account.reserved - amount)
    else account.spent = math.max(0, account.spent - amount) end
    account.spent = account.spent + tonumber(ARGV[at + 2])
    account.changed = true
    drop(account, 'r:' .. id)
    drop(account, 'e:' .. id)
  end
  if account.changed then save(account, tonumber(ARGV[at + 1])) end
  accounts[i] = account
end
return answer(accounts, 0)
`;

/**
 * Tells what the server may have forgotten. Arguments: the epoch, the lease; for each account its window's begin and end,
 * the holder, what had been spent of it as far as is known (-1 where nothing is to be told), how that is meant, the
 * share somebody was told of, and how many reservations follow: each with its name and what it holds. It is meant as
 * `first`, only where nobody has told of the account; as `lost`, in an epoch that was lost, so that what was spent since
 * comes on top; or at `least`, in this epoch, of a server that may have come back with what it had saved a while ago.
 * Told twice, it counts once.
 */
export const tellScript = `${prelude}
if ARGV[1] ~= epoch[1] then return { 'lost', nowMs } end
local leaseMs, at, accounts = tonumber(ARGV[2]), 3, {}
while at <= #ARGV do
  local startMs, endMs, holder, heard = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
  local how, told, count = ARGV[at + 4], tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local account = load(3 * #accounts + 2, startMs, holder)
  table.insert(accounts, account)
  if heard >= 0 and how == 'least' and account.known then
    account.spent = math.max(account.spent, heard)
  elseif heard >= 0 and not (how == 'first' and account.known) then
    account.spent = account.spent + math.max(0, heard - account.heard)
    account.heard = math.max(account.heard, heard)
    account.told = math.max(account.told, told)
    account.known = true
  end
  at = at + 7
  for _ = 1, count do
    local id, amount = ARGV[at], tonumber(ARGV[at + 1])
    local there = redis.call('HEXISTS', account.key, 'r:' .. id) + redis.call('HEXISTS', account.key, 'e:' .. id)
    if there == 0 then
      account.reserved = account.reserved + amount
      hold(account, id, amount, leaseMs)
    end
    at = at + 2
  end
  save(account, endMs)
end
return answer(accounts, 0)
`;

/** Keys: an account. Whether its holder is yet to be told of this share. */
export const crossScript = `
local told = tonumber(redis.call('HGET', KEYS[1], 'a') or '0') or 0
if told >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'a', ARGV[1])
return 1
`;

/** Keys: accounts. What is spent of each and what is set aside; -1 where nothing is known. */
export const readScript = `
local reply = {}
for _, key in ipairs(KEYS) do
  local kept = redis.call('HMGET', key, 's', 'r', 'k')
  local known = kept[3] == '1'
  table.insert(reply, known and tonumber(kept[1]) or -1)
  table.insert(reply, known and tonumber(kept[2]) or -1)
end
return reply
`;
