/**
 * How slots are divided, in one script: whoever asks hears what it may use, and nobody is granted what another holds.
 *
 * Each upstream has a hash with a row for each replica: what it holds, what it wants, when it was last heard of, until when
 * it is granted no more than it holds, as others may not have told yet what they hold after all was forgotten. Everybody
 * wants one, as long as there are as many, so that a replica that was idle serves its first request at once. From the
 * smallest wish up each gets what it wants or an equal part of what is left; what nobody wants is spread too. Where there
 * is no equal part, one slot for two above all, they take turns by the server's clock, one slot each, however much they want.
 *
 * Where slots are learnt the hash says in a row of its own how many there are, as agreed on: whoever found another number, and
 * knew the last one, says the next; who did not know it is heard where it found fewer; and to a server that was emptied
 * the latest one known is told.
 *
 * It goes by `now`, in microseconds. Arguments: who asks, the channel for news, how long a row is believed, how long a turn is; then for each upstream its
 * slots, what is held, what is wanted, 1 where it was told before what is its own; then 0 where its slots are said, 1 where they
 * are learnt, 2 where they were just found to be so many; the last number found to be too many, and the revision that is known.
 * The answer for each: what may be used, what the others use (hold, for who waits for more), and the number agreed on, with the
 * one too many and its revision.
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
    if more and more ~= '' and (#more > 200 or string.sub(more, 1, 1) ~= ' ') then at = nil end
      at = at and #at <= 16 and tonumber(at)
      still = still and #still <= 16 and math.min(tonumber(still), nowMs + lease)
      if not at or not still or at + lease <= nowMs then
        redis.call('HDEL', key, fields[i])
      else
        -- The server's clock was set back: from now on it is believed for as long as any other.
        if at > nowMs then redis.call('HSET', key, fields[i], written(held, wanted, nowMs, still) .. more) end
        rows[#rows + 1] = { who = fields[i], held = tonumber(held), wanted = tonumber(wanted), still = still }
      end
    end
  end
  return rows
end

local function divide(rows, slots)
  local count, left, wanting = #rows, slots, 0
  local least = slots >= count and 1 or 0
  table.sort(rows, function(a, b) return a.who < b.who end)
  for i, row in ipairs(rows) do
    if row.wanted > 0 then wanting = wanting + 1 end
    row.place = wanting
  end
  -- Fewer than one for each: whoever wants many is due no more often than whoever wants one.
  local most = slots < wanting and 1 or slots
  for i, row in ipairs(rows) do
    row.want = math.max(least, math.min(row.wanted, most))
    row.turn = (row.place + turn) % math.max(1, wanting)
  end
  local byWant = { unpack(rows) }
  table.sort(byWant, function(a, b)
    if a.want ~= b.want then return a.want < b.want end
    return a.turn < b.turn
  end)
  for i, row in ipairs(byWant) do
    row.fair = math.min(row.want, math.floor(left / (count - i + 1)))
    left = left - row.fair
  end
  for i, row in ipairs(rows) do
    row.fair = row.fair + math.floor(left / count) + (i <= left % count and 1 or 0)
  end
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
  local at = 7 * i - 3
  local slots, held, wanted = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local tooMany, revision = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
  local rows, mine, before, taken, otherWaits, otherIsOver = rowsOf(key), nil, nil, 0, false, false
  if ARGV[at + 5] ~= '0' then slots, tooMany, revision = agreed(key, slots, tooMany, revision, ARGV[at + 5] == '2') end
  for _, row in ipairs(rows) do
    if row.who == me then mine, before = row, row.held else taken = taken + row.held end
  end
  if not mine then
    mine = { who = me, still = ARGV[at + 4] == '1' and nowMs + lease or 0 }
    rows[#rows + 1] = mine
  end
  mine.wanted, mine.held = wanted, held
  divide(rows, slots)
  local granted = math.max(0, math.min(mine.fair, slots - taken))
  if nowMs < mine.still then granted = math.min(granted, held) end
  local kept = math.max(granted, held)
  redis.call('HSET', key, me, written(kept, wanted, nowMs, mine.still))
  redis.call('PEXPIRE', key, lease)
  local waits, others = granted < math.min(wanted, mine.fair), 0
  for _, row in ipairs(rows) do
    if row.who ~= me then
      others = others + (wanted > granted and row.held or math.min(row.held, row.wanted))
      otherIsOver = otherIsOver or row.held > row.fair
      otherWaits = otherWaits or row.held < math.min(row.wanted, row.fair)
    end
  end
  local gaveBack = before and kept < before
  if (waits and otherIsOver) or (gaveBack and otherWaits) then redis.call('PUBLISH', channel, me) end
  answer[i] = { granted, others, slots, tooMany, revision }
end
return answer
`;
