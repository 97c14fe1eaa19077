"""Fixtures for every test: an own place to write, and PostgreSQL and Redis where they are offered."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests import environment

environment.prepare()

import django  # noqa: E402  # the environment comes first
from django.conf import settings  # noqa: E402

django.setup()

REQUIRED = os.environ.get("LEADSCORING_REQUIRE_SERVICES", "") == "1"


def pytest_configure(config: pytest.Config) -> None:
    """A run that must have its services says so before the first test, not by skipping quietly."""
    missing = missing_services()
    if REQUIRED and missing:
        raise pytest.UsageError(f"LEADSCORING_REQUIRE_SERVICES=1, but {' and '.join(missing)}.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = missing_services()
    for item in items:
        if missing and item.get_closest_marker("services"):
            item.add_marker(pytest.mark.skip(reason=" and ".join(missing)))


def missing_services() -> list[str]:
    """What keeps the tests marked `services` from running, in words."""
    missing = []
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        missing.append("DATABASE_URL names no PostgreSQL")
    if not os.environ.get("REDIS_URL"):
        missing.append("REDIS_URL is not set")
    return missing


@pytest.fixture
def redis_client() -> Iterator[Any]:
    """A client of the Redis named by REDIS_URL."""
    import redis

    client = redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5, socket_connect_timeout=2)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(autouse=True)
def _closed_breaker() -> Iterator[None]:
    """No test inherits another's broken broker."""
    from leadscoring.common.queue import breaker

    breaker.succeeded()
    yield
    breaker.succeeded()
