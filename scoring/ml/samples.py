"""The parity sample of a document: rows that look like leads and are none.

Each column is drawn on its own, so a row never repeats a real lead, and texts are replaced by filler of
the same length: the document travels to places where personal data must not go.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from scoring.ml.values import FeatureSpec, Kind, Value

NEVER_SEEN = "— a level no lead had —"


def draw_sample(
    specs: tuple[FeatureSpec, ...], frame: pd.DataFrame, *, rows: int, seed: int
) -> list[dict[str, object]]:
    """Raw attributes of `rows` made-up leads like a parsed frame; about 5 % missing, 3 % unseen per column.

    The first row is empty, the second has only unseen levels.
    """
    rng = np.random.default_rng([seed, 3])
    sample: list[dict[str, object]] = [{} for _ in range(rows)]
    for spec in specs:
        values = frame[spec.name].to_numpy()
        picked = rng.integers(0, len(values), rows) if len(values) else np.zeros(0, dtype=np.int64)
        luck = rng.random(rows)
        for i, (at, chance) in enumerate(zip(picked, luck, strict=False)):
            value = values[at]
            known: Value = (
                None if value is None or (isinstance(value, float) and math.isnan(value)) else value
            )
            if i == 0 or chance < 0.05:
                known = None
            if i == 1 or 0.05 <= chance < 0.08:
                known = NEVER_SEEN if spec.kind is Kind.CATEGORY else known
            sample[i][spec.name] = _raw(spec, known)
    return sample


def _raw(spec: FeatureSpec, value: Value) -> object:
    if value is None:
        return None
    if spec.kind is Kind.YES_NO:
        return bool(value == 1.0)
    if spec.kind is Kind.DATE:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=float(value))
        return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    if spec.kind is Kind.TEXT:
        return " ".join(["word"] * len(str(value).split()))
    return float(value) if spec.kind is Kind.NUMBER else str(value)
