"""What makes people buy, and when: a changed law, slower conversions, follow-up and its potential outcomes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leadscoring.simulation import SimulationConfig, weeks
from leadscoring.simulation.changes import ChangedLaw, FollowUp, SlowConversions
from leadscoring.simulation.follow_up import ByGrade, ByHunch, ByScore
from leadscoring.simulation.law import build_law
from leadscoring.simulation.measures import expected_auc, ranking_auc
from tests.factories.business import ONSET, business, created_since

MANY = 20_000


def since(table: pd.DataFrame) -> np.ndarray:
    return (table["Created"] >= ONSET.isoformat()).to_numpy()


def test_flipped_effects_take_twice_their_size_away():
    stream = business(ChangedLaw(how="flipped", effects=("timeline",), onset=ONSET), leads=MANY)
    usual, later = business(leads=MANY).truth, since(stream.truth)
    moved = (stream.truth["log_odds"] - usual["log_odds"]).to_numpy()[later]
    effect = build_law(SimulationConfig(seed=7)).mains["timeline"][stream.rows.shown.timeline[later]]
    # All that is left beside the flip is one new intercept.
    assert np.ptp(moved + 2.0 * effect) < 1e-9


@pytest.mark.parametrize("size", [0.5, 1.0])
@pytest.mark.parametrize("how", ["flipped", "redrawn"])
def test_a_changed_law_keeps_the_base_rate(how: str, size: float):
    stream = business(ChangedLaw(how=how, size=size, onset=ONSET), leads=MANY)
    after = created_since(stream.truth)
    usual = business(leads=MANY).truth.loc[after.index]
    assert after["probability"].mean() == pytest.approx(usual["probability"].mean(), abs=0.02)


def test_a_law_wholly_flipped_ranks_the_other_way_round():
    stream = business(ChangedLaw(how="flipped", onset=ONSET), leads=MANY)
    after = created_since(stream.truth)
    usual = business(leads=MANY).truth.loc[after.index]
    assert stats.spearmanr(after["log_odds"], usual["log_odds"]).statistic < -0.99


def test_a_law_redrawn_can_still_be_learned_but_no_more_by_who_knew_the_old_one():
    stream = business(ChangedLaw(how="redrawn", onset=ONSET), leads=MANY)
    after = created_since(stream.truth)
    old = business(leads=MANY).truth.loc[after.index, "probability"].to_numpy()
    outcome = after["converts"].to_numpy(bool)
    best = ranking_auc(outcome, after["probability"].to_numpy())
    assert best > 0.85
    assert ranking_auc(outcome, old) < best - 0.2


def test_half_a_change_is_half_way_in_log_odds_up_to_its_intercept():
    whole = business(ChangedLaw(how="redrawn", onset=ONSET), leads=MANY).truth
    half = business(ChangedLaw(how="redrawn", size=0.5, onset=ONSET), leads=MANY).truth
    usual, later = business(leads=MANY).truth, since(whole)
    ways = [(truth["log_odds"] - usual["log_odds"]).to_numpy()[later] for truth in (whole, half)]
    assert np.ptp(ways[1] - 0.5 * ways[0]) < 1e-9


def test_slow_conversions_come_so_many_times_later_and_are_the_same_conversions():
    stream = business(SlowConversions(size=1.5, onset=ONSET), leads=MANY, as_of=date(2028, 1, 1))
    usual = business(leads=MANY, as_of=date(2028, 1, 1))
    assert (stream.truth["converts"] == usual.truth["converts"]).all()
    later = since(stream.truth) & stream.truth["converts"].to_numpy(bool)
    created = stream.rows.created
    slow, fast = (s.truth["converted_at"].to_numpy() - created for s in (stream, usual))
    # Times are whole seconds.
    assert np.abs(slow[later] - 2.5 * fast[later]).max() <= 2.5
    assert (slow[later] > 0).all()


def test_full_effort_adds_the_size_to_the_log_odds_and_the_truth_holds_both_worlds():
    dial = FollowUp(size=0.7, onset=ONSET, policy=ByScore(lambda leads: np.ones(len(leads)), lambda s: s))
    stream, usual = business(dial, leads=MANY), business(leads=MANY)
    truth, later = stream.truth, since(stream.truth)
    gap = (truth["log_odds"] - truth["log_odds_without_follow_up"]).to_numpy()
    assert np.allclose(gap, 0.7 * later)
    # Without follow-up it is the business without the dial, lead by lead, luck included.
    assert np.array_equal(truth["probability_without_follow_up"], usual.truth["probability"])
    assert np.array_equal(truth["converts_without_follow_up"], usual.truth["converts"])
    for name in ("probability", "probability_without_follow_up"):
        odds = truth[name] / (1 - truth[name])
        assert np.allclose(np.log(odds), truth[name.replace("probability", "log_odds")], atol=1e-9)


def test_follow_up_wins_as_many_leads_as_the_probabilities_say_and_loses_none():
    truth = created_since(business(FollowUp(size=1.0, onset=ONSET), leads=MANY).truth)
    won = truth["converts"].to_numpy(bool) & ~truth["converts_without_follow_up"].to_numpy(bool)
    assert not (truth["converts_without_follow_up"] & ~truth["converts"]).any()
    gain = (truth["probability"] - truth["probability_without_follow_up"]).to_numpy()
    z = (won.sum() - gain.sum()) / np.sqrt((gain * (1 - gain)).sum())
    assert abs(z) < 3.9
    assert won.sum() > 100


def test_effort_below_nothing_drives_leads_away():
    dial = FollowUp(size=1.0, onset=ONSET, policy=ByHunch(effort=(0.0, 0.0, -0.5, -1.0)))
    truth = business(dial, leads=MANY).truth
    assert not (truth["converts"] & ~truth["converts_without_follow_up"]).any()
    assert (truth["converts_without_follow_up"] & ~truth["converts"]).sum() > 50


def test_acting_on_grades_makes_them_look_better_than_they_are_by_a_known_amount():
    dial = FollowUp(size=1.0, onset=ONSET, policy=ByHunch(blur=0.5))
    truth = created_since(business(dial, leads=MANY).truth)
    top = truth["effort"] == 1.0
    seen, anyway = truth["probability"][top].mean(), truth["probability_without_follow_up"][top].mean()
    assert seen - anyway > 0.08
    assert truth["converts"][top].mean() == pytest.approx(seen, abs=0.05)
    # The best possible ranking of what is seen is better than of what would have been.
    with_it, without = (
        expected_auc(truth[name].to_numpy()) for name in ("probability", "probability_without_follow_up")
    )
    assert with_it > without + 0.005


def test_grades_by_day_count_for_the_share_of_the_first_two_weeks_they_were_held():
    ids = business().leads["Lead ID"].tolist()
    created = business().leads["Created"].str.slice(0, 10).to_numpy().astype("datetime64[D]")
    late = int(np.flatnonzero(created >= np.datetime64("2025-08-01"))[0])
    first, second, third, fourth = (late + step for step in range(4))
    gradings = [
        (ids[first], created[first], "A"),
        # Seven days ungraded, then four of B, then A for the last three.
        (ids[second], created[second] + 11, "A"),
        (ids[second], created[second] + 7, "B"),
        # A grade from long before counts from the first day on, one after two weeks for nothing.
        (ids[third], created[third] - 30, "C"),
        (ids[third], created[third] + 14, "A"),
        (ids[fourth], created[fourth], "Z"),
        ("L-1999-0000001", created[first], "A"),
    ]
    policy = ByGrade(*zip(*gradings, strict=True), effort=(1.0, 0.5, 0.25, 0.0))
    effort = business(FollowUp(onset=ONSET, policy=policy)).truth["effort"].to_numpy()
    assert effort[[first, second, third, fourth]] == pytest.approx([1.0, (4 * 0.5 + 3) / 14, 0.25, 0.0])
    assert np.count_nonzero(effort) == 3


def test_no_grades_at_all_are_no_follow_up():
    truth = business(FollowUp(onset=ONSET, policy=ByGrade((), (), ()))).truth
    assert not truth["effort"].any()
    assert (truth["dials"] == "").all()


def test_a_score_sees_the_leads_as_the_crm_shows_them_at_creation_and_nothing_later():
    seen: list[pd.DataFrame] = []

    def score(leads: pd.DataFrame) -> np.ndarray:
        seen.append(leads)
        return (leads["Timeline"].str.strip() == "Immediately").to_numpy(np.float64)

    stream = business(FollowUp(onset=ONSET, policy=ByScore(score, lambda scores: 0.5 * scores)))
    assert not set(seen[0].columns) & {"Stage", "Converted", "Owner", "Email Opens", "Lost Reason"}
    pd.testing.assert_frame_equal(seen[0], stream.leads[list(seen[0].columns)])
    hot = (stream.leads["Timeline"].str.strip() == "Immediately") & since(stream.leads)
    assert np.array_equal(stream.truth["effort"], 0.5 * hot)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (ByScore(lambda leads: [1.0], lambda s: s), r"score gave shape \(1,\); expected"),
        (ByScore(lambda leads: np.ones(len(leads)), lambda s: s[:3]), r"effort gave shape \(3,\)"),
        (
            ByScore(lambda leads: np.ones(len(leads)), lambda s: 2 * s),
            r"effort is 2\.0; expected numbers from -1",
        ),
        (ByScore(lambda leads: np.ones(len(leads)), lambda s: s * np.nan), "effort is nan"),
        (ByGrade(["a"], [], []), "1 ids, 0 days and 0 grades"),
    ],
)
def test_a_policy_that_gives_no_effort_is_refused(policy, words):
    with pytest.raises(ValueError, match=words):
        business(FollowUp(policy=policy), leads=50)


def test_the_weeks_tell_what_follow_up_did():
    table = weeks(business(FollowUp(size=1.0, onset=ONSET), leads=MANY))
    before = table["week"] < "2025-06-30"
    assert (table["effort"][before] == 0.0).all()
    assert (table["conversions"] == table["conversions_without_follow_up"])[before].all()
    after = table[~before]
    assert (after["base_rate"] > after["base_rate_without_follow_up"]).all()
    assert after["conversions"].sum() > after["conversions_without_follow_up"].sum() + 100
