"""`check_drift`: text, JSON, and refusals in words."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from monitoring.models import DriftCheck
from monitoring.selectors.profiles import DAY, floor_day
from monitoring.services import profiles
from scoring.models import Release
from tests.factories.rows import a_release, a_version
from tests.factories.watching import HOUR_0, a_watched_release, some_predictions, values

pytestmark = pytest.mark.django_db

END = floor_day(HOUR_0).replace(year=2025)
AS_OF = (END + profiles.GRACE).isoformat()


@pytest.fixture
def release() -> Release:
    return a_watched_release()


def check_drift(*words: str) -> str:
    out = io.StringIO()
    call_command("check_drift", *words, stdout=out)
    return out.getvalue()


def come(rows: list[dict[str, Any]]) -> None:
    some_predictions(rows, END - DAY / 2, END - DAY / 2 + profiles.SLICE)


def test_it_tells_the_drift_of_every_feature_and_the_quality(release: Release) -> None:
    come([{**row, "budget": row["budget"] + 200.0} for row in values(800, seed=1)])
    words = check_drift("--as-of", AS_OF)
    assert "800 leads scored 2025-05-25 00:00 to 2025-06-01 00:00 UTC" in words
    assert "critical" in words
    assert "Budget" in words
    assert "data quality" in words
    assert DriftCheck.objects.count() == 2


def test_thin_data_says_how_many_it_takes(release: Release) -> None:
    come(values(25, seed=1))
    words = check_drift("--as-of", AS_OF)
    assert "not enough" in words
    assert "needs " in words


def test_json_is_one_object_and_nothing_else(release: Release) -> None:
    come([{**row, "budget": None} for row in values(100, seed=1)])
    document = json.loads(check_drift("--as-of", AS_OF, "--json"))
    drift, quality = document["checks"]
    assert (drift["kind"], drift["n"], drift["until"]) == ("drift", 100, "2025-06-01T00:00:00+00:00")
    assert quality["kind"] == "quality"
    assert {row["feature"] for row in quality["found"] if row["level"] == "critical"} >= {"budget"}


def test_one_version_can_be_asked_for(release: Release) -> None:
    come(values(30, seed=1))
    document = json.loads(check_drift("--as-of", AS_OF, "--json", "--version", str(release.champion.number)))
    assert [(one["kind"], one["version"]) for one in document["checks"]] == [
        ("drift", release.champion.number)
    ]


def test_a_version_without_a_reference_is_told(db: None) -> None:
    bare = a_version()
    a_release(bare)
    come(values(5, seed=1))
    assert f"Version {bare.number} has no reference profile." in check_drift("--as-of", AS_OF)


def test_without_predictions_it_says_so(db: None) -> None:
    assert "Nothing to check" in check_drift("--as-of", AS_OF)
    assert json.loads(check_drift("--json")) == {"checks": []}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--as-of", "yesterday"), "expected a time such as"),
        (("--as-of", "2999-01-01T00:00:00+00:00"), "lies in the future"),
        (("--version", "77"), "there is no such version"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(db: None, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        check_drift(*words)
    assert not DriftCheck.objects.exists()
