"""What holds for every dial: nothing before its onset, nothing at size 0, nobody else changed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from leadscoring.simulation import SCENARIOS, SimulationConfig, scenario
from leadscoring.simulation.chances import changed_law
from leadscoring.simulation.changes import (
    BrokenField,
    ChangedLaw,
    CovariateShift,
    DeadSource,
    FollowUp,
    NewSource,
    SeasonalSwing,
    SlowConversions,
)
from leadscoring.simulation.dials import second
from leadscoring.simulation.law import build_law
from leadscoring.simulation.mess import Corrections, Duplicates, LateEvents, Merges
from tests.factories.business import DIALS, ONSET, business, created_before, dials, events_of, written

ALL = pytest.mark.parametrize("name", DIALS)


@ALL
def test_nothing_differs_before_the_onset(name: str):
    turned = dials(name)
    changed, plain = business(*turned), business(*turned[:-1])
    for table in ("leads", "truth"):
        pd.testing.assert_frame_equal(
            created_before(getattr(changed, table), ONSET), created_before(getattr(plain, table), ONSET)
        )
    before = [[e for e in events_of(s) if str(e["occurred_at"]) < "2025-07"] for s in (changed, plain)]
    assert before[0] == before[1]
    assert before[0]


@ALL
def test_something_differs_from_the_onset_on(name: str):
    turned = dials(name)
    assert written(business(*turned)) != written(business(*turned[:-1]))


@ALL
def test_leads_it_does_not_act_on_are_the_same_to_the_cell(name: str):
    turned = dials(name)
    changed, plain = business(*turned), business(*turned[:-1])
    ids = changed.truth.loc[~changed.truth["dials"].str.contains(turned[-1].name), "Lead ID"]
    ids = ids[ids.isin(plain.leads["Lead ID"])]
    for table in ("leads", "truth"):
        ours, theirs = (getattr(s, table).set_index("Lead ID").loc[ids] for s in (changed, plain))
        pd.testing.assert_frame_equal(ours, theirs)


@ALL
def test_turned_to_nothing_or_set_after_the_last_day_it_leaves_the_same_bytes(name: str):
    turned = dials(name)
    plain = written(business(*turned[:-1]))
    assert written(business(*turned[:-1], replace(turned[-1], size=0.0))) == plain
    assert written(business(*turned[:-1], replace(turned[-1], onset=date(2026, 1, 1)))) == plain


@ALL
def test_after_its_end_it_acts_no_more(name: str):
    turned = dials(name, end=date(2025, 9, 1))
    truth = business(*turned).truth
    acted = truth[truth["dials"].str.contains(turned[-1].name) & ~truth["duplicate"]]
    assert (acted["Created"] < "2025-09-01").all()
    assert (acted["Created"] >= "2025-07-01").all()


def test_two_processes_write_the_same_bytes():
    code = (
        "from datetime import date\n"
        "from leadscoring.simulation import SCENARIOS, scenario\n"
        "from tests.factories.business import business, written\n"
        "every = [d for name in SCENARIOS for d in scenario(name, date(2025, 7, 1))]\n"
        "print(written(business(*every, leads=600)))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64


def test_a_ramp_grows_evenly_from_the_onset_to_the_size_and_stops_at_the_end():
    dial = SlowConversions(size=2.0, onset=date(2025, 3, 1), end=date(2025, 5, 1), ramp_days=20)
    days = [date(2025, month, day) for month, day in ((2, 28), (3, 1), (3, 11), (3, 21), (4, 30), (5, 1))]
    assert dial.strength(np.array([second(day) for day in days])).tolist() == [0.0, 0.0, 1.0, 2.0, 2.0, 0.0]


def test_a_dial_without_an_onset_acts_from_the_first_day():
    truth = business(SlowConversions()).truth
    assert (truth["dials"] == "slow-conversions").all()


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_begins_on_its_day_and_only_the_quiet_one_changes_nothing(name: str):
    turned = scenario(name, ONSET)
    changed, plain = business(*turned), business()
    pd.testing.assert_frame_equal(created_before(changed.leads, ONSET), created_before(plain.leads, ONSET))
    assert (written(changed) == written(plain)) == (name == "quiet")


def test_an_unknown_scenario_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"no 'storm'; expected one of quiet, covariate-shift"):
        scenario("storm", ONSET)


def test_the_law_of_a_world_does_not_know_the_dials_nor_the_seed():
    flipped = ChangedLaw(how="flipped")
    redrawn = ChangedLaw(how="redrawn", size=0.5)
    first = SimulationConfig(seed=1, world_seed=9)
    other = SimulationConfig(seed=2, world_seed=9, dials=(NewSource(), flipped, redrawn, Duplicates()))
    for a, b in ((build_law(first), build_law(other)),):
        assert a.intercept == b.intercept
        assert all(np.array_equal(a.mains[name], b.mains[name]) for name in a.mains)
    for dial in (flipped, redrawn):
        a, b = changed_law(first, dial), changed_law(other, dial)
        assert a.intercept == b.intercept
        assert np.array_equal(a.mains["campaign"], b.mains["campaign"])
        assert np.array_equal(a.mains["source"][:8], b.mains["source"][:8])
    far = changed_law(SimulationConfig(seed=1, world_seed=10), redrawn)
    assert not np.array_equal(far.mains["campaign"], changed_law(first, redrawn).mains["campaign"])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SlowConversions(size=-1.0), r"slow-conversions: size is -1\.0; expected a number from 0 to 9"),
        (lambda: SlowConversions(size=float("nan")), "size is nan"),
        (lambda: SlowConversions(size="2"), "size is '2'; expected a number"),
        (lambda: SlowConversions(size=True), "size is True"),
        (lambda: SlowConversions(onset="2025-01-01"), "onset is '2025-01-01'; expected a date"),
        (lambda: SlowConversions(onset=datetime(2025, 1, 1, tzinfo=UTC)), "onset is .*; expected a date"),
        (lambda: SlowConversions(onset=ONSET, end=ONSET), "expected a day after the onset, 2025-07-01"),
        (lambda: SlowConversions(ramp_days=3), "ramp starts at the onset"),
        (lambda: SlowConversions(onset=ONSET, ramp_days=-3), "ramp_days is -3"),
        (lambda: SlowConversions(onset=ONSET, ramp_days=1.5), r"ramp_days is 1\.5"),
        (lambda: CovariateShift(field="colour", to="x"), "covariate-shift: field is 'colour'; expected one of source"),
        (lambda: CovariateShift(field="region", to="Atlantis"), "to is 'Atlantis'; expected one of South Asia"),
        (lambda: CovariateShift(field="region", to="Africa", times=2.0), r"times is 2\.0; expected 1"),
        (lambda: CovariateShift(field="budget", to="Africa"), "to is 'Africa'; expected no level"),
        (lambda: CovariateShift(field="budget", times=0.0), r"times is 0\.0"),
        (lambda: CovariateShift(field="source"), "to is ''; expected a source"),
        (lambda: ChangedLaw(how="burnt"), "how is 'burnt'; expected one of redrawn, flipped"),
        (lambda: ChangedLaw(effects=("weather",)), "effects is 'weather'"),
        (lambda: ChangedLaw(effects="budget"), "expected a tuple of names"),
        (lambda: NewSource(source="Meta ads"), "not yet a source"),
        (lambda: NewSource(source=" "), "a name of 1 to 60 letters"),
        (lambda: NewSource(like="Fax"), "like is 'Fax'"),
        (lambda: NewSource(effect=90.0), r"effect is 90\.0"),
        (lambda: BrokenField(field="Email"), "field is 'Email'"),
        (lambda: BrokenField(field="budget", how="renamed"), "expected missing or unit, as budget is a number"),
        (lambda: BrokenField(field="sector", how="unit"), "expected missing or renamed, as sector is no number"),
        (lambda: BrokenField(field="budget", factor=2.0), "as no unit is broken"),
        (lambda: BrokenField(field="sector", how="renamed", level="Media"), "level and to together"),
        (lambda: BrokenField(field="sector", how="renamed", level="Mining", to="M"), "level is 'Mining'"),
        (lambda: FollowUp(policy="by heart"), "policy is 'by heart'; expected a policy"),
        (lambda: SeasonalSwing(traffic=1.0), r"traffic is 1\.0"),
        (lambda: Duplicates(days=0.0), r"days is 0\.0"),
        (lambda: Corrections(what="all"), "what is 'all'"),
        (lambda: LateEvents(hours=-1.0), r"hours is -1\.0"),
        (lambda: SimulationConfig(dials=(DeadSource(source="Fax"),)), "source is 'Fax'; expected one of Google Ads"),
        (lambda: SimulationConfig(dials=(Merges(),)), "merges: there is nobody to merge"),
        (lambda: SimulationConfig(dials=[Duplicates()]), "must be a tuple of dials"),
        (lambda: SimulationConfig(dials=("quiet",)), "must be a tuple of dials"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name_value_and_expectation(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_new_source_can_be_broken_and_die_like_any_other():
    config = SimulationConfig(
        dials=(NewSource(source="Fax"), DeadSource(source="Fax"), BrokenField(field="budget", source="Fax"))
    )
    assert config.source_names[-1] == "Fax"
