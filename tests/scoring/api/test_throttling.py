"""Calls a minute: never too many in any 60 seconds, and no call stopped for want of a counter."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from leadscoring.common.queue import Breaker
from scoring.api import throttling
from scoring.api.throttling import Allowance, FallingBack, ProcessCounter, RedisCounter
from scoring.models import ApiKey
from scoring.services import keys
from scoring.services.keys import IssuedKey
from tests.scoring.api.conftest import Api

PREFIX = "leadscoring-tests:"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.25

    def __call__(self) -> float:
        return self.now


def test_it_allows_as_many_as_the_key_may_and_then_says_when_the_next_is_due() -> None:
    clock = Clock()
    counter = ProcessCounter(clock)
    taken = [counter.take(1, 3) for _ in range(4)]
    assert [allowance.allowed for allowance in taken] == [True, True, True, False]
    assert [allowance.remaining for allowance in taken] == [2, 1, 0, 0]
    assert taken[3].reset_s == 61
    clock.now += taken[3].reset_s
    assert counter.take(1, 3).allowed


def test_a_refused_call_does_not_count() -> None:
    clock = Clock()
    counter = ProcessCounter(clock)
    counter.take(1, 1)
    for _ in range(30):
        clock.now += 1
        assert not counter.take(1, 1).allowed
    clock.now += 31
    assert counter.take(1, 1).allowed


def test_keys_are_counted_apart() -> None:
    counter = ProcessCounter(Clock())
    assert counter.take(1, 1).allowed
    assert counter.take(2, 1).allowed
    assert not counter.take(1, 1).allowed


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 8), st.lists(st.floats(0, 25), min_size=5, max_size=80))
def test_in_no_60_seconds_are_more_calls_allowed_than_the_limit(limit: int, gaps: list[float]) -> None:
    clock = Clock()
    counter = ProcessCounter(clock)
    allowed: list[float] = []
    for gap in gaps:
        clock.now += gap
        if counter.take(7, limit).allowed:
            allowed.append(clock.now)
        else:
            # It refuses only while the last 61 seconds are full.
            assert sum(1 for at in allowed if at > clock.now - 61) >= limit
    for start in allowed:
        assert sum(1 for at in allowed if start <= at < start + 60) <= limit


def test_parallel_calls_in_one_process_are_counted_exactly() -> None:
    counter = ProcessCounter()
    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(lambda _: counter.take(1, 50).allowed, range(400)))
    assert allowed == 50


class Away:
    """A counter that cannot be reached."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = 0

    def take(self, key_id: int, limit: int) -> Allowance:
        self.asked += 1
        raise self.error


@pytest.mark.parametrize("error", [redis.ConnectionError("no"), redis.TimeoutError("slow"), OSError("gone")])
def test_without_redis_calls_go_on_and_a_log_line_says_so(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    away = Away(error)
    counter = FallingBack(away, ProcessCounter(clock), Breaker(clock=clock))
    assert [counter.take(1, 2).allowed for _ in range(3)] == [True, True, False]
    assert away.asked == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "each process counts for itself" in caplog.text
    clock.now += 6
    counter.take(2, 2)
    assert away.asked == 2


def test_an_address_where_nothing_listens_is_no_obstacle(tmp_path: Path) -> None:
    counter = throttling.connect(f"unix://{tmp_path}/none.sock", PREFIX)
    assert counter.take(1, 1).allowed
    assert not counter.take(1, 1).allowed


@pytest.mark.django_db
def test_a_used_up_key_gets_a_429_problem_that_says_when_to_come_back(key: IssuedKey) -> None:
    ApiKey.objects.filter(pk=key.id).update(per_minute=2)
    keys.forget_keys()
    api = Api(key.key)
    first = api.get("model-info")
    assert first.headers["RateLimit-Limit"] == "2"
    assert first.headers["RateLimit-Remaining"] == "1"
    assert 1 <= int(first.headers["RateLimit-Reset"]) <= 61
    # A call that is refused for another reason counts as well.
    assert api.get("leads/nobody").headers["RateLimit-Remaining"] == "0"
    refused = api.get("model-info")
    problem = refused.problem(429, "throttled")
    assert problem["limit_per_minute"] == 2
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["Retry-After"] in problem["detail"]


@pytest.fixture
def shared(redis_client: redis.Redis) -> Iterator[RedisCounter]:
    number = os.getpid() * 1000
    redis_client.delete(*[f"{PREFIX}calls:{number + i}" for i in range(5)])
    yield RedisCounter(redis_client, PREFIX)
    redis_client.delete(*[f"{PREFIX}calls:{number + i}" for i in range(5)])


@pytest.mark.services
def test_redis_counts_like_one_process_does(shared: RedisCounter) -> None:
    number = os.getpid() * 1000
    taken = [shared.take(number, 3) for _ in range(4)]
    assert [allowance.allowed for allowance in taken] == [True, True, True, False]
    assert [allowance.remaining for allowance in taken] == [2, 1, 0, 0]
    assert all(59 <= allowance.reset_s <= 61 for allowance in taken)


@pytest.mark.services
def test_redis_forgets_a_call_after_61_seconds_and_not_before(
    shared: RedisCounter, redis_client: redis.Redis
) -> None:
    number = os.getpid() * 1000 + 1
    name = f"{PREFIX}calls:{number}"
    while time.time() % 1 > 0.8:
        pass  # so that the second does not change between the two commands below
    second = int(redis_client.time()[0])
    redis_client.hset(name, mapping={str(second - 61): 5, str(second - 60): 2})
    allowance = shared.take(number, 3)
    assert (allowance.allowed, allowance.remaining, allowance.reset_s) == (True, 0, 1)
    assert redis_client.hexists(name, str(second - 61)) == 0
    assert not shared.take(number, 3).allowed
    assert 0 < redis_client.ttl(name) <= 62


ANOTHER_PROCESS = """
import sys, redis, django
django.setup()
from scoring.api.throttling import RedisCounter
counter = RedisCounter(redis.Redis.from_url(sys.argv[1]), sys.argv[3])
print(sum(counter.take(int(sys.argv[2]), 100).allowed for _ in range(70)))
"""


@pytest.mark.services
def test_redis_counts_exactly_across_processes(shared: RedisCounter) -> None:
    number = os.getpid() * 1000 + 2
    command = [sys.executable, "-c", ANOTHER_PROCESS, os.environ["REDIS_URL"], str(number), PREFIX]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    allowed = [int(process.communicate(timeout=60)[0]) for process in running]
    assert sum(allowed) == 100
    assert not shared.take(number, 100).allowed
