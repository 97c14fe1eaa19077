"""A server of this machine that plays the other side, allowed for the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.factories.watch import OtherSide, other_side


@pytest.fixture
def other(settings: Settings) -> Iterator[OtherSide]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with other_side() as side:
        yield side
