"""Counting predictions into profiles: once each, the same whoever counts and when."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.models import FoldState, Span, StoredProfile
from monitoring.selectors.profiles import DAY, HOUR, floor_day, watched, window
from monitoring.services import profiles
from monitoring.stats.profiles import Profile
from scoring.contracts import Cause, Role
from scoring.models import Prediction, Release
from tests.factories.rows import a_version
from tests.factories.watching import HOUR_0, a_watched_release, minutes, some_predictions, values
from tests.processes import race

pytestmark = pytest.mark.django_db

Rows = list[tuple[Any, ...]]
FIELDS = (
    "version_id", "role", "first", "span", "start", "feature", "bin", "layout", "n", "counts", "moments", "sketches",
)  # fmt: skip


@pytest.fixture
def release() -> Release:
    return a_watched_release()


def stored(*spans: Span) -> Rows:
    """Every row of the spans, with its bytes."""
    rows = StoredProfile.objects.filter(span__in=spans or list(Span)).order_by(
        "version_id", "role", "span", "start", "first", "feature", "bin"
    )
    return [
        tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in rows.values_list(*FIELDS)
    ]


def counted(**found: Any) -> int:
    """Leads in the hours' rows of all leads."""
    rows = StoredProfile.objects.filter(**{"span": Span.HOUR, "feature": "", **found})
    return sum(rows.values_list("n", flat=True))


def closed(at: datetime) -> datetime:
    """The moment from which on the slice that ends at `at` is closed."""
    return at + profiles.GRACE


class TestTheSameRows:
    def as_time_goes(self, steps: list[float]) -> Rows:
        StoredProfile.objects.all().delete()
        FoldState.objects.all().delete()
        for step in steps:
            profiles.fold(as_of=closed(HOUR_0 + minutes(step)))
        return stored(Span.HOUR)

    def test_an_hour_counted_slice_by_slice_is_the_hour_counted_at_once(self, release: Release) -> None:
        some_predictions(values(2500, seed=1), HOUR_0, HOUR_0 + HOUR)
        at_once = self.as_time_goes([60])
        assert {row[8] for row in at_once if row[5] == ""} == {2500}
        assert self.as_time_goes(list(range(5, 65, 5))) == at_once

    def test_a_worker_that_slept_over_some_slices_writes_the_same_bytes(self, release: Release) -> None:
        some_predictions(values(2500, seed=1), HOUR_0, HOUR_0 + HOUR)
        at_once = self.as_time_goes([60])
        assert self.as_time_goes([5, 20, 25, 50, 60]) == at_once

    def test_an_hour_rebuilt_is_the_hour_as_it_was(self, release: Release) -> None:
        some_predictions(values(1500, seed=1), HOUR_0, HOUR_0 + 2 * HOUR)
        for step in range(5, 125, 5):
            profiles.fold(as_of=closed(HOUR_0 + minutes(step)))
        before = stored(Span.HOUR)
        StoredProfile.objects.filter(span=Span.HOUR).update(n=1)
        assert profiles.rebuild(since=HOUR_0, until=HOUR_0 + 2 * HOUR) == [HOUR_0, HOUR_0 + HOUR]
        assert stored(Span.HOUR) == before

    def test_what_is_not_counted_yet_is_not_rebuilt(self, release: Release) -> None:
        some_predictions(values(60, seed=1), HOUR_0, HOUR_0 + HOUR)
        assert profiles.rebuild(since=HOUR_0, until=HOUR_0 + HOUR) == []
        profiles.fold(as_of=closed(HOUR_0 + minutes(30)))
        assert profiles.rebuild(since=HOUR_0, until=HOUR_0 + HOUR) == []
        assert counted() == 30

    def test_days_are_sums_of_their_hours(self, release: Release) -> None:
        day = floor_day(HOUR_0)
        some_predictions(values(900, seed=1), day, day + DAY)
        profiles.fold(as_of=closed(day + DAY))
        layout = watched(release.champion_id).layout
        total: dict[tuple[str, int], Profile] = {}
        for row in StoredProfile.objects.filter(span=Span.HOUR).order_by("start"):
            mine = Profile.from_bytes(
                layout, row.n, bytes(row.counts), bytes(row.moments), bytes(row.sketches)
            )
            key = (row.feature, row.bin)
            total[key] = total[key].merge(mine) if key in total else mine
        days = StoredProfile.objects.filter(span=Span.DAY)
        assert {(row.feature, row.bin): bytes(row.counts) for row in days} == {
            key: one.counts_bytes() for key, one in total.items()
        }
        everyone = days.get(feature="")
        assert everyone.n == 900
        assert bytes(everyone.sketches) == total["", 0].sketches_bytes()

    def test_a_window_of_days_and_hours_holds_each_lead_once(self, release: Release) -> None:
        day = floor_day(HOUR_0)
        some_predictions(values(1200, seed=2), day, day + 3 * DAY)
        profiles.fold(as_of=closed(day + 3 * DAY))
        layout = watched(release.champion_id).layout
        since, until = day + 7 * HOUR, day + 2 * DAY + 11 * HOUR
        found = window(layout, release.champion_id, "champion", since, until)
        expected = Prediction.objects.filter(scored_at__gte=since, scored_at__lt=until).count()
        assert found["", 0].n == expected
        assert sum(one.n for (feature, _), one in found.items() if feature == "source") == expected


