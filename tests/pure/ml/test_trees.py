"""LightGBM's text is checked before LightGBM reads it: what could lead it astray never reaches it."""

from __future__ import annotations

import random
import re
from functools import cache

import lightgbm as lgb
import numpy as np
import pytest

from scoring.ml.estimators import Boosting, Linear, dataset, fit_trees, lightgbm_parameters
from scoring.ml.trees import TreeError, check_trees


@cache
def model() -> str:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(2000, 3))
    numbers[rng.random(numbers.shape) < 0.2] = np.nan
    level = rng.integers(0, 30, 2000)
    matrix = np.column_stack([numbers, level])
    y = np.nan_to_num(numbers[:, 0]) + (level % 5 == 0) + rng.normal(size=2000) > 0.5
    data = dataset(matrix, y, [3], np.zeros(2000))
    settings = {"num_leaves": 8, "learning_rate": 0.1, "min_data_in_leaf": 10}
    booster = fit_trees(data, lightgbm_parameters(settings, seed=0), 6, tick=lambda: None)
    start = Linear("logistic", 0.0, np.zeros(0), np.zeros(0))
    return str(Boosting(start, booster, 6).to_json()["model"])


def test_it_accepts_what_lightgbm_writes() -> None:
    assert check_trees(model(), 4) == 6
    assert "num_cat=1" in model() or "num_cat=2" in model()


def test_it_leaves_out_the_parameters_of_the_machine() -> None:
    assert "num_threads" not in model()
    assert lgb.Booster(model_str=model()).num_trees() == 6


@pytest.mark.parametrize("columns", [3, 5])
def test_it_refuses_trees_of_another_width(columns: int) -> None:
    with pytest.raises(TreeError):
        check_trees(model(), columns)


@pytest.mark.parametrize("length", range(0, 3000, 97))
def test_it_refuses_a_text_that_is_cut_off(length: int) -> None:
    with pytest.raises(TreeError):
        check_trees(model()[:length], 4)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_leaves", "100000000"),
        ("num_leaves", "-1"),
        ("num_cat", "9"),
        ("split_feature", "99 0 0 0 0 0 0"),
        ("split_feature", "-1 0 0 0 0 0 0"),
        ("left_child", "0 0 0 0 0 0 0"),
        ("right_child", "-99 -2 -3 -4 -5 -6 -7"),
        ("decision_type", "255 2 2 2 2 2 2"),
        ("leaf_value", "nan 0 0 0 0 0 0 0"),
        ("leaf_value", "1e999 0 0 0 0 0 0 0"),
        ("leaf_count", "0 1 1 1 1 1 1 1"),
        ("internal_count", "1 1 1 1 1 1 1"),
        ("is_linear", "1"),
        ("cat_boundaries", "0 900000"),
        ("cat_threshold", "-5"),
        ("shrinkage", "x"),
        ("tree_sizes", "1 1 1 1 1 1"),
        ("max_feature_idx", "1000000"),
        ("objective", "custom"),
        ("version", "v3"),
    ],
)
def test_it_refuses_a_field_that_would_lead_lightgbm_astray(field: str, value: str) -> None:
    text = model()
    places = [match.span() for match in re.finditer(rf"^{field}=.*$", text, re.MULTILINE)]
    assert places
    start, end = places[-1]
    changed = f"{text[:start]}{field}={value}{text[end:]}"
    sizes = next(iter(re.findall(r"^tree_sizes=(.*)$", text, re.MULTILINE))).split()
    if field != "tree_sizes" and len(changed) != len(text):
        # An attacker would keep the stated sizes true.
        grown = str(int(sizes[-1]) + len(changed) - len(text))
        changed = changed.replace(
            "tree_sizes=" + " ".join(sizes), "tree_sizes=" + " ".join([*sizes[:-1], grown])
        )
    with pytest.raises(TreeError):
        check_trees(changed, 4)


def test_a_mutated_text_is_refused_or_still_scores() -> None:
    chance = random.Random(2)
    text = model()
    row = np.zeros((1, 4))
    accepted = 0
    for _ in range(150):
        at = chance.randrange(len(text))
        swapped = chance.choice("0123456789-. \n=eE")
        changed = text[:at] + swapped + text[at + 1 :]
        try:
            check_trees(changed, 4)
        except TreeError:
            continue
        accepted += 1
        assert np.isfinite(lgb.Booster(model_str=changed).predict(row, pred_contrib=True)).all()
    assert accepted < 150
