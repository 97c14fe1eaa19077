"""From a model document to a scorer of single leads: dictionaries and numbers, no pandas.

The scorer is shared by all threads of a worker: everything it holds is read-only, and each call works on
arrays of its own.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scoring.ml.adoption.pipelines import columns_of_frame, served_of
from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.calibration import Calibrator
from scoring.ml.document import DocumentError, dump_document, load_document
from scoring.ml.encoding import Encoder
from scoring.ml.pipeline import Floats, sigmoid, transform
from scoring.ml.rows import RowEncoder
from scoring.ml.schema import FeatureSchema, Value, parse_frame, parse_row
from scoring.ml.shapley import TreeContributions, tree_contributions

if TYPE_CHECKING:
    import lightgbm as lgb
    import pandas as pd

__all__ = [
    "DocumentError",
    "ParityReport",
    "RowScore",
    "RowScorer",
    "compile_document",
    "dump_document",
    "load_document",
    "parity",
    "raw_probabilities",
    "reference_probabilities",
]

PARITY_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class RowScore:
    """What the model says of one lead.

    `margin` is the log-odds before calibration, `base` what it is for the average lead; `contributions`
    (log-odds per feature name) add up to margin - base within 1e-9. `unseen` names the categories whose
    value the training never met. `score` (1-99) is the rank of `probability` in the reference population.
    """

    margin: float
    raw_probability: float
    probability: float
    base: float
    contributions: dict[str, float]
    unseen: tuple[str, ...]
    score: int


@dataclass(frozen=True, slots=True)
class ParityReport:
    """The largest difference of probabilities between row scorer, reference pipeline and stored sample."""

    max_difference: float
    n: int
    ok: bool


class RowScorer:
    """Scores parsed leads, one or many at once, with the exact contributions of the model that scored."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.schema = FeatureSchema.from_json(document["schema"])
        encoder = Encoder.from_json(document["encoder"])
        self._rows = RowEncoder(encoder)
        self._calibrator = Calibrator.from_json(document["calibrator"])
        self._cuts: list[float] = [float(cut) for cut in document["score_quantiles"]]
        self._features = tuple(sorted({name for column in encoder.columns for name in column.shares}))
        position = {name: i for i, name in enumerate(self._features)}
        self._shares = np.zeros((len(encoder.columns), len(self._features)))
        for i, column in enumerate(encoder.columns):
            for name, share in column.shares.items():
                self._shares[i, position[name]] += share
        estimator = document["estimator"]
        self.kind: str = estimator["kind"]
        self._trees: TreeContributions | None = None
        self._booster: lgb.Booster | None = None
        self._weights = self._means = np.zeros(0)
        if self.kind == "prior":
            self._base = float(estimator["margin"])
        else:
            self._weights = np.asarray(estimator["weights"], dtype=np.float64)
            self._means = np.asarray(estimator["means"], dtype=np.float64)
            self._base = float(estimator["intercept"]) + float(self._weights @ self._means)
        if self.kind == "boosting":
            self._trees = tree_contributions(estimator["model"], len(encoder.columns) - len(self._weights))
            if self._trees is None:
                self._booster = _booster(estimator["model"])

    @property
    def features(self) -> tuple[str, ...]:
        """The features the model uses, sorted by name."""
        return self._features

    def score(self, values: Mapping[str, Value]) -> RowScore:
        """Score one lead, given as `parse_row` returns it; an absent feature counts as missing."""
        return self.score_many((values,))[0]

    def score_many(self, leads: Sequence[Mapping[str, Value]]) -> list[RowScore]:
        """Score many leads in order; the same numbers as `score` gives one by one."""
        if not leads:
            return []
        matrix = np.empty((len(leads), len(self._rows)), dtype=np.float64)
        unseen = [self._rows.fill(values, matrix[i]) for i, values in enumerate(leads)]
        by_feature, bases = self._contributions(matrix)
        return [
            self._answer(parts, base, names)
            for parts, base, names in zip(by_feature.tolist(), bases, unseen, strict=True)
        ]

    def _contributions(self, matrix: Floats) -> tuple[Floats, list[float]]:
        """Per lead: contributions folded from columns to features, and the base."""
        width = len(self._weights)
        by_column = np.empty_like(matrix)
        by_column[:, :width] = self._weights * (matrix[:, :width] - self._means)
        bases = [self._base] * len(matrix)
        if self._trees is not None:
            by_column[:, width:] = self._trees.contributions(matrix[:, width:])
            bases = [self._base + self._trees.base] * len(matrix)
        elif self._booster is not None:
            trees = np.asarray(self._booster.predict(matrix[:, width:], pred_contrib=True, num_threads=1))
            by_column[:, width:] = trees[:, :-1]
            bases = [self._base + base for base in trees[:, -1].tolist()]
        return _folded(by_column, self._shares), bases

    def _answer(self, parts: list[float], base: float, unseen: tuple[str, ...]) -> RowScore:
        margin = base + math.fsum(parts)
        clipped = min(max(margin, -35.0), 35.0)
        raw = 1.0 / (1.0 + math.exp(-clipped))
        probability = self._calibrator.apply_one(raw)
        contributions = dict(zip(self._features, parts, strict=True))
        return RowScore(margin, raw, probability, base, contributions, unseen, rank(self._cuts, probability))


