"""`release show` and `release activate`."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from scoring.models import Release
from tests.factories.rows import a_version, counts
from tests.factories.trained import a_served_release, a_stored_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def release(*words: str) -> str:
    out = io.StringIO()
    call_command("release", *words, stdout=out)
    return out.getvalue()


def released(*words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(release(*words, "--json"))
    return document


def test_nothing_serves_at_first() -> None:
    assert "nothing serves. Train a model, then activate it" in release("show")
    assert released("show") == {"release": None}


def test_it_activates_and_shows_a_version() -> None:
    version = a_stored_version()
    document = released("activate", "1", "--reason", "the first")
    assert (document["version"], document["reason"], document["estimator"]) == (
        1,
        "the first",
        version.estimator,
    )
    assert released("show") == document
    assert "leadscoring v1" in release("show")
    assert "Reason: the first" in release("show")
    assert Release.objects.get().opened_by is None


def test_it_replaces_what_serves() -> None:
    before = a_served_release()
    a_stored_version(seed=2)
    assert released("activate", "2", "--reason", "better")["version"] == 2
    before.refresh_from_db()
    assert not before.is_open


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("activate", "9", "--reason", "x"), "There is no version 9. Known: 2, 1."),
        (("activate", "2", "--reason", " "), "A reason is needed"),
        (("activate", "1", "--reason", "again"), "Version 1 serves already"),
        (("activate", "2", "--reason", "x"), "Version 2: model file 000000000000… is not on this machine"),
        (("activate", "2"), "--reason"),
        (("activate", "two", "--reason", "x"), "invalid int value: 'two'"),
        (("explode",), "invalid choice: 'explode'"),
    ],
)
def test_it_says_why_not_and_changes_nothing(words: tuple[str, ...], said: str) -> None:
    a_served_release()
    a_version()
    before = counts()
    with pytest.raises(CommandError, match=said):
        release(*words)
    assert counts() == before
    assert Release.objects.get(is_open=True).champion.number == 1


def test_without_versions_it_says_so() -> None:
    with pytest.raises(CommandError, match="Known: none; train a model first"):
        release("activate", "1", "--reason", "x")
