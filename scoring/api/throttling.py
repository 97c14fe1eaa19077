"""At most so many calls a minute for each key, counted exactly.

Redis or Valkey counts for all web workers together, in one script that is atomic. It keeps one number for
each second, so that in no 60 seconds, wherever they start, a key gets more calls than it is allowed; a key
costs at most 61 small numbers. While the counter cannot be reached, each process counts for itself, a log
line says so, and calls go on: a missing counter must not stop leads from being scored.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import redis
from django.conf import settings

from leadscoring.common.installation import redis_prefix
from leadscoring.common.queue import Breaker
from scoring.api.problems import Throttled
from scoring.services.keys import KeyHolder

logger = logging.getLogger(__name__)

WINDOW_S = 60
ANSWERS_WITHIN_S = 0.25

# A call counts as long as any part of the second it fell in is less than 60 s old, hence 61 slots.
SCRIPT = """
local now = redis.call('TIME')
local second = tonumber(now[1])
local limit = tonumber(ARGV[1])
local used, oldest, old = 0, second, {}
local slots = redis.call('HGETALL', KEYS[1])
for i = 1, #slots, 2 do
  local at = tonumber(slots[i])
  if at < second - 60 then
    old[#old + 1] = slots[i]
  else
    used = used + tonumber(slots[i + 1])
    if at < oldest then oldest = at end
  end
end
if #old > 0 then redis.call('HDEL', KEYS[1], unpack(old)) end
local allowed = used < limit
if allowed then
  redis.call('HINCRBY', KEYS[1], second, 1)
  redis.call('EXPIRE', KEYS[1], 62)
  used = used + 1
end
return {allowed and 1 or 0, used, (oldest + 61) * 1000 - second * 1000 - math.floor(tonumber(now[2]) / 1000)}
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The answer of a counter: may this call go on, how many are left, when some come back."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """`RateLimit-*` for every answer, `Retry-After` for a refusal."""
        found = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }
        return found if self.allowed else found | {"Retry-After": str(self.reset_s)}


class Counter(Protocol):
    """Counts one call of a key and says whether it may go on."""

    def take(self, key_id: int, limit: int) -> Allowance: ...


class RedisCounter:
    """One count for all processes. Raises `redis.RedisError` or `OSError` when it cannot be reached."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._script = client.register_script(SCRIPT)
        self._prefix = prefix

    def take(self, key_id: int, limit: int) -> Allowance:
        allowed, used, milliseconds = self._script(keys=[f"{self._prefix}calls:{key_id}"], args=[limit])
        reset = max(1, math.ceil(int(milliseconds) / 1000))
        return Allowance(bool(allowed), limit, max(0, limit - int(used)), reset)


class ProcessCounter:
    """The same count inside one process, for when there is no other."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._slots: dict[int, dict[int, int]] = {}
        self._lock = threading.Lock()

    def take(self, key_id: int, limit: int) -> Allowance:
        now = self._clock()
        second = int(now)
        with self._lock:
            slots = self._slots.get(key_id, {})
            slots = {at: n for at, n in slots.items() if at >= second - WINDOW_S}
            used = sum(slots.values())
            allowed = used < limit
            if allowed:
                slots[second] = slots.get(second, 0) + 1
                used += 1
            self._slots[key_id] = slots
            oldest = min(slots, default=second)
        reset = max(1, math.ceil(oldest + WINDOW_S + 1 - now))
        return Allowance(allowed, limit, max(0, limit - used), reset)


class FallingBack:
    """The shared counter while it answers, this process's own otherwise."""

    def __init__(self, shared: Counter, own: Counter, breaker: Breaker) -> None:
        self._shared, self._own, self._breaker = shared, own, breaker

    def take(self, key_id: int, limit: int) -> Allowance:
        if self._breaker.allows():
            try:
                allowance = self._shared.take(key_id, limit)
            except (redis.RedisError, OSError) as error:
                self._breaker.failed()
                logger.warning(
                    "Redis does not count API calls (%s): each process counts for itself for the next %g s",
                    type(error).__name__,
                    self._breaker.pause_seconds,
                )
            else:
                self._breaker.succeeded()
                return allowance
        return self._own.take(key_id, limit)


@cache
def make_counter() -> Counter:
    """This process's way to the count; made at the first call, after a worker was forked."""
    return connect(settings.REDIS_URL, redis_prefix())


def connect(url: str, prefix: str) -> Counter:
    """A counter in the Redis at this address, which may be away; its keys start with `prefix`."""
    client = redis.Redis.from_url(
        url,
        socket_timeout=ANSWERS_WITHIN_S,
        socket_connect_timeout=ANSWERS_WITHIN_S,
        health_check_interval=0,
    )
    return FallingBack(RedisCounter(client, prefix), ProcessCounter(), Breaker())


def take_call(holder: KeyHolder) -> Allowance:
    """Count a call of this key and say whether it may go on."""
    return make_counter().take(holder.id, holder.per_minute)


def used_up(allowance: Allowance) -> Throttled:
    """The refusal of a key whose minute is used up."""
    return Throttled(
        f"The API key allows {allowance.limit} calls a minute and they are used up; "
        f"expected the next call in {allowance.reset_s} s.",
        retry_after=allowance.reset_s,
        more={"limit_per_minute": allowance.limit},
    )
