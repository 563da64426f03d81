"""What runs inside Redis for the quotas: taking leave, and setting right what was taken.

Pure texts. The arithmetic is that of `queue.limits`; times are the server's, in microseconds. Every key of a script
bears its lane as the hash tag, so that Redis Cluster keeps them together:

    state   hash    the lane's epoch, rest and circuit
    times   sorted  one member for each grant, by when its calls began
    calls   hash    grant → calls; and fields that begin with a dot: for each window its sum and up to where it was
                    trimmed (.head), the pace's calls left (.pace, .paced), up to where entries were dropped (.gone)

A sum that is missing is counted again from the entries.
"""

from __future__ import annotations

from distributor.queue.circuit import OPENS_AFTER, PROBE_LOOK, PROBE_SECONDS
from distributor.queue.scripts import NOW, Script

# KEYS state times calls · ARGV epoch, mark, most, least, '1' for the lane itself or '0' for a part, seconds of grace
# after a loss, the time until which the asker waits for the answer (µs), then for each window: count,
# length (µs), and its pace: size (0: none), µs for a call, step → what, calls, wait (µs), failures, now
# A server that hung finds questions whose askers have long gone on: they must not use up the quota.
TAKE = Script(
    NOW
    + f"""
local OPENS_AFTER, PROBE, LOOK = {OPENS_AFTER}, {PROBE_SECONDS:.0f} * 1000000, {PROBE_LOOK} * 1000000
"""
    + """
local state, times, calls = KEYS[1], KEYS[2], KEYS[3]
local mark, most, least, whole = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local grace, deadline = tonumber(ARGV[6]) * 1000000, tonumber(ARGV[7])
local kept = redis.call('HMGET', state, 'epoch', 'seen', 'lost', 'rest', 'failures', 'open', 'probe_until')
for i = 2, 7 do kept[i] = tonumber(kept[i]) or 0 end
local failures = kept[5]
local function answer(what, given, wait) return {what, given, math.ceil(wait), failures, text(now)} end
if now > deadline then return answer('late', 0, 0) end
if kept[1] ~= ARGV[1] or now < kept[2] - 1000000 then return answer('lost', 0, 0) end

local longest = 0
for i = 9, #ARGV, 5 do longest = math.max(longest, tonumber(ARGV[i])) end
local settled = kept[3] + math.min(grace, longest)
if longest > 0 and now < settled then return answer('settling', 0, settled - now) end
local probing = false
if whole then
  if now < kept[4] then return answer('rest', 0, kept[4] - now) end
  if failures >= OPENS_AFTER then
    if now < kept[6] then return answer('open', 0, kept[6] - now) end
    if now < kept[7] then return answer('open', 0, math.min(kept[7] - now, LOOK)) end
    probing, most = true, least
  end
end

local gone = tonumber(redis.call('HGET', calls, '.gone')) or 0
local function sum(low, high)
  local total, first = 0, 0
  while true do
    local marks = redis.call('ZRANGEBYSCORE', times, '(' .. text(low), high, 'LIMIT', first, 500)
    if #marks == 0 then return total end
    for _, n in ipairs(redis.call('HMGET', calls, unpack(marks))) do total = total + (tonumber(n) or 0) end
    first = first + #marks
  end
end
local function used(long)
  local edge, total = now - tonumber(long), 0
  local was = redis.call('HMGET', calls, '.head' .. long, '.sum' .. long)
  local head = tonumber(was[1])
  if head and head >= gone then
    edge = math.max(edge, head)
    total = tonumber(was[2]) - sum(head, text(edge))
  else
    total = sum(edge, '+inf')
  end
  redis.call('HSET', calls, '.head' .. long, text(edge), '.sum' .. long, total)
  return total
end
local function freed(long, need)
  local first = 0
  while true do
    local found = redis.call('ZRANGEBYSCORE', times, '(' .. text(now - tonumber(long)), '+inf', 'WITHSCORES', 'LIMIT',
      first, 100)
    if #found == 0 then return tonumber(long) end
    for i = 1, #found, 2 do
      need = need - (tonumber(redis.call('HGET', calls, found[i])) or 0)
      if need <= 0 then return tonumber(found[i + 1]) + tonumber(long) - now end
    end
    first = first + 100
  end
end

local room, wait, sums, paces, lengths = most, 0, {}, {}, {}
for i = 8, #ARGV, 5 do
  local count, long, size = tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2])
  local total = used(long)
  local left = count - total
  if least > count and total == 0 then left = least end
  if left < least then
    local need = least - left
    if least > count then need = total end
    wait = math.max(wait, freed(long, need))
  end
  room = math.min(room, left)
  sums[long], lengths[#lengths + 1] = total, long
  if size > 0 then
    local each, step = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
    local was = redis.call('HMGET', calls, '.pace' .. long, '.paced' .. long)
    local left = size
    if was[1] and was[2] then left = math.min(size, tonumber(was[1]) + math.max(now - tonumber(was[2]), 0) / each) end
    local leave, wanted = math.floor(left + 0.000001), math.min(math.max(least, math.min(most, step)), size)
    if leave < wanted then
      leave, wait = 0, math.max(wait, (wanted - left) * each)
    end
    if leave > 0 then leave = math.max(leave, least) end
    room = math.min(room, leave)
    paces[long] = left
  end
end
if longest > 0 then
  local edge = text(now - longest)
  local old = redis.call('ZRANGEBYSCORE', times, '-inf', edge, 'LIMIT', 0, 500)
  if #old > 0 then
    redis.call('ZREM', times, unpack(old))
    redis.call('HDEL', calls, unpack(old))
    redis.call('HSET', calls, '.gone', edge)
  end
end
local given = room >= least
if given then
  redis.call('HSET', state, 'seen', text(now))
  if probing then redis.call('HSET', state, 'probe', mark, 'probe_until', text(now + PROBE)) end
end
if given and longest > 0 then
  redis.call('ZADD', times, text(now), mark)
  redis.call('HSET', calls, mark, room, '.windows', table.concat(lengths, ' '))
  for long, total in pairs(sums) do redis.call('HSET', calls, '.sum' .. long, total + room) end
  for long, left in pairs(paces) do
    redis.call('HSET', calls, '.pace' .. long, left - room, '.paced' .. long, text(now))
  end
end
if longest > 0 then
  local life = math.ceil(longest / 1000) + 1000
  redis.call('PEXPIRE', times, life)
  redis.call('PEXPIRE', calls, life)
end
if given then return answer('given', room, 0) end
return answer('full', 0, wait)
"""
)

