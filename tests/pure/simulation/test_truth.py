from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from leadscoring.simulation import SimulationConfig, Stream
from leadscoring.simulation.law import build_law
from leadscoring.simulation.measures import expected_auc, ranking_auc


def test_outcomes_agree_with_the_true_probabilities(stream: Stream):
    # Hosmer-Lemeshow over 20 groups of equal size; nothing was fitted, so all 20 are free.
    truth = stream.truth.sort_values("probability")
    groups = np.arange(len(truth)) * 20 // len(truth)
    n = np.bincount(groups)
    observed = np.bincount(groups, truth["converts"])
    expected = np.bincount(groups, truth["probability"])
    statistic = float(((observed - expected) ** 2 / (expected * (1 - expected / n))).sum())
    assert stats.chi2.sf(statistic, 20) > 0.001


@pytest.mark.parametrize("column", ["Lead Source", "Sector", "Package", "Timeline", "Budget (AED)"])
def test_outcomes_agree_with_the_truth_within_each_level_also_where_it_is_missing(stream: Stream, column):
    level = stream.leads[column].str.strip().str.lower()
    part = stream.truth.groupby(level.to_numpy())[["converts", "probability"]]
    counts, sums = part.size(), part.sum()
    variance = (
        stream.truth["probability"].mul(1 - stream.truth["probability"]).groupby(level.to_numpy()).sum()
    )
    known = counts >= 100
    z = ((sums["converts"] - sums["probability"]) / np.sqrt(variance))[known]
    assert len(z) >= 3
    # Bonferroni at 0.001.
    assert z.abs().max() < stats.norm.isf(0.0005 / len(z))


def test_log_odds_and_probability_say_the_same(stream: Stream):
    p = stream.truth["probability"].to_numpy()
    assert np.allclose(np.log(p / (1 - p)), stream.truth["log_odds"], atol=1e-9)


def test_the_conversion_rate_and_the_optimum_lie_where_real_leads_lie(stream: Stream):
    assert 0.14 < stream.truth["converts"].mean() < 0.20
    assert 0.86 < stream.bayes_auc < 0.93
    assert stream.bayes_auc == pytest.approx(stream.expected_bayes_auc, abs=0.012)


def test_a_missing_value_has_an_effect_of_its_own(stream: Stream):
    timeline = stream.leads["Timeline"].str.strip().str.lower()
    blank = timeline.isin(["", "select", "-", "unknown"])
    rate = stream.truth["converts"]
    assert rate[blank].mean() > 3 * rate[timeline == "just exploring"].mean()
    assert rate[blank].mean() < rate[timeline == "immediately"].mean()


def test_crossings_hide_from_main_effects():
    law = build_law(SimulationConfig(seed=2))
    for table in (law.source_sector, law.licence_office, law.existing_package):
        assert np.abs(table).max() > 0.3
        assert np.abs(table[-1]).max() == np.abs(table[:, -1]).max() == 0.0
        # Both signs in every row that has an effect: no row is good or bad as a whole.
        for row in table[np.abs(table).max(axis=1) > 0.2]:
            assert row.min() < 0 < row.max()


def test_the_month_table_adds_up_and_stands_near_the_whole(stream: Stream):
    months = stream.bayes_by_month()
    assert months["month"].tolist() == [f"2025-{month:02d}" for month in range(1, 13)]
    assert months["leads"].sum() == len(stream.leads)
    assert months["conversions"].sum() == stream.truth["converts"].sum()
    assert (months["expected_bayes_auc"] - stream.expected_bayes_auc).abs().max() < 0.03


def test_ranking_auc_agrees_with_scikit_learn_also_with_ties():
    rng = np.random.default_rng(0)
    score = np.round(rng.random(500), 1)
    outcome = rng.random(500) < score
    assert ranking_auc(outcome, score) == pytest.approx(roc_auc_score(outcome, score), abs=1e-12)
    assert np.isnan(ranking_auc(np.zeros(5, dtype=bool), score[:5]))


def test_expected_auc_agrees_with_its_definition():
    p = np.array([0.1, 0.4, 0.4, 0.9, 0.05])
    wins = weights = 0.0
    for i, a in enumerate(p):
        for j, b in enumerate(p):
            if i != j:
                weights += a * (1 - b)
                wins += a * (1 - b) * ((a > b) + 0.5 * (a == b))
    assert expected_auc(p) == pytest.approx(wins / weights, abs=1e-12)
    assert np.isnan(expected_auc(p[:1]))


def test_a_plain_logistic_regression_stays_well_below_the_optimum(stream: Stream):
    leads, converts = stream.leads, stream.truth["converts"].to_numpy(bool)
    parts = []
    for name in ("Lead Source", "Sector", "Licence Type", "Office Type", "Package", "Timeline", "Preferred Contact",
                 "Existing Business", "Nationality", "Device"):  # fmt: skip
        levels = leads[name].str.strip().str.lower()
        kept = levels.where(levels.map(levels.value_counts(normalize=True)) >= 0.01, "(rare)")
        parts.append(pd.get_dummies(kept, dtype=float).to_numpy())
    for name in ("Visa Quota", "Shareholders", "Budget (AED)", "Pages Viewed", "Minutes on Site"):
        values = pd.to_numeric(leads[name].str.replace(",", ""), errors="coerce")
        held = values.clip(values.quantile(0.01), values.quantile(0.99)).fillna(values.median())
        parts += [((held - held.mean()) / held.std()).to_numpy()[:, None], values.isna().to_numpy()[:, None]]
    matrix = np.hstack(parts)
    model = LogisticRegression(C=0.3, max_iter=400).fit(matrix[:16_000], converts[:16_000])
    reached = roc_auc_score(converts[16_000:], model.predict_proba(matrix[16_000:])[:, 1])
    best = ranking_auc(converts[16_000:], stream.truth["probability"].to_numpy()[16_000:])
    assert 0.03 < best - reached < 0.12
