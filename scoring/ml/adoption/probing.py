"""Whether a pipeline can answer for the leads that will come: without a value, and with a level it never met."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scoring.ml.adoption.pipelines import ServedPipeline, columns_of
from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.adoption.signature import Given, Input
from scoring.ml.samples import NEVER_SEEN
from scoring.ml.values import FeatureSpec, Value


def reference_lead(inputs: Sequence[Input], frame: pd.DataFrame) -> dict[str, Value]:
    """The lead that contributions are told from: the middle known number, the most frequent level of each input."""
    return {item.name: _middle(item, frame[item.name]) for item in inputs}


def _middle(item: Input, column: pd.Series[Any]) -> Value:
    if item.given is Given.TEXT:
        counted = Counter(value for value in column.tolist() if value is not None)
        # Ties by name, so that the same leads give the same reference.
        return min(counted, key=lambda level: (-counted[level], level)) if counted else None
    known = np.sort(column.to_numpy(dtype=np.float64))
    known = known[np.isfinite(known)]
    return float(known[(len(known) - 1) // 2]) if len(known) else None


def check_answers(
    pipeline: ServedPipeline, specs: Mapping[str, FeatureSpec], reference: Mapping[str, Value]
) -> None:
    """Ask about a lead without each value in turn, and with an unknown level in turn.

    Raises AdoptionError that names every input the pipeline cannot do without.
    """
    _ask(pipeline, reference, "A usual lead")
    reasons: list[str] = []
    for item in pipeline.inputs:
        label = specs[item.name].label
        tried: list[tuple[Value, str, str]] = [
            (None, f"a lead without “{label}”", "put a SimpleImputer before it")
        ]
        if item.given is Given.TEXT:
            tried.append(
                (
                    NEVER_SEEN,
                    f"a lead whose “{label}” was never met in training",
                    'use OneHotEncoder(handle_unknown="ignore") or its like',
                )
            )
        for value, what, advice in tried:
            try:
                _ask(pipeline, {**reference, item.name: value}, what)
            except AdoptionError as error:
                reasons.append(f"Asked about {what}, {error}. Such leads will come: {advice}.")
    if reasons:
        raise AdoptionError(*reasons)


def _ask(pipeline: ServedPipeline, lead: Mapping[str, Value], what: str) -> None:
    chance = float(pipeline.probabilities(columns_of(pipeline.inputs, [lead]), 1)[0])
    if not math.isfinite(chance):
        raise AdoptionError(f"{what} gets no finite chance")