class TestOnceEach:
    def test_a_slice_is_counted_a_minute_after_its_end_and_not_before(self, release: Release) -> None:
        some_predictions(values(10, seed=1), HOUR_0, HOUR_0 + minutes(5))
        profiles.fold(as_of=HOUR_0 + minutes(5.5))
        assert counted() == 0
        profiles.fold(as_of=HOUR_0 + minutes(6))
        assert counted() == 10

    def test_counting_again_adds_nothing(self, release: Release) -> None:
        some_predictions(values(50, seed=1), HOUR_0, HOUR_0 + minutes(20))
        assert profiles.fold(as_of=closed(HOUR_0 + HOUR)).predictions == 50
        before = stored()
        assert profiles.fold(as_of=closed(HOUR_0 + HOUR)).predictions == 0
        assert stored() == before

    def test_an_error_in_the_middle_leaves_nothing_half_counted(
        self, release: Release, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        some_predictions(values(240, seed=1), HOUR_0, HOUR_0 + 2 * HOUR)
        write, calls = profiles._write, []

        def failing(*args: Any) -> None:
            calls.append(args)
            if len(calls) == 2:
                raise RuntimeError("the disk is full")
            write(*args)

        monkeypatch.setattr(profiles, "_write", failing)
        with pytest.raises(RuntimeError, match="the disk is full"):
            # Long after: no slices are kept, so each hour is written in one call.
            profiles.fold(as_of=closed(HOUR_0 + DAY))
        assert (counted(), FoldState.objects.get().folded_until) == (120, HOUR_0 + HOUR)
        monkeypatch.undo()
        profiles.fold(as_of=closed(HOUR_0 + 2 * HOUR))
        assert [counted(start=HOUR_0), counted(start=HOUR_0 + HOUR)] == [120, 120]

    def test_first_scores_and_repeated_ones_are_apart_and_not_known_counts_as_first(
        self, release: Release
    ) -> None:
        for first, n in ((True, 5), (None, 3), (False, 7)):
            some_predictions(values(n, seed=1), HOUR_0, HOUR_0 + minutes(5), first=first)
        profiles.fold(as_of=closed(HOUR_0 + HOUR))
        assert (counted(first=True), counted(first=False)) == (8, 7)

    def test_scorings_again_in_bulk_are_not_counted(self, release: Release) -> None:
        for cause in Cause:
            some_predictions(values(2, seed=1), HOUR_0, HOUR_0 + minutes(5), cause=cause.value)
        profiles.fold(as_of=closed(HOUR_0 + HOUR))
        assert counted() == 2 * (len(Cause) - 2)
        assert profiles.reconcile(as_of=HOUR_0 + 2 * HOUR) == []

    def test_versions_and_roles_are_apart(self, release: Release) -> None:
        some_predictions(values(4, seed=1), HOUR_0, HOUR_0 + minutes(5))
        some_predictions(values(6, seed=1), HOUR_0, HOUR_0 + minutes(5), role=Role.SHADOW.value)
        profiles.fold(as_of=closed(HOUR_0 + HOUR))
        assert (counted(role="champion"), counted(role="shadow")) == (4, 6)

    def test_a_version_without_a_reference_is_named_and_the_others_are_counted(
        self, release: Release, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        named: list[dict[str, Any]] = []
        monkeypatch.setattr(
            profiles.log, "warning", lambda event, **more: named.append({"event": event, **more})
        )
        bare = a_version(feature_set=release.champion.feature_set)
        broken = a_version(feature_set=release.champion.feature_set, reference_profile={"format_version": 1})
        some_predictions(values(4, seed=1), HOUR_0, HOUR_0 + minutes(5), version=bare)
        some_predictions(values(3, seed=1), HOUR_0, HOUR_0 + minutes(5), version=broken)
        some_predictions(values(6, seed=1), HOUR_0, HOUR_0 + minutes(5))
        profiles.fold(as_of=closed(HOUR_0 + HOUR))
        assert counted() == 6
        assert {row["version"]: row["predictions"] for row in named} == {bare.pk: 4, broken.pk: 3}
        assert "has no reference profile" in named[0]["why"] + named[1]["why"]
        assert profiles.reconcile(as_of=HOUR_0 + 2 * HOUR) == []

    def test_without_predictions_there_is_nothing_to_say(self, db: None) -> None:
        assert profiles.fold(as_of=HOUR_0) == profiles.Folded(0, None)
        assert profiles.reconcile(as_of=HOUR_0) == []
        assert profiles.rebuild(since=HOUR_0 - DAY, until=HOUR_0) == []
        assert profiles.forget(as_of=HOUR_0) == 0


class TestLate:
    def test_a_prediction_committed_late_is_found_and_its_hour_counted_anew(self, release: Release) -> None:
        some_predictions(values(20, seed=1), HOUR_0, HOUR_0 + HOUR)
        profiles.fold(as_of=closed(HOUR_0 + 2 * HOUR))
        assert profiles.reconcile(as_of=HOUR_0 + 2 * HOUR) == []
        some_predictions(values(1, seed=2), HOUR_0 + minutes(7), HOUR_0 + minutes(8))
        profiles.fold(as_of=closed(HOUR_0 + 3 * HOUR))
        assert counted() == 20
        assert profiles.reconcile(as_of=HOUR_0 + 3 * HOUR) == [HOUR_0]
        assert counted() == 21

    def test_its_day_is_summed_anew(self, release: Release) -> None:
        day = floor_day(HOUR_0)
        some_predictions(values(20, seed=1), HOUR_0, HOUR_0 + HOUR)
        profiles.fold(as_of=closed(day + DAY))
        some_predictions(values(1, seed=2), HOUR_0 + minutes(7), HOUR_0 + minutes(8))
        profiles.reconcile(as_of=day + DAY)
        assert counted(span=Span.DAY) == 21

    def test_predictions_dated_in_the_future_wait_for_their_time(self, release: Release) -> None:
        some_predictions(values(3, seed=1), HOUR_0 + 3 * HOUR, HOUR_0 + 4 * HOUR)
        assert profiles.fold(as_of=closed(HOUR_0)).predictions == 0
        some_predictions(values(5, seed=1), HOUR_0 + minutes(10), HOUR_0 + minutes(20))
        assert profiles.fold(as_of=closed(HOUR_0 + HOUR)).predictions == 5
        assert profiles.fold(as_of=closed(HOUR_0 + 4 * HOUR)).predictions == 3
        assert profiles.reconcile(as_of=HOUR_0 + 4 * HOUR) == []

    def test_a_clock_that_goes_back_changes_nothing(self, release: Release) -> None:
        some_predictions(values(30, seed=1), HOUR_0, HOUR_0 + HOUR)
        profiles.fold(as_of=closed(HOUR_0 + HOUR))
        before, state = stored(Span.HOUR, Span.DAY), FoldState.objects.get().folded_until
        for back in (minutes(7), HOUR, 40 * DAY):
            assert profiles.fold(as_of=HOUR_0 + HOUR - back) == profiles.Folded(0, state)
        assert stored(Span.HOUR, Span.DAY) == before


class TestLongTimes:
    def test_months_without_predictions_are_passed_over(self, release: Release) -> None:
        some_predictions(values(2, seed=1), HOUR_0, HOUR_0 + minutes(5))
        some_predictions(values(2, seed=1), HOUR_0 + 200 * DAY, HOUR_0 + 200 * DAY + minutes(5))
        with CaptureQueriesContext(connection) as captured:
            assert profiles.fold(as_of=closed(HOUR_0 + 201 * DAY)).predictions == 4
        assert len(captured) < 80
        assert FoldState.objects.get().rolled_until == floor_day(HOUR_0 + 201 * DAY)

    def test_hours_are_forgotten_and_days_kept(self, release: Release) -> None:
        day = floor_day(HOUR_0)
        some_predictions(values(48, seed=1), day, day + 2 * DAY)
        profiles.fold(as_of=closed(day + 70 * DAY))
        days = stored(Span.DAY)
        assert profiles.forget(as_of=day + profiles.KEEP_HOURS + DAY + 5 * HOUR) > 0
        assert counted(start__lt=day + DAY) == 0
        assert counted(start__gte=day + DAY) == 24
        assert stored(Span.DAY) == days

    def test_an_hour_of_a_forgotten_day_rebuilt_leaves_the_day_whole(self, release: Release) -> None:
        day = floor_day(HOUR_0)
        some_predictions(values(48, seed=1), day, day + 2 * DAY)
        profiles.fold(as_of=closed(day + 70 * DAY))
        days = stored(Span.DAY)
        profiles.forget(as_of=day + 100 * DAY)
        profiles.rebuild(since=day + 5 * HOUR, until=day + 6 * HOUR)
        assert stored(Span.DAY) == days

    def test_slices_of_the_last_three_hours_are_kept_only(self, release: Release) -> None:
        some_predictions(values(360, seed=1), HOUR_0, HOUR_0 + 6 * HOUR)
        profiles.fold(as_of=closed(HOUR_0 + 6 * HOUR))
        starts = StoredProfile.objects.filter(span=Span.SLICE).values_list("start", flat=True)
        assert (min(starts), max(starts)) == (HOUR_0 + 3 * HOUR, HOUR_0 + 6 * HOUR - minutes(5))
        assert counted(span=Span.SLICE) == 180


def fold_at(at: str) -> int:
    return profiles.fold(as_of=datetime.fromisoformat(at)).predictions


def look_and_rebuild(what: str) -> int:
    if what == "rebuild":
        return len(profiles.rebuild(since=HOUR_0, until=HOUR_0 + 6 * HOUR))
    return fold_at(closed(HOUR_0 + 6 * HOUR).isoformat())


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
class TestSeveralWorkers:
    def compare(self, act: Callable[[Any], Any], arguments: list[str], place: Path) -> None:
        a_watched_release()
        some_predictions(values(1800, seed=3), HOUR_0, HOUR_0 + 6 * HOUR)
        race(act, arguments, place)
        profiles.fold(as_of=closed(HOUR_0 + 6 * HOUR))
        together = stored(Span.HOUR)
        StoredProfile.objects.all().delete()
        FoldState.objects.all().delete()
        profiles.fold(as_of=closed(HOUR_0 + 6 * HOUR))
        assert together == stored(Span.HOUR)
        assert counted() == 1800

    def test_two_that_count_at_once_write_what_one_writes(self, tmp_path: Path) -> None:
        self.compare(fold_at, [closed(HOUR_0 + 6 * HOUR).isoformat()] * 2, tmp_path)

    def test_with_clocks_that_differ_too(self, tmp_path: Path) -> None:
        moments = [closed(HOUR_0 + hours * HOUR + minutes(10)).isoformat() for hours in (2, 3, 4)]
        self.compare(fold_at, moments, tmp_path)

    def test_counting_and_rebuilding_at_once_write_what_one_writes(self, tmp_path: Path) -> None:
        self.compare(look_and_rebuild, ["fold", "rebuild", "fold", "rebuild"], tmp_path)


KILLED = """
import os, sys
from datetime import datetime
import django
django.setup()
from monitoring.services import profiles
write, calls = profiles._write, []
def dying(*args):
    write(*args)
    calls.append(1)
    if len(calls) == int(sys.argv[2]):
        os._exit(9)
profiles._write = dying
profiles.fold(as_of=datetime.fromisoformat(sys.argv[1]))
"""


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("writes", [1, 4])
def test_a_process_killed_in_mid_transaction_loses_nothing(writes: int) -> None:
    a_watched_release()
    some_predictions(values(600, seed=3), HOUR_0, HOUR_0 + 3 * HOUR)
    settings = connection.settings_dict
    address = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, closed(HOUR_0 + 3 * HOUR).isoformat(), str(writes)],
        env={**os.environ, "DATABASE_URL": address},
        check=False,
    )
    assert killed.returncode == 9
    state = FoldState.objects.get()
    assert counted() == 200 * round((state.folded_until - HOUR_0) / HOUR)
    assert counted() < 600
    profiles.fold(as_of=closed(HOUR_0 + 3 * HOUR))
    assert [counted(start=HOUR_0 + hour * HOUR) for hour in range(3)] == [200, 200, 200]
    assert profiles.reconcile(as_of=datetime(2026, 6, 2, tzinfo=UTC)) == []


def test_a_gap_between_predictions_is_not_a_loss(release: Release) -> None:
    some_predictions(values(4, seed=1), HOUR_0, HOUR_0 + minutes(5))
    profiles.fold(as_of=closed(HOUR_0 + 3 * HOUR))
    some_predictions(
        values(4, seed=1), HOUR_0 + 3 * HOUR + timedelta(seconds=1), HOUR_0 + 3 * HOUR + minutes(5)
    )
    profiles.fold(as_of=closed(HOUR_0 + 3 * HOUR + minutes(5)))
    assert counted() == 8
