"""What training takes and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.ml.compile import ParityReport
from scoring.ml.importance import Importance
from scoring.ml.intervals import Estimate
from scoring.ml.metrics import CalibrationBin, GainPoint
from scoring.ml.readiness import Readiness
from scoring.ml.selection import Candidate
from scoring.ml.splits import OrderKind
from scoring.ml.values import FeatureSpec

if TYPE_CHECKING:
    from scoring.ml.second_look import SecondLook


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Columns that may not train, parsed as if they might, row by row beside the training frame.

    Kept apart from `TrainingData.frame` so that no step of training can meet them: they only answer what they
    would have added.
    """

    specs: tuple[FeatureSpec, ...]
    frame: pd.DataFrame


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Ripe leads: parsed frame (trainable columns), outcomes (rows,), and their order.

    `order` is days since 1970-01-01 for "dates" and row numbers (or None: as the frame stands) for "file".
    """

    frame: pd.DataFrame
    target: NDArray[np.bool_]
    order: NDArray[np.float64] | None = None
    order_kind: OrderKind = "none"
    held_out: HeldOut | None = None


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Limits and seed of a run. `timeout_s` bounds the search and the tests; `trials` the boosting settings tried.

    The second look (learning curve, held-out columns, repeated splits) may then take `second_look` times as long
    as all before it took, at least 6 s and at most 300 s; 0 leaves it out.
    `threads` fits run side by side, each on one core. `max_pairs` 0 switches pairs of features off.
    """

    trials: int = 25
    timeout_s: float = 90.0
    seed: int = 0
    minimum_leads: int = 1000
    minimum_conversions: int = 120
    test_share: float = 0.2
    threads: int = 2
    folds: int = 5
    max_pairs: int = 24
    max_rounds: int = 400
    sample_rows: int = 200
    second_look: float = 0.38

    def __post_init__(self) -> None:
        for name, low, high in (
            ("trials", 1, 1000),
            ("timeout_s", 0.0, 1e6),
            ("test_share", 0.05, 0.5),
            ("threads", 1, 64),
            ("folds", 2, 10),
            ("max_pairs", 0, 200),
            ("max_rounds", 10, 2000),
            ("sample_rows", 0, 1000),
            ("second_look", 0.0, 10.0),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name}: got {value}; expected {low} to {high}")


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """Which leads were kept for the test, why, how many, and their dates where there are dates."""

    kind: str
    why: str
    train_leads: int
    train_conversions: int
    test_leads: int
    test_conversions: int
    first_test_date: str | None
    last_test_date: str | None

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class OtherSplit:
    """The chosen model judged another way, for comparison. `warning` is empty when there is none."""

    name: str
    what: str
    metrics: Mapping[str, Estimate]
    left_out: Mapping[str, str]
    train_leads: int
    test_leads: int
    warning: str = ""

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "name": self.name,
            "what": self.what,
            "metrics": {name: estimate.to_json() for name, estimate in self.metrics.items()},
            "left_out": dict(self.left_out),
            "train_leads": self.train_leads,
            "test_leads": self.test_leads,
            "warning": self.warning,
        }


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """One trained model and its evidence.

    `metrics` belong to the model trained without the test leads; `document` is the refit on all leads.
    `left_out` says why a metric is absent. `oof` are calibrated out-of-fold probabilities of all leads, in
    the order of the frame: the reference population behind scores and reference profile.
    """

    document: dict[str, Any]
    candidates: tuple[Candidate, ...]
    split: SplitSummary
    metrics: Mapping[str, Estimate]
    left_out: Mapping[str, str]
    other_splits: tuple[OtherSplit, ...]
    calibration_curve: tuple[CalibrationBin, ...]
    gain_curve: tuple[GainPoint, ...]
    importance: tuple[Importance, ...]
    reference: dict[str, Any]
    readiness: Readiness
    notes: tuple[str, ...]
    params: Mapping[str, float | int | str]
    parity: ParityReport
    second_look: SecondLook
    oof: NDArray[np.float64] = field(repr=False)

    @property
    def chosen(self) -> Candidate:
        """The rung that was taken."""
        return next(candidate for candidate in self.candidates if candidate.chosen)

    def to_json(self) -> dict[str, object]:
        """Everything but the document, the reference profile and the probabilities, as one JSON object."""
        return {
            "candidates": [candidate.to_json() for candidate in self.candidates],
            "split": self.split.to_json(),
            "metrics": {name: estimate.to_json() for name, estimate in self.metrics.items()},
            "left_out": dict(self.left_out),
            "other_splits": [other.to_json() for other in self.other_splits],
            "calibration_curve": [item.to_json() for item in self.calibration_curve],
            "gain_curve": [item.to_json() for item in self.gain_curve],
            "importance": [item.to_json() for item in self.importance],
            "readiness": self.readiness.to_json(),
            "notes": list(self.notes),
            "params": dict(self.params),
            **self.second_look.to_json(),
            "parity": {
                "max_difference": self.parity.max_difference,
                "n": self.parity.n,
                "ok": self.parity.ok,
            },
        }
