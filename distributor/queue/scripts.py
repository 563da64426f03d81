"""What runs inside Redis for the state of lanes and for who is there: scripts, for what must not be torn apart.

Pure texts; the circuit is that of `queue.circuit`. Times are the server's, in microseconds. `state` is a lane's hash:
its epoch, rest and circuit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from distributor.queue.circuit import FIRST_REST, LONGEST_REST, OPENS_AFTER


@dataclass(frozen=True, slots=True)
class Script:
    """A text in Lua, and the name under which Redis keeps it."""

    text: str
    name: str = field(init=False)

    def __post_init__(self) -> None:
        # Redis names scripts by their SHA-1 (EVALSHA); nothing is protected by it.
        object.__setattr__(self, "name", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())


NOW = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local function text(n) return string.format('%.0f', n) end
"""

# KEYS state · ARGV the epoch that the caller knows, seconds to rest → epoch, now
# A lane's first epoch is made in silence. Where the caller knew another one the counts were lost: `lost` keeps since
# when. The server's clock set back makes a new epoch too, or entries of the future would block the lane.
JOIN = Script(
    NOW
    + """
local known, rest = ARGV[1], tonumber(ARGV[2]) * 1000000
local kept = redis.call('HMGET', KEYS[1], 'epoch', 'seen')
local epoch = kept[1]
if epoch and now < (tonumber(kept[2]) or 0) - 1000000 then
  redis.call('DEL', KEYS[1])
  epoch = false
end
if not epoch then
  epoch = text(now)
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
if known ~= '' and known ~= epoch then redis.call('HSETNX', KEYS[1], 'lost', text(now)) end
redis.call('HSET', KEYS[1], 'seen', text(now))
if rest > 0 and now + rest > (tonumber(redis.call('HGET', KEYS[1], 'rest')) or 0) then
  redis.call('HSET', KEYS[1], 'rest', text(now + rest))
end
return {epoch, text(now)}
"""
)

# KEYS state → µs for which the circuit is open
FAILED = Script(
    NOW
    + f"""
local OPENS_AFTER, FIRST, LONGEST = {OPENS_AFTER}, {FIRST_REST:.0f} * 1000000, {LONGEST_REST:.0f} * 1000000
"""
    + """
local kept = redis.call('HMGET', KEYS[1], 'failures', 'open')
local failures, open = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
if failures >= OPENS_AFTER and now < open then return math.ceil(open - now) end
failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
redis.call('HSET', KEYS[1], 'seen', text(now))
if failures < OPENS_AFTER then return 0 end
local long = math.min(FIRST * 2 ^ math.min(failures - OPENS_AFTER, 10), LONGEST)
redis.call('HSET', KEYS[1], 'open', text(now + long))
redis.call('HDEL', KEYS[1], 'probe', 'probe_until')
return long
"""
)

# KEYS state → 1 where that closed the circuit
HEALED = Script(f"""
local failures = tonumber(redis.call('HGET', KEYS[1], 'failures')) or 0
redis.call('HDEL', KEYS[1], 'failures', 'open', 'probe', 'probe_until')
return failures >= {OPENS_AFTER} and 1 or 0
""")

# KEYS roster · ARGV seconds until gone, then worker and lanes for each → worker and lanes for each that is there
ROSTER = Script(
    NOW
    + """
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], text(now) .. ' ' .. ARGV[i + 1]) end
local there, kept = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #kept, 2 do
  local at, lanes = string.match(kept[i + 1], '^(%d+) (.*)$')
  if at and math.abs(now - tonumber(at)) <= tonumber(ARGV[1]) * 1000000 then
    there[#there + 1], there[#there + 2] = kept[i], lanes
  else
    redis.call('HDEL', KEYS[1], kept[i])
  end
end
return there
"""
)
