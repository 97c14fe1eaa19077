"""Whether one column alone rivals a model of all the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scoring.ml.leakage_config import LeakConfig
from scoring.ml.leakage_encoding import Bools, Floats

_ROWS = 20_000


def rivals(
    name: str, scores: Mapping[str, Floats], target: Bools, fold: NDArray[np.int64], config: LeakConfig
) -> list[str]:
    """Evidence when the column ranks leads as well as all others together and adds much to them.

    `scores` are held-out conversion rates of each open column, shape (n,), this one included.
    """
    others = [other for other in scores if other != name]
    if len(others) < config.rival_others:
        return []
    if len(target) > _ROWS:
        picked = np.sort(np.random.default_rng(0).choice(len(target), _ROWS, replace=False))
        return rivals(
            name, {key: score[picked] for key, score in scores.items()}, target[picked], fold[picked], config
        )
    rest = _model_auc([scores[other] for other in others], target, fold)
    both = _model_auc(list(scores.values()), target, fold)
    from sklearn.metrics import roc_auc_score

    alone = float(roc_auc_score(target, scores[name]))
    if alone >= rest and both - rest >= config.rival_gain:
        found = f"alone it ranks leads (AUC {alone:.2f}) as well as all other columns together ({rest:.2f})"
        return [f"{found}, and lifts them to {both:.2f}"]
    return []


def _model_auc(scores: list[Floats], target: Bools, fold: NDArray[np.int64]) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    rates = np.clip(np.column_stack(scores), 1e-4, 1 - 1e-4)
    features = np.log(rates / (1 - rates))
    spread = features.std(axis=0)
    features = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    out = np.empty(len(target))
    for k in range(int(fold.max()) + 1):
        test = fold == k
        model = LogisticRegression(C=1.0, max_iter=200).fit(features[~test], target[~test])
        out[test] = model.decision_function(features[test])
    return float(roc_auc_score(target, out))
