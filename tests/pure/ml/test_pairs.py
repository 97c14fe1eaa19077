"""Cross-fitting: what a row is trained on never holds its own outcome; pairs are found and not invented."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.ml.additive import fit_additive
from scoring.ml.designs import fit_levels
from scoring.ml.levels import level_rates, quantile_edges
from scoring.ml.splits import stratified_folds
from tests.pure.ml.leads import paired_leads


def test_the_encoding_of_a_row_does_not_depend_on_the_outcomes_of_its_fold() -> None:
    rng = np.random.default_rng(1)
    codes, y = rng.integers(0, 20, 600), rng.random(600) < 0.3
    fold = stratified_folds(y, 5, 0)
    before = level_rates(codes, y, fold, 5, 20)
    flipped = y.copy()
    own = np.flatnonzero(fold == 2)
    # The overall rate is shared by design, so conversions are moved inside the fold, not added.
    flipped[own] = rng.permutation(y[own])
    after = level_rates(codes, flipped, fold, 5, 20)
    if before.weight == after.weight:
        np.testing.assert_allclose(after.oof[own], before.oof[own])
    assert not np.allclose(after.full, before.full)


def test_a_level_without_rows_gets_the_overall_rate() -> None:
    rng = np.random.default_rng(2)
    codes, y = rng.integers(3, 6, 300), rng.random(300) < 0.25
    rates = level_rates(codes, y, stratified_folds(y, 5, 0), 5, 8)
    assert rates.full[0] == pytest.approx(np.log(y.mean() / (1 - y.mean())))


def test_levels_without_signal_shrink_to_nothing() -> None:
    rng = np.random.default_rng(3)
    n = 4000
    noise, signal = rng.integers(0, 300, n), rng.integers(0, 300, n)
    effects = rng.normal(0, 1, 300)
    y = rng.random(n) < 1 / (1 + np.exp(1.0 - effects[signal]))
    fold = stratified_folds(y, 5, 0)
    found = fit_additive([noise, signal], [300, 300], y, fold, 5).effects
    assert found[0][-1].std() < 0.15
    assert found[1][-1].std() > 0.5
    assert np.corrcoef(found[1][-1], effects)[0, 1] > 0.8


def test_it_finds_the_pair_that_holds_the_signal_and_no_other() -> None:
    leads = paired_leads()
    levels = fit_levels(leads.schema.trainable, leads.frame, leads.target, max_pairs=24, seed=0)
    names = [{levels.keys[p.first].feature, levels.keys[p.second].feature} for p in levels.pairs]
    assert names[0] == {"landing", "origin"}
    assert len(names) <= 3


def test_it_invents_no_strong_pair_in_noise() -> None:
    leads = paired_leads()
    y = np.random.default_rng(5).permutation(leads.target)
    levels = fit_levels(leads.schema.trainable, leads.frame, y, max_pairs=24, seed=0)
    assert sum(pair.gain for pair in levels.pairs) < 0.001


def test_numbers_with_few_values_keep_a_bin_for_each() -> None:
    assert quantile_edges(np.array([1.0, 2.0, 4.0, np.nan]), 10) == (1.5, 3.0)
    assert quantile_edges(np.array([3.0, 3.0]), 10) == ()
    assert len(quantile_edges(np.random.default_rng(0).normal(size=500), 10)) == 9
