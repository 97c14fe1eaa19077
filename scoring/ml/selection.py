"""Which rung of the ladder is taken: the simplest that is as good as the best, on out-of-fold predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.ml.intervals import Estimate, delong_auc, delong_paired
from scoring.ml.pipeline import Floats

NAMES: Mapping[str, str] = {
    "prior": "overall rate",
    "naive_bayes": "naive Bayes",
    "logistic": "logistic regression",
    "boosting": "gradient boosting",
    "pipeline": "scikit-learn pipeline",
}
LARGEST_LOSS = 0.005


@dataclass(frozen=True, slots=True)
class Candidate:
    """One rung as judged out of fold on the training part.

    `difference` is its AUC minus the best one's, with `standard_error` of that paired difference (DeLong).
    `test_auc` is filled for rungs that were also tried on the test part; it plays no role in the choice.
    """

    kind: str
    name: str
    auc: Estimate
    difference: Estimate
    standard_error: float
    chosen: bool
    why: str
    test_auc: Estimate | None = None

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "kind": self.kind,
            "name": self.name,
            "auc": self.auc.to_json(),
            "difference": self.difference.to_json(),
            "standard_error": self.standard_error,
            "chosen": self.chosen,
            "why": self.why,
            "test_auc": None if self.test_auc is None else self.test_auc.to_json(),
        }


@dataclass(frozen=True, slots=True)
class _Judged:
    kind: str
    auc: Estimate
    difference: Estimate
    error: float

    @property
    def close(self) -> bool:
        return -self.difference.value <= min(LARGEST_LOSS, self.error)


def choose(
    y: NDArray[np.bool_], margins: Mapping[str, Floats], ladder: Sequence[str]
) -> tuple[Candidate, ...]:
    """Judge the rungs that have out-of-fold `margins` (rows,), simplest first as `ladder` lists them.

    The simplest rung wins whose AUC is within one standard error of the paired difference from the best
    and within .005 of it: the one-standard-error rule (Breiman et al. 1984, CART §3.4.3) on paired DeLong.
    """
    present = [kind for kind in ladder if kind in margins]
    aucs = {kind: delong_auc(y, margins[kind]) for kind in present}
    best = max(present, key=lambda kind: aucs[kind].value)
    judged = []
    for kind in present:
        paired = delong_paired(y, margins[kind], margins[best])
        error = math.sqrt(max(paired.var_a + paired.var_b - 2.0 * paired.cov, 0.0))
        judged.append(_Judged(kind, aucs[kind], paired.difference, error))
    chosen = next(item for item in judged if item.close)
    return tuple(
        Candidate(
            item.kind,
            NAMES[item.kind],
            item.auc,
            item.difference,
            item.error,
            item is chosen,
            _why(item, item is chosen, best, chosen.kind, present),
        )
        for item in judged
    )


def _why(item: _Judged, chosen: bool, best: str, winner: str, present: Sequence[str]) -> str:
    gap, error = -item.difference.value, item.error
    if item.kind == best:
        if chosen:
            return "Chosen: the highest AUC, and no simpler model comes close enough."
        return f"The highest AUC, but {NAMES[winner]} is simpler and as good within the noise."
    distance = f"{gap:.4f} AUC below {NAMES[best]} (standard error of the difference {error:.4f})"
    if chosen:
        return f"Chosen: the simplest model that is as good within the noise, {distance}."
    if present.index(item.kind) > present.index(winner):
        return f"More complex than {NAMES[winner]}, which was chosen; {distance}."
    limit = "more than .005" if gap > LARGEST_LOSS else "more than one standard error"
    return f"Not chosen: {distance}, {limit}."
