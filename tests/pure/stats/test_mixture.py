"""What a changed mix explains, and the ranking that probabilities promise: against sums made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.stats.mixture import Part, explained_psi, promised_auc
from scoring.ml.concordance import promised_ranking

WEB, MAIL = np.array([300, 100]), np.array([20, 180])


def test_what_is_left_is_the_psi_against_the_mix_of_now() -> None:
    """Web 400 leads (75 % low), Mail 200 (10 % low); now a quarter comes from Web: 26.25 % low are expected."""
    current = np.array([60, 40])
    low = 0.25 * 0.75 + 0.75 * 0.10
    expected = np.array([low, 1 - low])
    # Half a row more in each bin, the expected shares weighing as many rows as the smaller part had.
    q = [(share * 200 + 0.5) / 201 for share in expected]
    p = [60.5 / 101, 40.5 / 101]
    by_hand = sum((a - b) * math.log(a / b) for a, b in zip(p, q, strict=True))
    found = explained_psi(current, [Part(0.25, WEB), Part(0.75, MAIL)])
    assert found == pytest.approx(by_hand, rel=1e-12)


def test_parts_that_are_as_before_leave_nothing() -> None:
    found = explained_psi(np.array([75 + 30, 25 + 270]), [Part(0.25, WEB), Part(0.75, MAIL)])
    assert found is not None
    assert found < 0.001


def test_parts_known_too_little_say_nothing() -> None:
    few = np.array([10, 10])
    assert explained_psi(np.array([50, 50]), [Part(0.7, WEB), Part(0.3, few)]) is None
    assert explained_psi(np.array([50, 50]), []) is None
    assert explained_psi(np.array([0, 0]), [Part(1.0, WEB)]) is None


def test_shares_of_known_parts_are_taken_as_all_when_they_hold_most() -> None:
    few = np.array([10, 10])
    with_few = explained_psi(np.array([60, 40]), [Part(0.9, WEB), Part(0.1, few)])
    assert with_few == explained_psi(np.array([60, 40]), [Part(1.0, WEB)])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=10, max_size=10))
def test_the_promise_is_the_one_of_the_leads_one_by_one(counts: list[int]) -> None:
    p = np.repeat((np.arange(10) + 0.5) / 10, counts)
    found = promised_auc(counts)
    if len(p) == 0:
        assert found is None
        return
    promised, _ = promised_ranking(p)
    # The one leaves out each lead beside itself, the other counts it as a draw: they meet where leads are many.
    alone = float((p * (1 - p)).sum() / (p.sum() * (1 - p).sum()))
    assert found is not None
    assert found == pytest.approx(promised, abs=max(alone, 1e-12))


def test_leads_that_are_all_alike_promise_a_coin() -> None:
    assert promised_auc([0, 0, 500, 0]) == pytest.approx(0.5)
    assert promised_auc([0, 0, 0]) is None


def test_the_promise_by_hand() -> None:
    """100 leads at .25 and 100 at .75: of pairs of a converted and another lead, (75 x 75 + (25 x 75 x 2) / 2) are
    ranked rightly of 100 x 100."""
    assert promised_auc([100, 100]) == pytest.approx((75 * 75 + 25 * 75) / 1e4)
