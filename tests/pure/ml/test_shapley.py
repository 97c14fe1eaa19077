"""The tables give exactly what LightGBM's own TreeSHAP gives, whatever the trees and the rows look like."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scoring.ml import shapley
from scoring.ml.estimators import Boosting, Linear, dataset, fit_trees, lightgbm_parameters
from scoring.ml.shapley import TreeContributions, tree_contributions
from scoring.ml.tree_nodes import Tree, read_trees
from scoring.ml.trees import check_trees

COLUMNS = 5
LEVELS = 40
Floats = NDArray[np.float64]


def matrix(rng: np.random.Generator, n: int, *, levels: int = LEVELS) -> Floats:
    """Two plain columns, one with few values and zeros, one with many missing, one of levels."""
    numbers = rng.normal(size=(n, 4))
    numbers[:, 2] = np.round(numbers[:, 2])
    numbers[rng.random(n) < 0.1, 1] = np.nan
    numbers[rng.random(n) < 0.5, 3] = np.nan
    return np.column_stack([numbers, rng.integers(0, levels, n)])


def trained(seed: int, trees: int, **parameters: float | bool) -> str:
    """The text of a model of random rows; a step in the first column makes trees split it again and again."""
    rng = np.random.default_rng(seed)
    x = matrix(rng, 1500)
    margin = np.sin(3 * x[:, 0]) + np.nan_to_num(x[:, 1]) * x[:, 2] + (x[:, 4] % 3 == 0) + np.isnan(x[:, 3])
    y = margin + rng.normal(size=len(x)) > 0.8
    settings = {"num_leaves": 31, "min_data_in_leaf": 3, "learning_rate": 0.2, "max_depth": 8, **parameters}
    data = lgb.Dataset(
        x,
        label=y.astype(float),
        categorical_feature=[4],
        params={"verbosity": -1, "num_threads": 1, **{k: v for k, v in settings.items() if "missing" in k}},
    )
    booster = fit_trees(data, lightgbm_parameters(settings, seed=seed), trees, tick=lambda: None)
    text: str = Boosting(Linear("logistic", 0.0, np.zeros(0), np.zeros(0)), booster, trees).to_json()["model"]
    check_trees(text, COLUMNS)
    return text


def tables(text: str) -> TreeContributions:
    found = tree_contributions(text, COLUMNS)
    assert found is not None
    return found


def awkward(seed: int, n: int = 120) -> Floats:
    """Rows with zeros, almost zeros, values far out, missing values and levels the training never met."""
    rng = np.random.default_rng(seed)
    x = matrix(rng, n, levels=LEVELS + 30)
    for value in (0.0, -0.0, 1e-36, -1e-36, 1e29, -1e29, np.nan):
        x[rng.random(x.shape) < 0.04] = value
    x[:, 4] = np.abs(np.where(np.abs(x[:, 4]) > 1e9, 0.0, x[:, 4]))
    return x


def lightgbm_says(text: str, x: Floats) -> Floats:
    return np.asarray(lgb.Booster(model_str=text).predict(x, pred_contrib=True, num_threads=1))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    trees=st.integers(1, 8),
    leaves=st.integers(2, 40),
    depth=st.integers(1, 9),
    zero_as_missing=st.booleans(),
    use_missing=st.booleans(),
    one_hot=st.sampled_from([1, 8, 100]),
)
def test_it_equals_lightgbm_on_any_model(
    seed: int, trees: int, leaves: int, depth: int, zero_as_missing: bool, use_missing: bool, one_hot: int
) -> None:
    text = trained(
        seed,
        trees,
        num_leaves=leaves,
        max_depth=depth,
        zero_as_missing=zero_as_missing,
        use_missing=use_missing,
        max_cat_to_onehot=one_hot,
    )
    x = awkward(seed)
    found, own = tables(text), lightgbm_says(text, x)
    assert np.abs(found.contributions(x) - own[:, :-1]).max() <= 1e-9
    assert np.abs(found.base - own[:, -1]).max() <= 1e-9


def test_the_models_of_these_tests_hold_every_kind_of_split() -> None:
    plain, zero = trained(5, 8), trained(5, 8, zero_as_missing=True)
    found = read_trees(plain, COLUMNS)[1]
    assert len(found.categorical)
    assert found.missing_nan.any()
    assert not found.missing_nan.all()
    assert found.default_left.any()
    assert not found.default_left.all()
    assert read_trees(zero, COLUMNS)[1].missing_zero.any()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(0, 150))
def test_it_adds_up_to_the_raw_score_and_a_row_does_not_depend_on_the_others(seed: int, rows: int) -> None:
    text, x = trained(seed, 6), awkward(seed + 1, rows)
    found = tables(text)
    together = found.contributions(x)
    assert together.shape == (rows, COLUMNS)
    if rows:
        raw = np.asarray(lgb.Booster(model_str=text).predict(x, raw_score=True, num_threads=1))
        assert np.abs(together.sum(axis=1) + found.base - raw).max() <= 1e-9
    for i in range(0, rows, 7):
        assert found.contributions(x[i : i + 1])[0].tobytes() == together[i].tobytes()


def _expected(tree: Tree, goes: list[bool], known: frozenset[int], node: int = 0) -> float:
    """The mean of a tree where only some features are known: algorithm 1 of the source."""
    if node < 0:
        return tree.values[~node]
    ways = (tree.left[node], tree.right[node])
    if tree.features[node] in known:
        return _expected(tree, goes, known, ways[0] if goes[node] else ways[1])
    return sum(
        share * _expected(tree, goes, known, child)
        for share, child in zip(tree.shares[node], ways, strict=True)
    )


def test_it_equals_the_definition_of_the_shapley_value() -> None:
    text = trained(3, 1, num_leaves=12)
    (tree,), decisions = read_trees(text, COLUMNS)
    assert len(tree.features) > len(set(tree.features)), "a feature is met twice"
    x = awkward(3, 25)
    found = tables(text).contributions(x)
    for row, goes in enumerate(decisions.go_left(x).T.tolist()):
        for feature in range(COLUMNS):
            others = [f for f in range(COLUMNS) if f != feature]
            value = 0.0
            for size in range(COLUMNS):
                weight = factorial(size) * factorial(COLUMNS - size - 1) / factorial(COLUMNS)
                for chosen in map(frozenset, combinations(others, size)):
                    gain = _expected(tree, goes, chosen | {feature}) - _expected(tree, goes, chosen)
                    value += weight * gain
            assert found[row, feature] == pytest.approx(value, abs=1e-12)


def test_trees_without_a_split_add_their_value_only() -> None:
    rng = np.random.default_rng(0)
    x = matrix(rng, 60)
    data = dataset(x, rng.random(60) < 0.5, [4], np.zeros(60))
    booster = fit_trees(data, lightgbm_parameters({"min_data_in_leaf": 50}, seed=0), 2, tick=lambda: None)
    text = Boosting(Linear("logistic", 0.0, np.zeros(0), np.zeros(0)), booster, 2).to_json()["model"]
    check_trees(text, COLUMNS)
    found, own = tables(text), lightgbm_says(text, x)
    assert not found.contributions(x).any()
    assert found.base == pytest.approx(own[0, -1], abs=1e-12)


@pytest.mark.parametrize("limit", ["MOST_BITS", "LARGEST_TABLES"])
def test_trees_that_need_larger_tables_are_left_to_lightgbm(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = trained(1, 2)
    monkeypatch.setattr(shapley, limit, 2)
    monkeypatch.setattr(shapley, "BITS", 2)
    assert tree_contributions(text, COLUMNS) is None


@pytest.mark.parametrize("bits", [0, 3, 12])
def test_how_a_tree_is_cut_changes_nothing(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text, x = trained(2, 4), awkward(2)
    monkeypatch.setattr(shapley, "BITS", bits)
    assert np.abs(tables(text).contributions(x) - lightgbm_says(text, x)[:, :-1]).max() <= 1e-12