# KEYS state times calls · ARGV mark, calls
REFUND = Script("""
local had = tonumber(redis.call('HGET', KEYS[3], ARGV[1]))
local back = math.min(had or 0, tonumber(ARGV[2]))
local at = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1])) or 0
for long in string.gmatch(redis.call('HGET', KEYS[3], '.windows') or '', '%d+') do
  local head = tonumber(redis.call('HGET', KEYS[3], '.head' .. long))
  if head and at > head then redis.call('HINCRBY', KEYS[3], '.sum' .. long, -back) end
  local left = tonumber(redis.call('HGET', KEYS[3], '.pace' .. long))
  if left then redis.call('HSET', KEYS[3], '.pace' .. long, left + back) end
end
if had and back < had then
  redis.call('HSET', KEYS[3], ARGV[1], had - back)
elseif had then
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('HDEL', KEYS[3], ARGV[1])
end
if ARGV[3] == '1' and redis.call('HGET', KEYS[1], 'probe') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'probe', 'probe_until')
end
return back
""")

# KEYS times calls · ARGV milliseconds to keep, then for each grant: mark, calls, age (µs)
# Sets grants to where they belong, whether they are there or not: a begin that came later than its leave, and what was
# lost or spent elsewhere. The sums are counted again at the next take.
PUT = Script(
    NOW
    + """
for i = 2, #ARGV, 3 do
  redis.call('ZADD', KEYS[1], text(now - tonumber(ARGV[i + 2])), ARGV[i])
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
for long in string.gmatch(redis.call('HGET', KEYS[2], '.windows') or '', '%d+') do
  redis.call('HDEL', KEYS[2], '.head' .. long)
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1
"""
)

# KEYS times calls · ARGV milliseconds to keep, mark, calls, age (µs): the same for one grant, keeping the sums.
BEGAN = Script(
    NOW
    + """
local at, was = now - tonumber(ARGV[4]), tonumber(redis.call('ZSCORE', KEYS[1], ARGV[2]))
if was and at <= was then return 0 end
for long in string.gmatch(redis.call('HGET', KEYS[2], '.windows') or '', '%d+') do
  local head = tonumber(redis.call('HGET', KEYS[2], '.head' .. long))
  if head and at > head and (not was or was <= head) then
    redis.call('HINCRBY', KEYS[2], '.sum' .. long, ARGV[3])
  end
end
redis.call('ZADD', KEYS[1], text(at), ARGV[2])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1
"""
)