def _folded(by_column: Floats, shares: Floats) -> Floats:
    # einsum sums each row in the same order whatever the number of rows, so a batch equals single calls.
    result: Floats = np.einsum("ij,jk->ik", by_column, shares)
    return result


def rank(cuts: Sequence[float], probability: float) -> int:
    """Score 1-99: how many of the 99 ascending percentiles lie below; the middle where many are equal.

    >>> cuts = [i / 100 for i in range(1, 100)]
    >>> rank(cuts, 0.755), rank(cuts, 0.75), rank(cuts, 0.0), rank(cuts, 1.0)
    (75, 75, 1, 99)
    >>> rank([0.1] * 99, 0.1)
    50
    """
    middle = (bisect_left(cuts, probability) + bisect_right(cuts, probability) + 1) // 2
    return min(99, max(1, middle))


def compile_document(document: Mapping[str, Any]) -> RowScorer:
    """The row scorer of a checked document (`load_document` checks).

    Raises DocumentError when LightGBM refuses the trees, or scikit-learn the pipeline, all the same.
    """
    if document["estimator"]["kind"] == "pipeline":
        from scoring.ml.pipeline_scorer import PipelineScorer

        try:
            return PipelineScorer(document)
        except AdoptionError as error:
            raise DocumentError(f"estimator: {error}") from None
    return RowScorer(document)


def _booster(text: str) -> lgb.Booster:
    # It brings scikit-learn and pandas with it: seconds that a process without need of it does not spend.
    import lightgbm as lgb

    try:
        return lgb.Booster(model_str=text)
    except lgb.basic.LightGBMError as error:
        raise DocumentError(f"estimator.model: LightGBM cannot read it: {str(error)[:200]}") from None


def reference_probabilities(document: Mapping[str, Any], frame_raw: pd.DataFrame) -> NDArray[np.float64]:
    """Calibrated probabilities of raw leads by the vectorised reference pipeline; shape (rows,)."""
    schema = FeatureSchema.from_json(document["schema"])
    raw = raw_probabilities(document, parse_frame(schema, frame_raw))
    return Calibrator.from_json(document["calibrator"]).apply(raw)


def raw_probabilities(document: Mapping[str, Any], frame: pd.DataFrame) -> NDArray[np.float64]:
    """Probabilities before calibration of a parsed frame, by the vectorised reference pipeline; shape (rows,)."""
    estimator = document["estimator"]
    if estimator["kind"] == "pipeline":
        served = served_of(estimator)
        return served.probabilities(columns_of_frame(served.inputs, frame), len(frame))
    matrix = transform(Encoder.from_json(document["encoder"]), frame)
    if estimator["kind"] == "prior":
        margins = np.full(len(matrix), float(estimator["margin"]))
    else:
        weights = np.asarray(estimator["weights"], dtype=np.float64)
        margins = float(estimator["intercept"]) + matrix[:, : len(weights)] @ weights
        if estimator["kind"] == "boosting":
            booster = _booster(estimator["model"])
            margins += np.asarray(booster.predict(matrix[:, len(weights) :], raw_score=True, num_threads=1))
    return sigmoid(margins)


def parity(document: Mapping[str, Any], scorer: RowScorer | None = None) -> ParityReport:
    """Compare the row scorer with the reference pipeline and with the probabilities stored in the sample."""
    rows = [item["attributes"] for item in document["sample"]]
    if not rows:
        return ParityReport(0.0, 0, True)
    scorer = compile_document(document) if scorer is None else scorer
    import pandas as pd

    scored = scorer.score_many([parse_row(scorer.schema, row)[0] for row in rows])
    compiled = np.array([one.probability for one in scored])
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pd.DataFrame({name: pd.Series([row.get(name) for row in rows], dtype=object) for name in names})
    slow = reference_probabilities(document, frame)
    stored = np.array([float(item["probability"]) for item in document["sample"]])
    largest = float(max(np.abs(compiled - slow).max(), np.abs(compiled - stored).max()))
    return ParityReport(largest, len(rows), largest <= PARITY_TOLERANCE)
