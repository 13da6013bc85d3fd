/**
 * How slots are divided, in one script: whoever asks hears what it may use, and nobody is granted what another holds.
 *
 * Each upstream has a hash with a row for each replica: what it holds, what it wants, when it was last heard of, until when
 * it is granted no more than it holds, as others may not have told yet what they hold after all was forgotten; then its
 * weight, and who wants slots there, which is for the others to read. Everybody wants one, as long as there are as many, so
 * that a replica that was idle serves its first request at once. From the smallest wish up, by weight, each gets what it
 * wants or its part of what is left; what nobody wants is spread too. Where that is no whole number, one slot for two above
 * all, they take turns by the server's clock.
 *
 * Where slots are learnt the hash says in a row of its own how many there are, as agreed on: whoever found another number, and
 * knew the last one, says the next; who did not know it is heard where it found fewer; and to a server that was emptied
 * the latest one known is told.
 *
 * It goes by `now`, in microseconds. Arguments: who asks, the channel for news, how long a row is believed, how long a turn is; then for each upstream its
 * slots, what is held, what is wanted, 1 where it was told before what is its own; then 0 where its slots are said, 1 where they
 * are learnt, 2 where they were just found to be so many; the last number found to be too many, and the revision that is known;
 * its weight in 1024ths, 0 for that of one party; and who wants them, or nothing where that is as it was.
 * The answer for each: what may be used, what the others use (hold, for who waits for more), and the number agreed on, with the
 * one too many and its revision; then, to whoever told who wants them, what the others want and who there, if there is not
 * enough for all.
 */
