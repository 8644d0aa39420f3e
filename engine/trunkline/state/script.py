"""The script that runs in Redis: `trunkline.policy.limiter` once more, over keys of one slot.

It goes by the server's own time, so the clocks of those who ask do not matter. Everything comes
as arguments; nothing is ever written into its text.
"""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING, Final, Literal

from trunkline.policy.limiter import HOLD, SLACK
from trunkline.store import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.store import Change

__all__ = ["SCRIPT", "SHA", "Verb", "arguments", "outcome"]

Verb = Literal["reserve", "settle", "release", "charge", "time"]

_RELEASED: Final = 60
"""For so many seconds a reservation that was given up cannot be made by a message that was held
up on its way."""

SCRIPT: Final = (
    f"""
local slack, hold, released = {SLACK}, {HOLD:.0f}, {_RELEASED}
"""
    + """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local verb, holder, record = ARGV[1], ARGV[2], KEYS[1]
if verb == 'time' then return {0, clock[1], clock[2]} end

local function text(number) return string.format('%.17g', number) end
local function expire(key, seconds)
  redis.call('PEXPIRE', key, string.format('%.0f', math.max(seconds, 0) * 1000 + 1000))
end
local function claim_of(index)
  local part = {}
  for word in string.gmatch(ARGV[index + 1], '%S+') do part[#part + 1] = word end
  return {key = KEYS[index], kind = part[1], amount = tonumber(part[2]),
    capacity = tonumber(part[3]), rate = tonumber(part[4]), ttl = tonumber(part[5]),
    start = tonumber(part[6]), finish = tonumber(part[7]), used = tonumber(part[8])}
end

local bucket, lease, window = {}, {}, {}
function bucket.read(c)
  local state = redis.call('HMGET', c.key, 'l', 't')
  c.level, c.at, c.mark = tonumber(state[1] or c.capacity), tonumber(state[2] or now), 0
  if now > c.at then
    c.level = c.level + (now - c.at) * c.rate
    c.at = now
  end
  if c.level > c.capacity then c.level = c.capacity end
end
function bucket.wait(c)
  if c.amount <= c.level + slack then return nil end
  if c.amount > c.capacity or c.rate <= 0 then return 'never' end
  return text(c.at - now + (c.amount - c.level) / c.rate)
end
function bucket.write(c)
  redis.call('HSET', c.key, 'l', text(c.level), 't', text(c.at))
  if c.rate > 0 then
    expire(c.key, c.at - now + (c.capacity - c.level) / c.rate)
  else
    redis.call('PERSIST', c.key)
  end
end
function bucket.take(c)
  c.level = c.level - c.amount
  bucket.write(c)
end
function bucket.settle(c)
  if c.amount ~= c.used then
    c.level = math.min(c.level + c.amount - c.used, c.capacity)
    bucket.write(c)
  end
end
function bucket.charge(c)
  c.level = c.level - c.used
  bucket.write(c)
end

function lease.read(c)
  redis.call('ZREMRANGEBYSCORE', c.key, '-inf', text(now))
  c.held, c.mark = redis.call('ZCARD', c.key), 0
end
function lease.wait(c)
  if c.held + c.amount <= c.capacity then return nil end
  if c.amount > c.capacity or c.held == 0 then return 'never' end
  local first = redis.call('ZRANGE', c.key, 0, 0, 'WITHSCORES')
  return text(math.max(0, tonumber(first[2]) - now))
end
function lease.take(c)
  redis.call('ZADD', c.key, text(now + c.ttl), holder)
  local last = redis.call('ZRANGE', c.key, -1, -1, 'WITHSCORES')
  expire(c.key, tonumber(last[2]) - now)
end
function lease.settle(c) redis.call('ZREM', c.key, holder) end
function lease.charge(c) end

function window.read(c)
  local state = redis.call('HMGET', c.key, 's', 'e', 'u')
  c.mark, c.last, c.spent = tonumber(state[1]), tonumber(state[2]), tonumber(state[3])
  if not c.mark or c.start > c.mark then c.mark, c.last, c.spent = c.start, c.finish, 0 end
end
function window.wait(c)
  if c.spent + c.amount <= c.capacity then return nil end
  if c.amount > c.capacity then return 'never' end
  return 'end ' .. text(c.last)
end
function window.write(c)
  redis.call('HSET', c.key, 's', text(c.mark), 'e', text(c.last), 'u', text(c.spent))
  expire(c.key, c.last - c.mark + 86400)
end
function window.take(c)
  c.spent = c.spent + c.amount
  window.write(c)
end
function window.settle(c)
  if c.mark == c.held then
    c.spent = math.max(0, c.spent + c.used - c.amount)
    window.write(c)
  end
end
function window.charge(c)
  if c.start == c.mark then
    c.spent = c.spent + c.used
    window.write(c)
  end
end

local kinds = {bucket = bucket, lease = lease, window = window}
local reply = {0, clock[1], clock[2]}
local function tell(c)
  if c.kind == 'window' then
    reply[#reply + 1] = c.key
    reply[#reply + 1] = text(c.mark)
    reply[#reply + 1] = text(c.spent)
  end
end
local known = redis.call('EXISTS', record) == 1

if verb == 'reserve' then
  if known then return reply end
  local claims = {}
  for index = 2, #KEYS do
    local c = claim_of(index)
    kinds[c.kind].read(c)
    local wait = kinds[c.kind].wait(c)
    if wait then return {index - 1, clock[1], clock[2], wait} end
    claims[#claims + 1] = c
  end
  for _, c in ipairs(claims) do
    kinds[c.kind].take(c)
    redis.call('HSET', record, c.key, text(c.mark))
    tell(c)
  end
  expire(record, hold)
elseif verb == 'charge' then
  if known then return reply end
  redis.call('HSET', record, '', '')
  expire(record, hold)
  for index = 2, #KEYS do
    local c = claim_of(index)
    kinds[c.kind].read(c)
    kinds[c.kind].charge(c)
    tell(c)
  end
else
  for index = 2, #KEYS do
    local held = redis.call('HGET', record, KEYS[index])
    if held then
      redis.call('HDEL', record, KEYS[index])
      local c = claim_of(index)
      kinds[c.kind].read(c)
      c.held = tonumber(held)
      kinds[c.kind].settle(c)
      tell(c)
    end
  end
  if verb == 'release' and not known then
    redis.call('HSET', record, '', '')
    expire(record, released)
  end
end
return reply
"""
)

SHA: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


def arguments(
    verb: Verb, prefix: str, reservation: str, changes: Sequence[Change]
) -> tuple[str | int, ...]:
    """What follows the script or its hash: the number of keys, the keys and the arguments."""
    keys = [f"{prefix}r:{reservation}"]
    values: list[str] = [verb, reservation]
    for claim, used in changes:
        keys.append(prefix + claim.key)
        values.append(
            f"{claim.kind} {claim.amount} {claim.capacity} {claim.rate!r} {claim.ttl!r}"
            f" {claim.start!r} {claim.end!r} {used}"
        )
    return (len(keys), *keys, *values)


def outcome(reply: Sequence[bytes | int], epoch: float) -> Refused | None:
    """What a reservation's reply says; a window's wait is counted from `epoch`."""
    place = int(reply[0])
    if not place:
        return None
    wait = bytes(reply[3]).decode()
    if wait == "never":
        return Refused(place - 1, None)
    if wait.startswith("end "):
        return Refused(place - 1, max(0.0, float(wait[4:]) - epoch))
    return Refused(place - 1, float(wait))
