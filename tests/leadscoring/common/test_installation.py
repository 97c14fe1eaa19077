from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection
from pytest_django import DjangoAssertNumQueries, Settings

from leadscoring import health
from leadscoring.celery import app
from leadscoring.common import installation
from leadscoring.common.installation import note_start, redis_prefix, strangers
from leadscoring.common.models import Installation
from scoring.api.throttling import RedisCounter
from tests.processes import race


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    """The prefix is read once in each process."""
    redis_prefix.cache_clear()
    yield
    redis_prefix.cache_clear()


@pytest.fixture
def own_name(settings: Settings) -> None:
    settings.REDIS_PREFIX = ""


def restarted(settings: Settings, prefix: str) -> None:
    settings.REDIS_PREFIX = prefix
    redis_prefix.cache_clear()


def name_drawn(_: int) -> str:
    redis_prefix.cache_clear()
    return redis_prefix()


@pytest.mark.django_db
@pytest.mark.usefixtures("own_name")
class TestOwnName:
    def test_it_is_drawn_once_and_every_later_process_finds_it(self) -> None:
        first = redis_prefix()
        redis_prefix.cache_clear()
        assert redis_prefix() == first
        assert first.startswith(f"leadscoring:{Installation.objects.get().token}")
        assert first.endswith(":")

    def test_another_database_draws_another(self) -> None:
        first = redis_prefix()
        Installation.objects.all().delete()
        redis_prefix.cache_clear()
        assert redis_prefix() != first

    def test_a_process_reads_it_once(self, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        redis_prefix()
        with django_assert_num_queries(0):
            redis_prefix()

    def test_a_connection_that_was_open_stays_open(self) -> None:
        connection.ensure_connection()
        redis_prefix()
        assert connection.connection is not None

    @pytest.mark.services
    def test_a_copy_of_the_rows_in_another_database_is_another_installation(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
            (number,) = cursor.fetchone()
        assert redis_prefix() == f"leadscoring:{Installation.objects.get().token}.{number}:"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("own_name")
class TestProcesses:
    def test_several_that_start_at_once_agree(self, tmp_path: Path) -> None:
        assert len(set(race(name_drawn, range(4), tmp_path))) == 1

    @pytest.mark.services
    def test_nothing_is_left_open_for_a_fork_to_inherit(self) -> None:
        connection.close()
        redis_prefix()
        note_start("worker")
        assert connection.connection is None


def test_a_prefix_that_is_set_needs_no_database(settings: Settings) -> None:
    settings.REDIS_PREFIX = "leads-eu"
    assert redis_prefix() == "leads-eu:"


@pytest.mark.django_db
class TestStrangers:
    def test_before_anything_started_nobody_is_one(self) -> None:
        assert strangers() == []
        assert not Installation.objects.exists()

    def test_processes_of_one_prefix_are_none(self) -> None:
        note_start("worker")
        note_start("beat")
        assert strangers() == []

    @pytest.mark.parametrize("role", ["worker", "beat"])
    def test_check_and_health_name_who_started_under_another_prefix(
        self, role: installation.Role, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health.broker, "ping", lambda url, *, timeout: "")
        note_start(role)
        restarted(settings, "leads-eu")
        (warning,) = [found for found in run_checks(databases=["default"]) if found.id == "leadscoring.W002"]
        assert f"The {role} last started under another REDIS_PREFIX" in warning.msg
        assert "leads-eu:" in warning.msg
        finding = health.check_broker()
        assert finding.state == "degraded"
        assert f"The {role} last started under another REDIS_PREFIX" in finding.detail
        note_start(role)
        assert health.check_broker().state == "ok"

    def test_a_check_that_may_not_ask_the_database_does_not(
        self, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        note_start("worker")
        restarted(settings, "leads-eu")
        with django_assert_num_queries(0):
            assert not [found for found in run_checks() if found.id == "leadscoring.W002"]


def test_every_connection_of_celery_keeps_to_the_prefix(settings: Settings) -> None:
    settings.REDIS_PREFIX = "leads-eu"
    for connect in (app.connection_for_read, app.connection_for_write, app.connection):
        with connect(transport_options={"client_name": "x"}) as made:
            assert made.transport_options["global_keyprefix"] == "leads-eu:"
            assert made.transport_options["client_name"] == "x"
            assert (
                made.transport_options["visibility_timeout"]
                == (app.conf.broker_transport_options["visibility_timeout"])
            )


@pytest.mark.services
class TestTwoOnOneRedis:
    @pytest.fixture(autouse=True)
    def _clean(self, redis_client: Any) -> Iterator[None]:
        yield
        for key in redis_client.keys("leads-test-*"):
            redis_client.delete(key)

    @staticmethod
    def broker(settings: Settings, prefix: str) -> Any:
        """A connection of the installation with this prefix, to which every message in hand is overdue."""
        restarted(settings, prefix)
        return app.connection_for_read(transport_options={"visibility_timeout": -1})

    def test_messages_of_one_never_reach_the_other(self, settings: Settings, redis_client: Any) -> None:
        with self.broker(settings, "leads-test-a") as a, self.broker(settings, "leads-test-b") as b:
            for priority in (0, 3, 6, 9):
                a.SimpleQueue("wake").put({"row": priority}, priority=priority)
            with pytest.raises(Empty):
                b.SimpleQueue("wake").get(block=False)
            queue = a.SimpleQueue("wake")
            assert {queue.get(block=False).payload["row"] for _ in range(4)} == {0, 3, 6, 9}
        names = {name.decode() for name in redis_client.keys("*")}
        assert not names & {"wake", "unacked", "unacked_index", "_kombu.binding.wake"}

    def test_what_a_killed_worker_held_comes_back_to_its_own_only(self, settings: Settings) -> None:
        killed = self.broker(settings, "leads-test-a")
        queue = killed.SimpleQueue("wake")
        queue.put({"row": 7})
        assert queue.get(block=False).payload == {"row": 7}
        killed.transport.Channel.QoS.restore_at_shutdown = False
        try:
            killed.release()
        finally:
            killed.transport.Channel.QoS.restore_at_shutdown = True
        with self.broker(settings, "leads-test-b") as b:
            b.default_channel.qos.restore_visible(interval=1)
            with pytest.raises(Empty):
                b.SimpleQueue("wake").get(block=False)
        with self.broker(settings, "leads-test-a") as a:
            a.default_channel.qos.restore_visible(interval=1)
            message = a.SimpleQueue("wake").get(block=False)
            assert message.payload == {"row": 7}
            assert message.headers["redelivered"]

    def test_calls_of_a_key_are_counted_apart(self, redis_client: Any) -> None:
        a, b = (RedisCounter(redis_client, f"leads-test-{name}:") for name in "ab")
        assert a.take(1, 1).allowed
        assert not a.take(1, 1).allowed
        assert b.take(1, 1).allowed
