"""What beat starts: each moment is looked at once, however many workers are woken."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitoring.models import CheckKind, DriftCheck, StoredReading
from monitoring.selectors.profiles import DAY, HOUR, floor_day
from monitoring.services import profiles, watch
from scoring.models import Prediction
from tests.factories.watching import HOUR_0, a_watched_release, minutes, some_predictions, values
from tests.processes import race

pytestmark = pytest.mark.django_db

MIDNIGHT = floor_day(HOUR_0)
SOON = timedelta(seconds=70)


def checks(kind: CheckKind) -> list[datetime]:
    return list(DriftCheck.objects.filter(kind=kind).order_by("until").values_list("until", flat=True))


def come(until: datetime) -> list[Prediction]:
    rows = [{**row, "budget": None} for row in values(60, seed=1)]
    return some_predictions(rows, until - profiles.SLICE, until)


def test_a_slice_is_looked_at_once_it_is_closed_and_once_only() -> None:
    a_watched_release()
    come(HOUR_0)
    assert watch.look(as_of=HOUR_0 + SOON) == [HOUR_0]
    assert watch.look(as_of=HOUR_0 + SOON + minutes(1)) == []
    assert watch.look(as_of=HOUR_0 + SOON + minutes(5)) == [HOUR_0 + minutes(5)]
    assert checks(CheckKind.QUALITY) == [HOUR_0, HOUR_0 + minutes(5)]


def test_looks_that_were_slept_over_are_not_made_up() -> None:
    a_watched_release()
    come(HOUR_0)
    watch.look(as_of=HOUR_0 + SOON)
    watch.look(as_of=HOUR_0 + SOON + HOUR)
    assert checks(CheckKind.QUALITY) == [HOUR_0, HOUR_0 + HOUR]


def test_days_that_were_slept_over_are_made_up() -> None:
    a_watched_release()
    come(MIDNIGHT - HOUR)
    watch.check_drift(as_of=MIDNIGHT + SOON)
    watch.check_drift(as_of=MIDNIGHT + 3 * DAY + SOON)
    assert checks(CheckKind.DRIFT) == [MIDNIGHT + back * DAY for back in range(4)]


def test_before_the_first_prediction_nothing_is_looked_at() -> None:
    a_watched_release()
    assert watch.look(as_of=HOUR_0) == []
    assert watch.check_drift(as_of=HOUR_0) == []
    assert watch.check_now(as_of=HOUR_0) == []


def all_there_is(at: str) -> int:
    now = datetime.fromisoformat(at)
    return len(watch.look(as_of=now)) + len(watch.check_drift(as_of=now))


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_workers_that_count_and_check_at_once_write_what_one_writes(tmp_path: Path) -> None:
    a_watched_release()
    come(MIDNIGHT - HOUR)
    come(MIDNIGHT)
    done = race(all_there_is, [(MIDNIGHT + SOON).isoformat()] * 3, tmp_path)
    assert sum(done) == 2
    assert [checks(kind) for kind in (CheckKind.QUALITY, CheckKind.DRIFT)] == [[MIDNIGHT], [MIDNIGHT]]
    assert DriftCheck.objects.get(kind=CheckKind.DRIFT).n == 120
    kept = StoredReading.objects.values_list("kind", "subject", "at")
    assert len(kept) == len(set(kept)) > 0
