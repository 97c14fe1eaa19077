"""How much each feature moves the predictions of a model, over leads like those it was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scoring.ml.compile import RowScorer
from scoring.ml.schema import Value

MAX_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Importance:
    """Mean absolute contribution of one feature in log-odds, and its share of all features (sums to 1)."""

    feature: str
    label: str
    mean_contribution: float
    share: float

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "feature": self.feature,
            "label": self.label,
            "mean_contribution": self.mean_contribution,
            "share": self.share,
        }


def global_importance(scorer: RowScorer, leads: Sequence[Mapping[str, Value]]) -> tuple[Importance, ...]:
    """Mean absolute contributions over at most the first 1,000 leads, largest first.

    Source: Lundberg et al. (2020), Nature Machine Intelligence 2:56-67, §"Global model understanding".
    A feature the model does not use is listed with 0.
    """
    rows = leads[:MAX_ROWS]
    scored = scorer.score_many(rows)
    specs = scorer.schema.trainable
    totals = np.array([[abs(one.contributions.get(spec.name, 0.0)) for spec in specs] for one in scored])
    means = totals.mean(axis=0) if len(rows) and len(specs) else np.zeros(len(specs))
    whole = float(means.sum())
    found = [
        Importance(spec.name, spec.label, float(mean), float(mean) / whole if whole > 0 else 0.0)
        for spec, mean in zip(specs, means, strict=True)
    ]
    return tuple(sorted(found, key=lambda item: (-item.mean_contribution, item.feature)))
