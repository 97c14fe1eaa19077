"""A whole check of drift on profiles: what is heard, what is not, and what has one cause."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from monitoring.stats.comparison import Comparison, Row, compare_profiles, segments_looked_at
from monitoring.stats.folding import Folder, Scored
from monitoring.stats.levels import Level, Limits
from monitoring.stats.profiles import Layout, Profile
from scoring.ml.multiplicity import benjamini_hochberg
from scoring.ml.schema import FeatureSchema
from tests.factories.watching import SOURCES, SPECS, a_reference, probabilities, values

SCHEMA = FeatureSchema(SPECS)


@cache
def folder() -> Folder:
    return Folder(Layout.of(a_reference()), SCHEMA)


def window(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], Profile]:
    if not rows:
        return {("", 0): Profile.empty(folder().layout)}
    p = np.array(probabilities(rows))
    return folder().fold(
        Scored(
            [json.dumps(row) for row in rows],
            p,
            np.clip(p * 100, 1, 99).astype(np.int64),
            ["A"] * len(rows),
            np.ones(len(rows)),
        )
    )


def compared(rows: Sequence[Mapping[str, Any]], **more: Any) -> Comparison:
    return compare_profiles(a_reference(), folder().layout, window(rows), **more)


def row_of(found: Comparison, feature: str, segment: tuple[str, int] | None = None) -> Row:
    return next(row for row in found.rows if (row.feature, row.segment) == (feature, segment))


def moved(rows: list[dict[str, Any]], by: float) -> list[dict[str, Any]]:
    spread = float(np.std([row["budget"] for row in values(4000, seed=99)]))
    return [{**row, "budget": row["budget"] + by * spread} for row in rows]


def test_leads_as_before_are_quiet() -> None:
    found = compared(values(2000, seed=5))
    assert {row.judged.level for row in found.rows} == {Level.QUIET}
    assert found.score.level is Level.QUIET
    assert found.auc_now == pytest.approx(found.auc_before, abs=0.02)
    assert found.mean_now == pytest.approx(found.mean_before, abs=0.02)


def test_no_leads_are_not_no_drift() -> None:
    found = compared([])
    assert {row.judged.level for row in found.rows} == {Level.UNKNOWN}
    assert {row.drift.problem for row in found.rows} == {"the window holds no rows"}
    assert found.score.level is Level.UNKNOWN
    assert (found.mean_now, found.auc_now) == (None, None)


def test_thin_data_says_how_many_it_takes() -> None:
    found = compared(values(40, seed=5))
    for row in found.rows:
        assert row.judged.level is Level.UNKNOWN
        assert row.judged.needs is not None
        assert row.judged.needs > 40


def test_what_a_thin_window_needs_is_enough() -> None:
    needs = max(row.judged.needs or 0 for row in compared(values(40, seed=5)).rows)
    assert {row.judged.level for row in compared(values(needs, seed=6)).rows} == {Level.QUIET}


@pytest.mark.parametrize("seed", range(5))
def test_a_feature_moved_by_six_tenths_of_a_deviation_is_heard_at_a_thousand_leads(seed: int) -> None:
    found = compared(moved(values(1000, seed=seed), 0.6))
    row = row_of(found, "budget")
    assert row.judged.level in (Level.WARNING, Level.CRITICAL)
    assert row.drift.shift == pytest.approx(0.6, abs=0.1)
    assert row.mix == ""
    assert found.rows[0].feature == "budget"


def test_a_feature_that_is_gone_from_the_feed_is_critical_in_all_leads_and_in_every_value() -> None:
    rows = [{name: value for name, value in row.items() if name != "pages"} for row in values(1000, seed=5)]
    found = compared(rows)
    mine = [row for row in found.rows if row.feature == "pages"]
    assert len(mine) == 1 + len(SOURCES)
    assert {row.judged.level for row in mine} == {Level.CRITICAL}


def test_only_one_class_of_score_is_score_drift_and_promises_no_ranking() -> None:
    current = window(values(1000, seed=5))
    everyone = current["", 0]
    counts = everyone.counts.copy()
    where = everyone.layout.parts["probability"]
    counts[where.start : where.stop] = 0
    counts[where.start] = everyone.n
    current["", 0] = replace(everyone, counts=counts)
    found = compare_profiles(a_reference(), everyone.layout, current)
    assert found.score.level is Level.CRITICAL
    assert found.auc_now == pytest.approx(0.5)


def test_own_limits_go_before_the_usual_ones() -> None:
    rows = moved(values(1000, seed=1), 0.6)
    high, low = Limits(5.0, 9.0), Limits(0.01, 0.02)
    assert row_of(compared(rows, limits={"budget": high}), "budget").judged.level is Level.QUIET
    assert row_of(compared(rows, usual=high), "budget").judged.level is Level.QUIET
    found = compared(rows, usual=high, limits={"budget": low})
    assert row_of(found, "budget").judged.level is Level.CRITICAL


def test_q_values_are_corrected_over_features_segments_and_the_score_together() -> None:
    found = compared(moved(values(700, seed=3), 0.15))
    assert found.tests == len(found.rows) + 1 == 4 + 3 * len(SOURCES) + 1
    judged = [*(row.judged for row in found.rows), found.score]
    p = np.array([one.drift.p for one in judged], dtype=np.float64)
    assert [one.q for one in judged] == pytest.approx(benjamini_hochberg(p).tolist())


def test_a_small_value_is_not_looked_at_on_its_own() -> None:
    rows = [row for row in values(1000, seed=3) if row["source"] != "Mail"] + [
        row for row in values(1000, seed=3) if row["source"] == "Mail"
    ][:99]
    found = compared(rows)
    looked_at = {row.segment for row in found.rows if row.segment}
    assert len(looked_at) == 2


def test_a_source_that_dies_explains_the_features_it_drags() -> None:
    found = compared(values(1500, seed=4, shares=(0.999, 0.0005, 0.0005)))
    assert row_of(found, "source").judged.level is Level.CRITICAL
    dragged = [row for row in found.rows if row.segment is None and row.judged.level is not Level.QUIET]
    assert {row.feature for row in dragged} >= {"source", "budget"}
    assert {row.mix for row in dragged} == {"source"}
    web = next(one for one in a_reference().segments if one.n == max(s.n for s in a_reference().segments))
    inside = [row for row in found.rows if row.segment == ("source", web.bin)]
    assert {row.judged.level for row in inside} == {Level.QUIET}


def test_a_feature_that_changed_within_every_source_is_not_put_down_to_the_mix() -> None:
    assert row_of(compared(moved(values(1500, seed=4), 0.8)), "budget").mix == ""


def test_importance_ranks_drifts_of_one_level() -> None:
    rows = [{**row, "pages": row["pages"] + 30, "vip": "yes"} for row in values(1000, seed=4)]
    for first, second in (("pages", "vip"), ("vip", "pages")):
        found = compared(rows, importance={first: 0.9, second: 0.1})
        order = [row.feature for row in found.rows if row.segment is None]
        assert order.index(first) < order.index(second)


def test_values_looked_at_are_those_with_most_leads() -> None:
    found = segments_looked_at(a_reference())
    assert [one.n for one in found] == sorted((one.n for one in a_reference().segments), reverse=True)[:8]


def test_two_hundred_quiet_weeks_warn_in_no_more_than_two() -> None:
    """A warning may come by chance in one week in a hundred at most; in 200 weeks more than five would be less likely
    than one in fifty (Poisson). PSI limits make it much rarer."""
    rng = np.random.default_rng(7)
    warned = 0
    for week in range(200):
        n = int(rng.choice([60, 250, 1000]))
        found = compared(values(n, seed=10_000 + week), looks_per_week=1.0)
        levels = {row.judged.level for row in found.rows} | {found.score.level}
        warned += bool(levels & {Level.WARNING, Level.CRITICAL})
    assert warned <= 2
