"""Looks at data quality and volume through rows, as beat makes them every five minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from monitoring.contracts import AlertLevel, Looked, Reading, RuleKind
from monitoring.models import CheckKind, DriftCheck, Span, StoredProfile
from monitoring.selectors.profiles import DAY, HOUR, watched
from monitoring.services import drift, profiles, quality
from scoring.ml.reference import reference_profile
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame
from scoring.models import Release
from tests.factories.rows import a_feature_set, a_release, a_version
from tests.factories.watching import HOUR_0, SPECS, a_watched_release, minutes, some_predictions, values

pytestmark = pytest.mark.django_db

NOON = HOUR_0.replace(hour=12)
WEEK = 7 * DAY
SLICE = profiles.SLICE


@pytest.fixture
def release() -> Release:
    return a_watched_release()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Looked]:
    """What looks hand to the rules."""
    kept: list[Looked] = []
    record = quality.record

    def keeping(looked: Looked) -> None:
        kept.append(looked)
        record(looked)

    monkeypatch.setattr(quality, "record", keeping)
    return kept


def come(rows: Sequence[Mapping[str, Any]], until: datetime) -> None:
    """Leads within the slice that ends at a moment."""
    some_predictions(rows, until - SLICE, until)


def look(at: datetime = NOON) -> DriftCheck:
    profiles.fold(as_of=at + profiles.GRACE)
    made = quality.check(as_of=at)
    assert made is not None
    return made


def read(looked: Looked, kind: RuleKind, subject: str = "feature=budget") -> Reading:
    return next(one for one in looked.readings if (one.kind, one.subject) == (kind, subject))


def loud(looked: Looked) -> dict[str, set[str]]:
    """Causes of what is more than chance, and their subjects."""
    found: dict[str, set[str]] = {}
    for one in looked.readings:
        if one.sure is not None:
            found.setdefault(one.cause, set()).add(f"{one.kind.value}: {one.subject}")
    return found


def broken(n: int, seed: int = 5, **changed: object) -> list[dict[str, Any]]:
    return [{**row, **changed} for row in values(n, seed=seed)]


class TestBadValues:
    @pytest.mark.parametrize(
        ("changed", "kind", "words"),
        [
            (
                {"budget": None},
                RuleKind.MISSING,
                "has no value in 100.0 % of the leads",
            ),
            ({"source": "Billboard"}, RuleKind.UNSEEN, "holds a value that training never saw in 100.0 %"),
            ({"pages": "many"}, RuleKind.UNREADABLE, "cannot be read in 100.0 %"),
            ({"budget": 1e6}, RuleKind.OUT_OF_RANGE, "lies outside its allowed range in 100.0 %"),
        ],
    )
    def test_ten_bad_leads_are_heard_after_their_slice(
        self, release: Release, told: list[Looked], changed: dict[str, object], kind: RuleKind, words: str
    ) -> None:
        come(values(200, seed=1), NOON - 5 * HOUR)
        come(broken(10, **changed), NOON)
        made = look()
        found = read(told[0], kind, f"feature={next(iter(changed))}")
        assert made.level == "critical"
        assert (found.value, found.n, found.sure) == (1.0, 10, AlertLevel.CRITICAL)
        assert words in found.story.what
        assert found.story.link.endswith(f"/monitoring/driftcheck/{made.pk}/change/")

    def test_a_field_mended_clears_while_the_day_still_holds_the_bad_leads(
        self, release: Release, told: list[Looked]
    ) -> None:
        come(broken(200, budget=None), NOON - 2 * HOUR)
        come(broken(30, budget=None), NOON)
        look()
        come(values(40, seed=6), NOON + 30 * minutes(1))
        made = look(NOON + minutes(30))
        assert read(told[0], RuleKind.MISSING).sure is AlertLevel.CRITICAL
        mended = read(told[1], RuleKind.MISSING)
        assert (mended.value, mended.sure) == (0.0, None)
        assert made.level == "quiet"
        assert made.n == 270

    def test_a_breakage_of_one_source_is_told_of_its_leads(
        self, release: Release, told: list[Looked]
    ) -> None:
        rows = [{**row, "pages": None} if row["source"] == "Mail" else row for row in values(300, seed=1)]
        come(rows, NOON - 3 * HOUR)
        come([row for row in rows if row["source"] != "Mail"][:40], NOON)
        look()
        assert read(told[0], RuleKind.MISSING, "feature=pages where source=Mail").sure is AlertLevel.CRITICAL
        assert "feature=pages where source=Web" not in {one.subject for one in told[0].readings}

    def test_fields_that_break_together_have_one_cause(self, release: Release, told: list[Looked]) -> None:
        come(broken(30, budget=None, pages=None, vip=None), NOON)
        look()
        assert set(loud(told[0])) == {"several fields"}
        subjects = loud(told[0])["several fields"]
        assert {f"missing_values: feature={name}" for name in ("budget", "pages", "vip")} <= subjects

    def test_one_broken_field_is_its_own_cause(self, release: Release, told: list[Looked]) -> None:
        come(broken(30, pages="many"), NOON)
        look()
        assert set(loud(told[0])) == {"feature=pages"}

    def test_leads_as_before_are_quiet_and_every_share_is_read(
        self, release: Release, told: list[Looked]
    ) -> None:
        come(values(60, seed=1), NOON)
        made = look()
        assert (made.level, made.found) == ("quiet", [])
        assert loud(told[0]) == {}
        missing = {one.subject for one in told[0].readings if one.kind is RuleKind.MISSING}
        assert missing == {f"feature={name}" for name in ("source", "budget", "pages", "vip")}

    def test_nobody_within_a_day_says_nothing_about_values(
        self, release: Release, told: list[Looked]
    ) -> None:
        come(values(60, seed=1), NOON - 3 * DAY)
        look()
        shares = [one for one in told[0].readings if one.kind is not RuleKind.VOLUME]
        assert {one.value for one in shares} == {None}

    def test_leads_scored_again_count_for_values_too(self, release: Release, told: list[Looked]) -> None:
        some_predictions(broken(20, budget=None), NOON - SLICE, NOON, first=False)
        look()
        assert read(told[0], RuleKind.MISSING).sure is AlertLevel.CRITICAL


class TestVolume:
    def weeks(self, release: Release, n: int, *, web: int = 40, mail: int = 20) -> None:
        """Hours of past weeks as they are kept: the day before noon of so many weeks, alike."""
        layout = watched(release.champion_id).layout
        names = layout.features[layout.places["source"]].bin_names
        rows = []
        for back in range(1, n + 1):
            for hour in range(-24, 2):
                start = NOON - back * WEEK + hour * HOUR
                wobble = (back + hour) % 3
                for feature, place, count in (
                    ("", 0, web + mail + 2 * wobble),
                    ("source", names.index("Web"), web + wobble),
                    ("source", names.index("Mail"), mail + wobble),
                ):
                    rows.append(
                        StoredProfile(
                            version_id=release.champion_id, role="champion", first=True, span=Span.HOUR,
                            start=start, feature=feature, bin=place, layout=layout.digest, n=count,
                            counts=b"", moments=b"",
                        )
                    )  # fmt: skip
        StoredProfile.objects.bulk_create(rows)

    def today(self, shares: tuple[float, float, float], hours: int = 6, n: int = 60) -> None:
        for hour in range(hours):
            come(values(n, seed=30 + hour, shares=shares), NOON - hour * HOUR)

    def test_a_silent_source_is_told_by_its_name(self, release: Release, told: list[Looked]) -> None:
        self.weeks(release, 8)
        self.today((0.999, 0.0, 0.001), hours=24)
        look()
        found = read(told[0], RuleKind.VOLUME, "source=Mail")
        assert found.sure is AlertLevel.CRITICAL
        assert found.value is not None
        assert found.value > 0.9
        assert found.cause == "source=Mail"
        assert "in the same hours of the last 8 weeks" in found.story.what
        assert read(told[0], RuleKind.VOLUME, "all").sure is None

    def test_nobody_at_all_is_one_cause(self, release: Release, told: list[Looked]) -> None:
        self.weeks(release, 8)
        come(values(1, seed=1), NOON - 30 * HOUR)
        made = look()
        assert {one.cause for one in told[0].readings if one.kind is RuleKind.VOLUME and one.sure} == {
            "no leads"
        }
        assert loud(told[0])["no leads"] >= {"volume: all", "volume: source=Web", "volume: source=Mail"}
        assert made.level == "critical"

    def test_fewer_than_four_weeks_say_nothing(self, release: Release, told: list[Looked]) -> None:
        self.weeks(release, 3)
        come(values(1, seed=1), NOON - 30 * HOUR)
        made = look()
        assert RuleKind.VOLUME not in {one.kind for one in told[0].readings}
        assert made.level != "critical"

    def test_as_many_as_ever_are_quiet(self, release: Release, told: list[Looked]) -> None:
        self.weeks(release, 8)
        self.today((0.66, 0.0, 0.34), hours=24, n=62)
        look()
        assert {one.sure for one in told[0].readings if one.kind is RuleKind.VOLUME} == {None}


class TestWhatIsKept:
    def test_of_a_quiet_hour_the_last_look_is_kept(self, release: Release) -> None:
        come(values(60, seed=1), NOON)
        for step in (0, 5, 10, 60):
            look(NOON + minutes(step))
        untils = DriftCheck.objects.filter(kind=CheckKind.QUALITY).values_list("until", flat=True)
        assert sorted(untils) == [NOON + minutes(10), NOON + minutes(60)]

    def test_a_look_that_found_something_is_kept(self, release: Release) -> None:
        come(broken(30, budget=None), NOON)
        look()
        come(values(60, seed=1), NOON + minutes(20))
        look(NOON + minutes(20))
        look(NOON + minutes(25))
        levels = DriftCheck.objects.order_by("until").values_list("until", "level")
        assert list(levels) == [(NOON, "critical"), (NOON + minutes(25), "quiet")]

    def test_made_twice_for_its_moment_it_is_one_row(self, release: Release) -> None:
        come(broken(30, budget=None), NOON)
        assert look().pk == look().pk
        assert DriftCheck.objects.count() == 1

    def test_nothing_serves(self, db: None) -> None:
        assert quality.check(as_of=NOON) is None

    def test_a_version_without_a_reference_says_so(self, db: None, told: list[Looked]) -> None:
        a_release(a_version())
        made = quality.check(as_of=NOON)
        assert made is not None
        assert (made.level, told) == ("unknown", [])
        assert "has no reference profile" in made.summary["problem"]


def test_values_that_differ_only_after_hundreds_of_letters_stay_apart(told: list[Looked]) -> None:
    """Landing pages as sources: a check must not fail over two subjects that look alike when cut."""
    specs = (FeatureSpec("source", "Source", Kind.CATEGORY, segment=True), SPECS[1])
    page = "https://example.com/" + "x" * 400
    rows = [{"source": f"{page}/{row['source']}", "budget": row["budget"]} for row in values(900, seed=1)]
    schema = FeatureSchema(specs)
    known = parse_frame(schema, pd.DataFrame(rows, dtype=object))
    reference = reference_profile(known, schema, np.full(900, 0.3), np.full(900, 30))
    a_release(a_version(feature_set=a_feature_set(specs), reference_profile=reference.to_json()))
    come([{**row, "budget": None} if row["source"] != f"{page}/Web" else row for row in rows[:300]], NOON)
    look()
    profiles.fold(as_of=NOON + DAY)
    drift.check(as_of=NOON + DAY)
    for looked in told:
        subjects = [(one.kind, one.subject) for one in looked.readings]
        assert len(subjects) == len(set(subjects))
    bad = {one.subject for one in told[0].readings if one.kind is RuleKind.MISSING and one.sure}
    assert {f"feature=budget where source={page}/{name}" for name in ("Fair", "Mail")} <= bad
