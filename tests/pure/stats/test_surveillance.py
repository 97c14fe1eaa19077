"""Looks at data quality on profiles: heard within a slice, gone once mended, quiet otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from monitoring.stats.comparison import segments_looked_at
from monitoring.stats.folding import Folder, Scored
from monitoring.stats.profiles import Layout, Profile
from monitoring.stats.surveillance import Defect, Defective, Stretch, defects
from scoring.ml.reference import reference_profile
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame
from tests.factories.watching import SPECS, a_reference, values

Key = tuple[str, int]
Lead = dict[str, Any]
MINUTES = (15, 60, 360, 1440)


@cache
def folder() -> Folder:
    return Folder(Layout.of(a_reference()), FeatureSchema(SPECS))


def profiles(rows: Sequence[Mapping[str, Any]]) -> dict[Key, Profile]:
    if not rows:
        return {("", 0): Profile.empty(folder().layout)}
    ones = np.ones(len(rows))
    return folder().fold(
        Scored(
            [json.dumps(row) for row in rows], ones / 2, ones.astype(np.int64) * 50, ["B"] * len(rows), ones
        )
    )


def looked(*stretches: Sequence[Mapping[str, Any]], segments: bool = True) -> list[Defective]:
    """What a look finds in stretches of 15, 60, 360 and 1440 minutes, each holding the leads of the one before."""
    reference = a_reference()
    found = [Stretch(minutes, profiles(rows)) for minutes, rows in zip(MINUTES, stretches, strict=True)]
    return defects(reference, folder().layout, found, segments_looked_at(reference) if segments else [])


def one(found: list[Defective], feature: str, defect: Defect) -> Defective:
    return next(d for d in found if (d.feature, d.defect, d.segment) == (feature, defect, None))


def loud(found: list[Defective]) -> set[tuple[str, Defect]]:
    return {(d.feature, d.defect) for d in found if d.warning}


def broken(rows: list[Lead], **changed: object) -> list[Lead]:
    return [{**row, **changed} for row in rows]


GOOD = values(600, seed=21)


class TestHeard:
    @pytest.mark.parametrize("n", [10, 15, 40])
    @pytest.mark.parametrize(
        ("changed", "feature", "defect"),
        [
            ({"budget": None}, "budget", Defect.MISSING),
            ({"source": None}, "source", Defect.MISSING),
            ({"source": "Billboard"}, "source", Defect.UNSEEN),
            ({"pages": "many"}, "pages", Defect.UNREADABLE),
            ({"budget": 50_000.0}, "budget", Defect.OUTSIDE),
        ],
    )
    def test_a_field_that_breaks_altogether_is_critical_within_one_slice(
        self, n: int, changed: dict[str, object], feature: str, defect: Defect
    ) -> None:
        bad = broken(GOOD[:n], **changed)
        found = looked(bad, bad + GOOD[n:60], bad + GOOD[n:200], bad + GOOD[n:600])
        assert one(found, feature, defect).critical
        told = one(found, feature, defect).rise
        assert told is not None
        assert (told.now, told.before) == (1.0, 0.0)

    def test_what_cannot_be_read_is_missing_to_the_model_too(self) -> None:
        bad = broken(GOOD[:20], pages="many")
        assert loud(looked(bad, bad, bad, bad)) == {
            ("pages", Defect.MISSING),
            ("pages", Defect.UNREADABLE),
        }

    def test_one_value_in_ten_lost_is_heard_in_the_day(self) -> None:
        some = [{**row, "budget": None} if place % 10 == 0 else row for place, row in enumerate(GOOD)]
        found = one(looked(some[:8], some[:30], some[:150], some), "budget", Defect.MISSING)
        assert found.warning
        assert found.minutes == 360
        assert found.rise is not None
        assert found.rise.now == pytest.approx(0.1)

    def test_a_breakage_of_one_source_only_is_named_with_its_source(self) -> None:
        rows = [{**row, "pages": None} if row["source"] == "Mail" else row for row in GOOD]
        found = looked(rows[:20], rows[:80], rows[:200], rows)
        place = a_reference().feature("source").bin_names.index("Mail")
        assert ("source", place) in {
            d.segment for d in found if d.critical and (d.feature, d.defect) == ("pages", Defect.MISSING)
        }
        assert not {d.segment for d in found if d.warning and d.segment and d.segment[1] != place}


class TestCleared:
    def test_a_mended_field_is_quiet_although_the_day_still_holds_bad_leads(self) -> None:
        bad, good = broken(GOOD[:300], budget=None), GOOD[300:]
        found = one(
            looked(good[:40], good[:40] + bad[:60], bad[:200] + good[:40], bad + good),
            "budget",
            Defect.MISSING,
        )
        assert not found.warning
        assert found.rise is not None
        assert found.rise.rise < 0.05

    def test_too_few_good_leads_do_not_say_that_it_is_mended(self) -> None:
        bad, good = broken(GOOD[:300], budget=None), GOOD[300:]
        found = one(looked(good[:5], good[:5] + bad[:60], bad[:200], bad), "budget", Defect.MISSING)
        assert found.critical

    def test_it_is_heard_again_when_it_breaks_again(self) -> None:
        bad, good = broken(GOOD[:300], budget=None), GOOD[300:]
        found = one(
            looked(bad[:12], bad[:12] + good[:60], bad + good[:60], bad + good), "budget", Defect.MISSING
        )
        assert found.critical

    def test_it_is_over_for_the_leads_of_a_rare_source_too_although_none_of_them_came_since(self) -> None:
        bad = broken(GOOD[:300], budget=None)
        good = [row for row in GOOD[300:] if row["source"] != "Mail"][:40]
        found = looked(good, good + bad[:60], bad[:200] + good, bad + good)
        assert loud(found) == set()

    def test_what_broke_for_a_rare_source_only_is_not_over_because_others_came(self) -> None:
        bad = [{**row, "budget": None} if row["source"] == "Mail" else row for row in GOOD[:300]]
        good = [row for row in GOOD[300:] if row["source"] != "Mail"][:40]
        found = looked(good, good + bad[:60], bad[:200] + good, bad + good)
        assert ("budget", Defect.MISSING) in loud(found)

    def test_what_goes_on_for_one_source_is_not_over_because_it_is_over_for_the_others(self) -> None:
        bad = broken(GOOD[:300], budget=None)
        good = [{**row, "budget": None} if row["source"] == "Mail" else row for row in GOOD[300:360]]
        found = looked(good[:40], good[:40] + bad[:60], bad[:200] + good, bad + good)
        place = a_reference().feature("source").bin_names.index("Mail")
        assert {d.segment for d in found if d.critical and d.segment} == {("source", place)}


class TestNothingToSay:
    def test_no_leads_are_no_reading(self) -> None:
        found = looked([], [], [], [])
        assert {d.rise for d in found} == {None}
        assert loud(found) == set()

    def test_leads_as_before_are_quiet_and_still_told_of_all(self) -> None:
        found = looked(GOOD[:10], GOOD[:50], GOOD[:200], GOOD)
        assert loud(found) == set()
        assert {d.feature for d in found} == {"source", "budget", "pages", "vip"}
        assert all(d.segment is None for d in found)

    def test_a_few_bad_leads_of_few_are_chance(self) -> None:
        bad = broken(GOOD[:2], budget=None)
        assert loud(looked(bad + GOOD[2:5], bad + GOOD[2:5], bad + GOOD[2:5], bad + GOOD[2:5])) == set()


class TestManyRareLevels:
    """A category with a long tail: levels that training never saw come every day."""

    SPEC = FeatureSpec("firm", "Firm", Kind.CATEGORY)

    def firms(self, n: int, seed: int) -> list[Lead]:
        return [{"firm": f"firm {level}"} for level in np.random.default_rng(seed).zipf(1.6, n)]

    def looked(self, rows: list[Lead]) -> Defective:
        schema = FeatureSchema((self.SPEC,))
        known = parse_frame(schema, pd.DataFrame(self.firms(2000, 1), dtype=object))
        reference = reference_profile(known, schema, np.full(2000, 0.5), np.full(2000, 50))
        layout = Layout.of(reference)
        ones = np.ones(len(rows))
        texts = [json.dumps(row) for row in rows]
        window = Folder(layout, schema).fold(
            Scored(texts, ones / 2, ones.astype(np.int64), ["B"] * len(rows), ones)
        )
        found = defects(reference, layout, [Stretch(1440, window)], [])
        return one(found, "firm", Defect.UNSEEN)

    def test_new_ones_as_ever_are_no_news(self) -> None:
        for seed in range(40):
            assert not self.looked(self.firms(60, 100 + seed)).warning

    def test_only_new_ones_are(self) -> None:
        assert self.looked([{"firm": f"Co {place}"} for place in range(12)]).warning


def missing_at(share: float) -> Callable[[np.random.Generator, int], list[Lead]]:
    def draw(rng: np.random.Generator, n: int) -> list[Lead]:
        rows = values(n, seed=int(rng.integers(1 << 30)))
        gone = rng.random(n) < share
        return [{**row, "pages": None} if lost else row for row, lost in zip(rows, gone, strict=True)]

    return draw


def test_two_hundred_quiet_looks_of_a_small_business_raise_nothing() -> None:
    """Two hundred independent days of leads, each looked at once: the error of a whole week is one in a hundred."""
    rng = np.random.default_rng(11)
    draw = missing_at(0.0)
    warned = 0
    for _ in range(200):
        rows = draw(rng, 120)
        size = int(rng.integers(0, 12))
        warned += bool(loud(looked(rows[:size], rows[: 3 * size], rows[:60], rows)))
    assert warned == 0


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_most_looks_hear_a_field_that_loses_many_values(share: float) -> None:
    rng = np.random.default_rng(12)
    draw = missing_at(share)
    heard = 0
    for _ in range(25):
        rows = draw(rng, 300)
        heard += ("pages", Defect.MISSING) in loud(looked(rows[:10], rows[:40], rows[:150], rows))
    assert heard == 25


class TestTheMix:
    """A day at a fair brings leads that never had a field: that is no breakage."""

    @staticmethod
    def leads(n: int, fair: float, lost: float, seed: int) -> list[Lead]:
        rng = np.random.default_rng(seed)
        return [
            {
                "source": "Fair" if at_fair else "Web",
                "budget": 100.0,
                "pages": None if at_fair or rng.random() < lost else 3.0,
            }
            for at_fair in rng.random(n) < fair
        ]

    def look(self, *stretches: list[Lead]) -> list[Defective]:
        schema = FeatureSchema(tuple(spec for spec in SPECS if spec.name in {"source", "budget", "pages"}))
        past = pd.DataFrame(self.leads(4000, fair=0.1, lost=0.05, seed=1))
        reference = reference_profile(
            parse_frame(schema, past), schema, np.full(4000, 0.2), np.full(4000, 50, dtype=np.int64)
        )
        own = Folder(Layout.of(reference), schema)
        found = []
        for minutes, rows in zip(MINUTES, stretches, strict=True):
            ones = np.ones(len(rows))
            scored = Scored(
                [json.dumps(row) for row in rows],
                ones / 5,
                ones.astype(np.int64) * 50,
                ["B"] * len(rows),
                ones,
            )
            found.append(Stretch(minutes, own.fold(scored)))
        return defects(reference, own.layout, found, segments_looked_at(reference))

    def test_many_leads_of_a_source_without_the_field_are_no_breakage(self) -> None:
        rows = self.leads(200, fair=0.9, lost=0.05, seed=2)
        assert not [d for d in self.look(rows[:20], rows[:60], rows, rows) if d.warning]

    def test_a_field_that_is_lost_at_a_fair_too_is_one(self) -> None:
        rows = self.leads(200, fair=0.5, lost=1.0, seed=3)
        found = self.look(rows[:20], rows[:60], rows, rows)
        assert one(found, "pages", Defect.MISSING).critical
