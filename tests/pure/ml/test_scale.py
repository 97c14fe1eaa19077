"""The scale: 99 cuts through a population, and the limits that give its grades their shares."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.contracts import GradeLimits
from scoring.ml.compile import rank
from scoring.ml.scale import ScaleError, checked_cuts, limits_of_shares, score_cuts

PRESET = GradeLimits(*limits_of_shares(10, 20, 30, 40))
SHARES = {"A": 0.1, "B": 0.2, "C": 0.3, "D": 0.4}


def graded(probabilities: np.ndarray, limits: GradeLimits = PRESET) -> Counter[str]:
    """Grades of a population on its own scale."""
    cuts = score_cuts(probabilities)
    return Counter(limits.grade(rank(cuts, p)).value for p in probabilities.tolist())


@pytest.mark.parametrize("shape", ["even", "skewed", "crowded at the top"])
def test_grades_hold_their_target_shares_whatever_the_probabilities_look_like(shape: str) -> None:
    draw = np.random.default_rng(4)
    p = {
        "even": draw.uniform(size=4000),
        "skewed": draw.beta(0.4, 9.0, size=4000),
        "crowded at the top": 1.0 - draw.beta(0.5, 20.0, size=4000),
    }[shape]
    found = graded(p)
    for grade, share in SHARES.items():
        assert found[grade] / len(p) == pytest.approx(share, abs=0.002)


def test_two_versions_that_rank_in_opposite_ways_hold_the_same_shares_of_the_same_leads() -> None:
    leads = np.random.default_rng(1).normal(size=3000)
    one, other = 1 / (1 + np.exp(-leads)), 0.02 / (1 + np.exp(3 * leads))
    assert graded(one) == pytest.approx(graded(other), abs=6)


def test_a_scale_holds_its_shares_on_other_leads_of_the_same_kind_up_to_sampling_error() -> None:
    draw = np.random.default_rng(9)
    cuts = score_cuts(draw.beta(2, 9, size=5000))
    fresh = Counter(PRESET.grade(rank(cuts, p)).value for p in draw.beta(2, 9, size=5000).tolist())
    for grade, share in SHARES.items():
        # Two samples of 5,000: four standard errors of their difference.
        assert fresh[grade] / 5000 == pytest.approx(share, abs=4 * np.sqrt(2 * share * (1 - share) / 5000))


def test_where_all_leads_have_one_probability_all_get_the_middle_score() -> None:
    p = np.full(700, 0.137)
    assert {rank(score_cuts(p), value) for value in p.tolist()} == {50}


@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0.0, 1.0)), min_size=1, max_size=12),
    st.integers(2, 99),
)
def test_leads_of_one_probability_fall_on_the_side_of_a_limit_nearer_to_its_share(
    atoms: list[tuple[int, float]], limit: int
) -> None:
    values = np.sort(np.concatenate([np.full(n * 50, p) for n, p in atoms]))
    cuts = score_cuts(values)
    scores = np.array([rank(cuts, p) for p in values.tolist()])
    assert (np.diff(scores) >= 0).all(), "a higher probability never has a lower score"
    wanted = (100 - limit) / 100
    reached = float((scores >= limit).mean())
    possible = [0.0, *(float((values >= p).mean()) for p in np.unique(values))]
    best = min(abs(share - wanted) for share in possible)
    # A score is a whole per cent, so two sides may be told apart only to one and a half of them.
    assert abs(reached - wanted) <= best + 0.03


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=300))
def test_cuts_of_any_probabilities_are_cuts_a_release_can_use(values: list[float]) -> None:
    assert checked_cuts(score_cuts(values)) == score_cuts(values)


@pytest.mark.parametrize("values", [[], [[0.1, 0.2]], [0.1, float("nan")], [-0.1], [1.1]])
def test_what_is_no_row_of_probabilities_is_refused(values: list[object]) -> None:
    with pytest.raises(ScaleError, match="expected"):
        score_cuts(values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "cuts", [[], [0.5] * 98, [0.5] * 98 + [0.4], [0.5] * 98 + [1.5], [float("nan")] * 99]
)
def test_what_are_no_cuts_is_refused(cuts: list[float]) -> None:
    with pytest.raises(ScaleError):
        checked_cuts(cuts)


def test_limits_follow_from_shares() -> None:
    assert limits_of_shares(10, 20, 30, 40) == (90, 70, 40)
    assert limits_of_shares(1, 1, 96, 2) == (99, 98, 2)


@pytest.mark.parametrize("shares", [(10, 20, 30, 41), (0, 20, 30, 50), (40, 30, 29, 1), (-10, 40, 30, 40)])
def test_shares_that_make_no_hundred_or_leave_a_grade_no_score_are_refused(
    shares: tuple[int, int, int, int],
) -> None:
    with pytest.raises(ScaleError, match="expected"):
        limits_of_shares(*shares)
