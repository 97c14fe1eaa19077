"""A pipeline that ends in logistic regression and treats each column alone is a sum of one-column parts.

Whether it is one is read off the types of its steps. The parts themselves are measured: the pipeline is asked about a
reference lead with one column changed. A number has a slope and a part for "missing", a level or a yes/no a part each.
The caller compares the result with the pipeline on real leads before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from scoring.ml.adoption.columns import Columns, Converted
from scoring.ml.adoption.pipelines import Floats, ServedPipeline, columns_of
from scoring.ml.adoption.signature import Input
from scoring.ml.encoding import Column, Key, Op, Via
from scoring.ml.parsing import LARGEST_NUMBER
from scoring.ml.pipeline import transform
from scoring.ml.samples import NEVER_SEEN
from scoring.ml.values import FeatureSpec, Kind, Value

_LINEAR = {
    "StandardScaler",
    "MinMaxScaler",
    "MaxAbsScaler",
    "RobustScaler",
    "SimpleImputer",
    "MissingIndicator",
}
_BY_LEVEL = {*_LINEAR, "OneHotEncoder", "OrdinalEncoder", "TargetEncoder"}
_PASSED_ON = {"StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"}
MOST_LEVELS = 2000


def as_sum(
    pipeline: ServedPipeline, specs: Mapping[str, FeatureSpec], frame: pd.DataFrame
) -> Converted | None:
    """The pipeline as weights of columns, or None where it is no such sum. `frame` holds parsed leads."""
    used = _steps(pipeline.model)
    if used is None:
        return None
    plan: list[tuple[Input, bool]] = []
    for item in pipeline.inputs:
        names = used.get(item.name, set())
        by_value = specs[item.name].kind in (Kind.CATEGORY, Kind.TEXT, Kind.YES_NO)
        if not names <= (_BY_LEVEL if by_value else _LINEAR):
            return None
        plan.append((item, by_value))
    return _Measured(pipeline, specs, frame).converted(plan)


def _steps(model: Any) -> dict[str, set[str]] | None:
    """The types of steps each input passes, or None where a step mixes columns or the end is not linear."""
    steps = [step for _, step in model.steps] if type(model).__name__ == "Pipeline" else [model]
    if type(steps[-1]).__name__ not in ("LogisticRegression", "LogisticRegressionCV"):
        return None
    found: dict[str, set[str]] = {}
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    for place, step in enumerate(steps[:-1]):
        if type(step).__name__ == "ColumnTransformer" and place == 0:
            for _, part, columns in step.transformers_:
                kinds = set(_kinds(part))
                for name in _named(columns, names):
                    found.setdefault(name, set()).update(kinds)
        elif place == 0:
            for name in names:
                found.setdefault(name, set()).update(_kinds(step))
        elif step != "passthrough" and not set(_kinds(step)) <= _PASSED_ON:
            return None
        if _clips(step):
            return None
    return found


def _kinds(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        return
    if type(part).__name__ == "Pipeline":
        for _, step in part.steps:
            yield from _kinds(step)
    else:
        # An unknown mark for what clips: its name must not count as linear.
        yield "clipped" if _clips(part) else type(part).__name__


def _clips(part: Any) -> bool:
    return bool(getattr(part, "clip", False))


def _named(columns: Any, names: Sequence[str]) -> list[str]:
    if isinstance(columns, slice):
        return list(names[columns]) if not isinstance(columns.start, str) else list(names)
    if isinstance(columns, str | int):
        columns = [columns]
    listed = np.asarray(columns, dtype=object).ravel().tolist()
    if listed and all(isinstance(one, bool | np.bool_) for one in listed):
        return [name for name, kept in zip(names, listed, strict=False) if kept]
    return [one if isinstance(one, str) else names[int(one)] for one in listed]


class _Measured:
    def __init__(
        self, pipeline: ServedPipeline, specs: Mapping[str, FeatureSpec], frame: pd.DataFrame
    ) -> None:
        self.pipeline = pipeline
        self.specs = specs
        self.frame = frame
        self.columns = Columns()
        self.weights: list[float] = []
        self.reference: dict[str, Value] = {
            item.name: 0.0 if item.given.value != "text" else NEVER_SEEN for item in pipeline.inputs
        }

    def converted(self, plan: Sequence[tuple[Input, bool]]) -> Converted | None:
        start = float(self._ask([self.reference])[0])
        for item, by_value in plan:
            spec = self.specs[item.name]
            if not by_value:
                self._number(item.name, start)
            elif spec.kind is Kind.YES_NO:
                self._yes_no(item.name, start)
            elif not self._levels(item.name, start):
                return None
        encoder = self.columns.encoder()
        means = (
            transform(encoder, self.frame).mean(axis=0) if len(self.frame) else np.zeros(len(self.weights))
        )
        estimator = {
            "kind": "logistic",
            "intercept": start,
            "weights": self.weights,
            "means": means.tolist(),
        }
        return Converted(encoder, estimator)

    def _ask(self, leads: Sequence[Mapping[str, Value]]) -> Floats:
        # Asked for log-odds, not chances: a chance of 0.9999999 no longer tells its log-odds exactly.
        from scoring.ml.adoption.pipelines import frame_of

        frame = frame_of(self.pipeline.inputs, columns_of(self.pipeline.inputs, leads))
        margins = np.asarray(self.pipeline.model.decision_function(frame), dtype=np.float64)
        result: Floats = margins if self.pipeline.positive == 1 else -margins
        return result

    def _changed(self, name: str, values: Sequence[Value]) -> Floats:
        return self._ask([{**self.reference, name: value} for value in values])

    def _number(self, name: str, start: float) -> None:
        known = self.frame[name].to_numpy(dtype=np.float64)
        known = known[np.isfinite(known)]
        far = float(np.abs(known).max(initial=1.0)) or 1.0
        moved, missing = self._changed(name, [far, None]).tolist()
        scaled = (-LARGEST_NUMBER, LARGEST_NUMBER, 0.0, far)
        self._add(Column(Op.SCALED, name, numbers=scaled), moved - start)
        self._add(Column(Op.ABSENT, name), missing - start)

    def _yes_no(self, name: str, start: float) -> None:
        no, yes, missing = (self._changed(name, [0.0, 1.0, None]) - start).tolist()
        key = Key(name, Via.BINS, edges=(0.5,))
        self.columns.keys.append(key)
        numbers = (0.0, missing, 0.0, no, yes)
        self._add(Column(Op.TABLE, name, key=len(self.columns.keys) - 1, numbers=numbers), 1.0)

    def _levels(self, name: str, start: float) -> bool:
        values = self.frame[name].to_numpy()
        levels = sorted({*self._taught(name), *(value for value in values if value is not None)})
        if len(levels) > MOST_LEVELS:
            return False
        *parts, other, missing = (self._changed(name, [*levels, NEVER_SEEN, None]) - start).tolist()
        self.columns.table(name, levels, parts, other, missing)
        self.weights.append(1.0)
        return True

    def _taught(self, name: str) -> set[str]:
        """The levels that encoders of the pipeline name, also those no lead has."""
        from scoring.ml.adoption.skops_trees import objects_of

        found: set[str] = set()
        for part in objects_of(self.pipeline.model):
            columns = getattr(part, "feature_names_in_", None)
            if columns is None or not hasattr(part, "categories_") or len(columns) != len(part.categories_):
                continue
            for column, levels in zip(columns, part.categories_, strict=True):
                if column == name:
                    found.update(level for level in levels.tolist() if isinstance(level, str))
        return found

    def _add(self, column: Column, weight: float) -> None:
        self.columns.columns.append(column)
        self.weights.append(weight)
