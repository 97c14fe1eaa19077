"""The last step of training: the model document, its reference population and its parity sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from scoring.ml.calibration import fit_calibrator
from scoring.ml.compile import rank, reference_probabilities
from scoring.ml.document import FORMAT, FORMAT_VERSION, dump_document, load_document
from scoring.ml.estimators import Bools
from scoring.ml.fitting import FittedModel
from scoring.ml.pipeline import Floats, sigmoid
from scoring.ml.reference import reference_profile
from scoring.ml.results import TrainingConfig
from scoring.ml.samples import draw_sample
from scoring.ml.scale import score_cuts
from scoring.ml.schema import FeatureSchema, Value


def build_document(
    schema: FeatureSchema,
    frame: pd.DataFrame,
    y: Bools,
    model: FittedModel,
    oof_margins: Floats,
    config: TrainingConfig,
) -> tuple[dict[str, Any], Floats]:
    """The document of a model fitted on all rows, and the calibrated out-of-fold probability of each.

    Calibrator and score percentiles come from out-of-fold predictions: predictions of rows a model has
    met are too sure of themselves and would push new leads towards the middle.
    """
    calibrator = fit_calibrator(y, sigmoid(oof_margins), seed=config.seed)
    probabilities = calibrator.apply(sigmoid(oof_margins))
    document: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "schema": schema.to_json(),
        "encoder": model.encoder.to_json(),
        "estimator": model.estimator.to_json(),
        "calibrator": calibrator.to_json(),
        "score_quantiles": score_cuts(probabilities),
        "baseline": {"leads": len(y), "conversions": int(y.sum()), "rate": float(y.mean())},
        "sample": [],
    }
    rows = draw_sample(schema.trainable, frame, rows=config.sample_rows, seed=config.seed)
    if rows:
        raw = pd.DataFrame(
            {
                spec.name: pd.Series([row[spec.name] for row in rows], dtype=object)
                for spec in schema.trainable
            }
        )
        known = reference_probabilities(document, raw)
        document["sample"] = [
            {"attributes": row, "probability": float(p)} for row, p in zip(rows, known, strict=True)
        ]
    # Read back through the checks a server makes, so that what is stored is what was tested.
    return load_document(dump_document(document)), probabilities


def profile(
    schema: FeatureSchema, frame: pd.DataFrame, document: dict[str, Any], probabilities: Floats
) -> dict[str, Any]:
    """The reference profile over all rows with their out-of-fold probabilities and scores."""
    cuts = document["score_quantiles"]
    scores = np.array([rank(cuts, p) for p in probabilities.tolist()], dtype=np.int64)
    found: dict[str, Any] = reference_profile(frame, schema, probabilities, scores).to_json()
    return found


def parsed_rows(
    schema: FeatureSchema, frame: pd.DataFrame, *, rows: int, seed: int
) -> list[dict[str, Value]]:
    """Some leads of a parsed frame as `parse_row` would give them."""
    picked = np.random.default_rng([seed, 4]).permutation(len(frame))[:rows]
    leads: list[dict[str, Value]] = [{} for _ in picked]
    for spec in schema.trainable:
        values = frame[spec.name].to_numpy()[picked].tolist()
        for lead, value in zip(leads, values, strict=True):
            missing = value is None or (isinstance(value, float) and math.isnan(value))
            lead[spec.name] = None if missing else value
    return leads
