"""Four learners as somebody who knows their trade would run them by hand, each given the same seconds.

Each takes parsed leads (numbers as float with NaN, categories as text with None) and returns the chance of the
positive class for the test leads. None sees the test outcomes; each chooses its settings on the training leads only.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Learner = Callable[[pd.DataFrame, Bools, pd.DataFrame, float, int], Floats]

RARE = 10
FOLDS = 5
THREADS = 2


def split_kinds(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Names of the number columns and of the others."""
    numbers = [name for name in frame if frame[name].dtype.kind == "f"]
    return numbers, [name for name in frame if name not in numbers]


def as_categories(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Texts as pandas categories that both frames share; levels met only in the test become missing."""
    train, test = train.copy(), test.copy()
    for name in split_kinds(train)[1]:
        levels = pd.Index(train[name].dropna().unique())
        train[name] = pd.Categorical(train[name], categories=levels)
        test[name] = pd.Categorical(test[name].where(test[name].isin(levels)), categories=levels)
    return train, test


def logistic(train: pd.DataFrame, y: Bools, test: pd.DataFrame, seconds: float, seed: int) -> Floats:
    """One-hot levels, standardised numbers with marks of missing ones, the penalty by cross-validated log loss."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers, texts = split_kinds(train)
    prepare = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()),
                numbers,
            ),
            ("texts", OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE), texts),
        ]
    )
    pipeline = make_pipeline(prepare, LogisticRegression(max_iter=400))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    grid = {"logisticregression__C": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]}
    search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=folds, n_jobs=THREADS)
    search.fit(_plain(train, texts), y)
    return np.asarray(search.predict_proba(_plain(test, texts))[:, 1])


def _plain(frame: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    return frame.assign(**{name: frame[name].fillna("(missing)").astype(str) for name in texts})


def lightgbm(train: pd.DataFrame, y: Bools, test: pd.DataFrame, seconds: float, seed: int) -> Floats:
    """Native categories; random settings with cross-validated early stopping until time is up; the best refitted."""
    import lightgbm as lgb

    train, test = as_categories(train, test)
    rng = np.random.default_rng(seed)
    until = time.perf_counter() + seconds * 0.85
    best: tuple[float, dict[str, Any], int] | None = None
    first = True
    while best is None or time.perf_counter() < until:
        settings = {
            "objective": "binary",
            "metric": "binary_logloss",
            "verbose": -1,
            "num_threads": THREADS,
            "seed": seed,
            "learning_rate": 0.05 if first else float(np.exp(rng.uniform(np.log(0.02), np.log(0.15)))),
            "num_leaves": 15 if first else int(rng.integers(4, 64)),
            "min_data_in_leaf": min(20 if first else int(rng.integers(5, 150)), max(len(train) // 20, 2)),
            "feature_fraction": 0.8 if first else float(rng.uniform(0.4, 1.0)),
            "bagging_fraction": 0.9 if first else float(rng.uniform(0.6, 1.0)),
            "bagging_freq": 1,
            "lambda_l2": 1.0 if first else float(np.exp(rng.uniform(np.log(0.1), np.log(50)))),
            "cat_smooth": 10.0 if first else float(rng.uniform(1, 100)),
        }
        first = False
        data = lgb.Dataset(train, y.astype(int), free_raw_data=False)
        stop = lgb.early_stopping(30, verbose=False)
        found = lgb.cv(
            settings, data, num_boost_round=600, nfold=FOLDS, stratified=True, seed=seed, callbacks=[stop]
        )
        curve = found["valid binary_logloss-mean"]
        if best is None or curve[-1] < best[0]:
            best = (curve[-1], settings, len(curve))
    _, settings, rounds = best
    model = lgb.train(settings, lgb.Dataset(train, y.astype(int)), num_boost_round=rounds)
    return np.asarray(model.predict(test))


def catboost(train: pd.DataFrame, y: Bools, test: pd.DataFrame, seconds: float, seed: int) -> Floats:
    """Native categories; its defaults first, then random settings with early stopping on a held fifth."""
    from catboost import CatBoostClassifier, Pool
    from sklearn.model_selection import train_test_split

    texts = split_kinds(train)[1]
    train, test = _plain(train, texts), _plain(test, texts)
    fit_rows, held_rows = train_test_split(
        np.arange(len(train)), test_size=0.2, stratify=y, random_state=seed
    )
    fit = Pool(train.iloc[fit_rows], y[fit_rows].astype(int), cat_features=texts)
    held = Pool(train.iloc[held_rows], y[held_rows].astype(int), cat_features=texts)
    common: dict[str, Any] = {
        "loss_function": "Logloss",
        "random_seed": seed,
        "thread_count": THREADS,
        "verbose": False,
        "allow_writing_files": False,
    }
    rng = np.random.default_rng(seed)
    until = time.perf_counter() + seconds * 0.7
    best: tuple[float, dict[str, Any], int] | None = None
    first = True
    while best is None or time.perf_counter() < until:
        settings: dict[str, Any] = (
            {}
            if first
            else {
                "depth": int(rng.integers(3, 8)),
                "learning_rate": float(np.exp(rng.uniform(np.log(0.02), np.log(0.2)))),
                "l2_leaf_reg": float(np.exp(rng.uniform(0, np.log(30)))),
                "random_strength": float(rng.uniform(0.5, 5)),
            }
        )
        first = False
        model = CatBoostClassifier(**common, **settings, iterations=1000, early_stopping_rounds=40)
        model.fit(fit, eval_set=held)
        loss = model.get_best_score()["validation"]["Logloss"]
        rounds = max(int(model.get_best_iteration()), 1)
        chosen = {**settings, "learning_rate": float(model.learning_rate_)}
        if best is None or loss < best[0]:
            best = (loss, chosen, rounds)
    _, settings, rounds = best
    final = CatBoostClassifier(**common, **settings, iterations=rounds)
    final.fit(Pool(train, y.astype(int), cat_features=texts))
    return np.asarray(final.predict_proba(Pool(test, cat_features=texts))[:, 1])


def flaml(train: pd.DataFrame, y: Bools, test: pd.DataFrame, seconds: float, seed: int) -> Floats:
    """FLAML's AutoML with its own list of learners (LightGBM, XGBoost, CatBoost, forests, logistic)."""
    from flaml.automl import AutoML

    train, test = as_categories(train, test)
    model = AutoML()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            X_train=train,
            y_train=y.astype(int),
            task="classification",
            metric="roc_auc",
            time_budget=seconds,
            n_jobs=THREADS,
            verbose=0,
            seed=seed,
        )
        return np.asarray(model.predict_proba(test)[:, 1])


LEARNERS: dict[str, Learner] = {
    "logistic": logistic,
    "lightgbm": lightgbm,
    "catboost": catboost,
    "flaml": flaml,
}
