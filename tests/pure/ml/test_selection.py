"""The simplest model that is as good as the best, and the words that say so."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.ml.estimators import LADDER
from scoring.ml.readiness import judge_readiness
from scoring.ml.selection import choose
from scoring.ml.splits import TrainingError


def margins(seed: int = 0) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=4000)
    y = rng.random(4000) < 1 / (1 + np.exp(1.5 - truth))
    return y, {
        "prior": np.zeros(4000),
        "naive_bayes": truth + rng.normal(0, 2, 4000),
        "logistic": truth + rng.normal(0, 0.1, 4000),
        "boosting": truth + rng.normal(0, 0.1, 4000),
    }


def test_the_simpler_of_two_equal_models_wins() -> None:
    y, found = margins()
    found["boosting"] = found["logistic"].copy()
    found["boosting"][np.flatnonzero(y)[0]] += 0.01
    candidates = choose(y, found, LADDER)
    assert [c.kind for c in candidates if c.chosen] == ["logistic"]
    assert "not chosen" in candidates[0].why.lower()
    assert "within the noise" in candidates[2].why or "highest AUC" in candidates[2].why


def test_a_clearly_better_complex_model_wins() -> None:
    y, found = margins()
    found["logistic"] = found["naive_bayes"]
    candidates = choose(y, found, LADDER)
    chosen = next(c for c in candidates if c.chosen)
    assert chosen.kind == "boosting"
    assert chosen.difference.value == 0.0
    assert all(c.difference.value <= 0 for c in candidates)


def test_a_small_but_certain_loss_is_not_taken() -> None:
    y, found = margins()
    found["logistic"] = found["boosting"] - 0.02 * ~y * (np.arange(len(y)) % 3 == 0) + 0.0
    found["boosting"] = found["logistic"] + 0.05 * y
    candidates = {c.kind: c for c in choose(y, found, LADDER)}
    assert candidates["boosting"].chosen
    assert -candidates["logistic"].difference.value > candidates["logistic"].standard_error
    assert "more than" in candidates["logistic"].why


def test_noise_is_no_better_than_the_overall_rate() -> None:
    y, found = margins()
    rng = np.random.default_rng(8)
    found = {"prior": np.zeros(len(y)), "logistic": 1e-3 * rng.normal(size=len(y))}
    candidates = choose(y, found, LADDER)
    best = max(candidates, key=lambda c: c.auc.value)
    assert best.auc.value < 0.53
    assert candidates[0].auc.value == 0.5


def outcome(leads: int, conversions: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.arange(leads) < conversions


@pytest.mark.parametrize(
    ("leads", "conversions", "top", "pairs"),
    [
        (5000, 600, "boosting", True),
        (999, 400, "logistic", False),
        (5000, 119, "logistic", False),
        (5000, 4890, "logistic", False),
        (448, 227, "logistic", False),
        (2000, 29, "naive_bayes", False),
    ],
)
def test_the_ladder_is_as_high_as_the_leads_carry(
    leads: int, conversions: int, top: str, pairs: bool
) -> None:
    ready = judge_readiness(outcome(leads, conversions), minimum_leads=1000, minimum_conversions=120)
    assert (ready.ladder[0], ready.ladder[-1]) == ("prior", top)
    assert (ready.pairs, ready.enough, bool(ready.messages)) == (pairs, pairs, not pairs)


def test_naive_bayes_stands_in_only_where_no_penalty_can_be_tuned() -> None:
    tried = [
        judge_readiness(outcome(2000, n), minimum_leads=1000, minimum_conversions=120).ladder
        for n in (29, 30, 600)
    ]
    assert ["naive_bayes" in ladder for ladder in tried] == [True, False, False]


def test_it_says_how_much_is_missing() -> None:
    ready = judge_readiness(outcome(448, 100), minimum_leads=1000, minimum_conversions=120)
    assert "552 more leads are needed (448 of 1,000)" in ready.messages[0]
    assert "20 more conversions are needed (100 of 120)" in ready.messages[0]


@pytest.mark.parametrize(
    ("leads", "conversions", "words"),
    [
        (0, 0, "there are no leads"),
        (50, 0, "none of the 50 leads converted"),
        (50, 50, "all 50 leads converted"),
        (5000, 9, "only 9 of the 5,000 leads converted"),
        (5000, 4995, "only 5 of the 5,000 leads did not convert"),
    ],
)
def test_it_refuses_in_words_what_carries_no_model(leads: int, conversions: int, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        judge_readiness(outcome(leads, conversions), minimum_leads=1000, minimum_conversions=120)