export const leaseScript = `
local nowMs = math.floor(now / 1000)
local me, channel, lease, turn = ARGV[1], ARGV[2], tonumber(ARGV[3]), math.floor(nowMs / tonumber(ARGV[4]))
local function written(held, wanted, at, still) return string.format('%d %d %.0f %.0f', held, wanted, at, still) end

local function rowsOf(key)
  if redis.call('TYPE', key)['ok'] ~= 'hash' then redis.call('UNLINK', key) end
  local fields, rows = redis.call('HGETALL', key), {}
  for i = 1, #fields, 2 do
    if fields[i] ~= 'learnt' then
      -- What a newer version says after these is its own, and stays.
      local held, wanted, at, still, more = string.match(fields[i + 1], '^(%d%d?%d?%d?%d?) (%d%d?%d?%d?%d?) (%d+) (%d+)(.*)$')
      if more and more ~= '' and (#more > 400 or string.sub(more, 1, 1) ~= ' ') then at = nil end
      at = at and #at <= 16 and tonumber(at)
      still = still and #still <= 16 and math.min(tonumber(still), nowMs + lease)
      if not at or not still or at + lease <= nowMs then
        redis.call('HDEL', key, fields[i])
      else
        -- The server's clock was set back: from now on it is believed for as long as any other.
        if at > nowMs then redis.call('HSET', key, fields[i], written(held, wanted, nowMs, still) .. more) end
        rows[#rows + 1] = { who = fields[i], held = tonumber(held), wanted = tonumber(wanted), still = still, more = more }
      end
    end
  end
  return rows
end

-- Who tells no weight counts as one party.
local function weigh(row, weight, parties)
  row.told = weight > 0 and weight or nil
  row.weight, row.parties = row.told or 1024, parties
end

-- In whole slots, each by turns of what is above and below its part.
local function round(rows, wanting)
  local turnOf = (turn % wanting + math.floor(turn / wanting) * 0.6180339887 % 1) / wanting
  local sum, before = turnOf + 0.000001, math.floor(turnOf + 0.000001)
  for _, row in ipairs(rows) do
    sum = sum + row.part
    row.fair, before = math.floor(sum) - before, math.floor(sum)
  end
end

-- Tells whether there is not enough for all.
local function divide(rows, slots)
  local count, left, wanting = #rows, slots, 0
  local least = slots >= count and 1 or 0
  table.sort(rows, function(a, b) return a.who < b.who end)
  for _, row in ipairs(rows) do
    row.fair = math.max(least, math.min(row.wanted, slots))
    left = left - row.fair
    if row.wanted > 0 then wanting = wanting + 1 end
  end
  if left >= 0 then
    for i, row in ipairs(rows) do row.fair = row.fair + math.floor(left / count) + (i <= left % count and 1 or 0) end
    return false
  end
  local byWant, weights, over, under = { unpack(rows) }, 0, 0, 0
  table.sort(byWant, function(a, b) return a.wanted * b.weight < b.wanted * a.weight end)
  for _, row in ipairs(rows) do weights = weights + row.weight end
  left = slots
  for _, row in ipairs(byWant) do
    row.part = math.min(row.wanted, left * row.weight / weights)
    left, weights = left - row.part, weights - row.weight
  end
  for _, row in ipairs(rows) do
    row.part = row.part + left / count
    over, under = over + math.max(0, row.part - least), under + math.max(0, least - row.part)
  end
  if under > 0.000001 then
    for _, row in ipairs(rows) do row.part = least + math.max(0, row.part - least) * (1 - under / over) end
  end
  round(rows, wanting)
  return true
end

-- In this order: how many, how many were too many, which one it is of all there were.
local function agreed(key, slots, tooMany, revision, isNew)
  local text = redis.call('HGET', key, 'learnt') or ''
  local nowSlots, nowTooMany, last = string.match(text, '^([1-9]%d?%d?%d?%d?) (%d%d?%d?%d?%d?) (%d+)$')
  last = last and #last <= 15 and tonumber(last)
  nowSlots, nowTooMany = tonumber(nowSlots), tonumber(nowTooMany)
  local isLater = not last or revision > last
  local isNext = isNew and last and (revision == last or slots < nowSlots)
  if not isLater and not isNext then return nowSlots, nowTooMany, last end
  local number = isLater and math.max(1, revision) or last + 1
  redis.call('HSET', key, 'learnt', string.format('%d %d %.0f', slots, tooMany, number))
  redis.call('PUBLISH', channel, me)
  return slots, tooMany, number
end

local answer = {}
for i, key in ipairs(KEYS) do
  local at = 9 * i - 5
  local slots, held, wanted = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local tooMany, revision = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
  local rows, mine, before, taken, otherWaits, otherIsOver = rowsOf(key), nil, nil, 0, false, false
  if ARGV[at + 5] ~= '0' then slots, tooMany, revision = agreed(key, slots, tooMany, revision, ARGV[at + 5] == '2') end
  for _, row in ipairs(rows) do
    if row.who == me then mine, before = row, row.held else taken = taken + row.held end
  end
  if not mine then
    mine = { who = me, more = '', still = ARGV[at + 4] == '1' and nowMs + lease or 0 }
    rows[#rows + 1] = mine
  end
  mine.wanted, mine.held = wanted, held
  for _, row in ipairs(rows) do
    local weight, parties = string.match(row.more, '^ (%d%d?%d?%d?%d?%d?%d?) (%S+)')
    weigh(row, tonumber(weight or 0), parties or '-')
  end
  weigh(mine, tonumber(ARGV[at + 8]), ARGV[at + 9] == '' and mine.parties or ARGV[at + 9])
  local isShort = divide(rows, slots)
  local granted = math.max(0, math.min(mine.fair, slots - taken))
  if nowMs < mine.still then granted = math.min(granted, held) end
  local kept = math.max(granted, held)
  local more = (mine.told or mine.parties ~= '-') and string.format(' %d %s', mine.told or 0, mine.parties) or ''
  redis.call('HSET', key, me, written(kept, wanted, nowMs, mine.still) .. more)
  redis.call('PEXPIRE', key, lease)
  local waits, others, told = granted < math.min(wanted, mine.fair), 0, {}
  for _, row in ipairs(rows) do
    if row.who ~= me then
      others = others + (wanted > granted and row.held or math.min(row.held, row.wanted))
      otherIsOver = otherIsOver or row.held > row.fair
      otherWaits = otherWaits or row.held < math.min(row.wanted, row.fair)
      if isShort and row.wanted > 0 and ARGV[at + 9] ~= '' then told[#told + 1] = row.wanted .. ' ' .. row.parties end
    end
  end
  local gaveBack = before and kept < before
  if (waits and otherIsOver) or (gaveBack and otherWaits) then redis.call('PUBLISH', channel, me) end
  answer[i] = { granted, others, slots, tooMany, revision, told }
end
return answer
`;
