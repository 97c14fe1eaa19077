"""A scikit-learn pipeline that answers for leads: the frame it is given, and the chance it gives back."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.adoption.signature import MAX_INPUTS, Given, Input
from scoring.ml.adoption.skops_file import PACKED_LIMIT, load_skops
from scoring.ml.parsing import shown
from scoring.ml.values import Value
from scoring.ml.words import TRUE_WORDS

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
MOST_ROWS = 20_000
"""Rows of one frame. Larger batches are cut: a pipeline copies its frame several times."""


@cache
def _thread_pools() -> Any:
    """The thread pools of this process, looked for once: after scikit-learn, which brings its own."""
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


@dataclass(frozen=True, slots=True)
class ServedPipeline:
    """A loaded pipeline, its input columns in order, and which of its two classes is "converted"."""

    model: Any
    inputs: tuple[Input, ...]
    positive: int

    def probabilities(self, rows: Mapping[str, NDArray[Any]], n: int) -> Floats:
        """The chance of converting for `n` leads given as parsed columns; shape (n,).

        Raises AdoptionError when the pipeline fails or answers with anything but chances.
        """
        parts = [
            self._some({name: values[start : start + MOST_ROWS] for name, values in rows.items()})
            for start in range(0, n, MOST_ROWS)
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _some(self, rows: Mapping[str, NDArray[Any]]) -> Floats:
        frame = frame_of(self.inputs, rows)
        try:
            # A few rows on all cores cost more in waiting than in work, and many workers share the cores.
            with _thread_pools().limit(limits=1):
                found = np.asarray(self.model.predict_proba(frame), dtype=np.float64)
        except Exception as error:  # the pipeline is not ours: whatever it raises, it cannot answer
            raise AdoptionError(
                f"the pipeline fails: {type(error).__name__}: {shown(str(error), 200)}"
            ) from error
        if found.ndim != 2 or found.shape[1] != 2:
            raise AdoptionError(
                f"the pipeline gives an array of shape {found.shape}; expected two chances a lead"
            )
        chance: Floats = found[:, self.positive]
        if not bool(((chance >= 0) & (chance <= 1)).all()):
            raise AdoptionError("the pipeline gives chances that are not between 0 and 1")
        return chance


def frame_of(inputs: Sequence[Input], rows: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """The frame a pipeline was taught with: float64 with NaN, texts as objects with NaN, dates in UTC without zone."""
    import pandas as pd

    columns: dict[str, pd.Series[Any]] = {}
    for item in inputs:
        values = rows[item.name]
        if item.given is Given.TEXT:
            texts = np.empty(len(values), dtype=object)
            texts[:] = [np.nan if value is None else value for value in values]
            columns[item.name] = pd.Series(texts, dtype=object)
        elif item.given is Given.DATE:
            micros = np.round(np.nan_to_num(values.astype(np.float64)) * 86_400e6).astype("int64")
            dates = micros.astype("datetime64[us]")
            dates[np.isnan(values.astype(np.float64))] = np.datetime64("NaT")
            columns[item.name] = pd.Series(dates)
        else:
            columns[item.name] = pd.Series(values.astype(np.float64))
    return pd.DataFrame(columns)


def columns_of(inputs: Sequence[Input], leads: Sequence[Mapping[str, Value]]) -> dict[str, NDArray[Any]]:
    """Parsed leads as columns."""
    found: dict[str, NDArray[Any]] = {}
    for item in inputs:
        values = [lead.get(item.name) for lead in leads]
        if item.given is Given.TEXT:
            texts = np.empty(len(values), dtype=object)
            texts[:] = values
            found[item.name] = texts
        else:
            found[item.name] = np.array(
                [np.nan if value is None else float(value) for value in values], dtype=np.float64
            )
    return found


def columns_of_frame(inputs: Sequence[Input], frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """The columns of a parsed frame that the pipeline reads."""
    return {item.name: frame[item.name].to_numpy() for item in inputs}


def serve(data: bytes, inputs: Sequence[Input]) -> ServedPipeline:
    """The pipeline of a skops file, ready to answer. Raises AdoptionError in words."""
    model = load_skops(data)
    if not callable(getattr(model, "predict_proba", None)):
        raise AdoptionError(
            f"A {type(model).__name__} gives no chances (predict_proba); expected a classifier or a pipeline that ends "
            "in one."
        )
    try:
        classes = list(model.classes_)
    except Exception as error:
        raise AdoptionError(f"The pipeline is not fitted: {shown(str(error), 120)}.") from error
    return ServedPipeline(model, tuple(inputs), _positive(classes))


def _positive(classes: Sequence[Any]) -> int:
    if len(classes) != 2:
        raise AdoptionError(f"The pipeline knows {len(classes)} classes; expected two: converted or not.")
    if all(isinstance(one, bool | np.bool_ | int | float | np.number) for one in classes):
        if [float(one) for one in classes] == [0.0, 1.0]:
            return 1
    else:
        words = [str(one).strip().casefold() in {*TRUE_WORDS, "converted", "won"} for one in classes]
        if sum(words) == 1:
            return words.index(True)
    raise AdoptionError(
        f"The pipeline's classes are {shown(str(classes[0]))} and {shown(str(classes[1]))}; expected 0 and 1, where 1 "
        "is converted."
    )


def pipeline_json(data: bytes, pipeline: ServedPipeline, reference: Mapping[str, Value]) -> dict[str, Any]:
    """The `estimator` part of a model document: the skops file itself, and how it is asked."""
    return {
        "kind": "pipeline",
        "format": "skops",
        "data": base64.b64encode(data).decode("ascii"),
        "sha256": hashlib.sha256(data).hexdigest(),
        "inputs": [{"name": item.name, "type": item.type} for item in pipeline.inputs],
        "positive": pipeline.positive,
        "reference": dict(reference),
    }


def pipeline_bytes(estimator: Mapping[str, Any]) -> bytes:
    """The skops file of a document's estimator, its digest compared. Raises AdoptionError."""
    text = estimator.get("data")
    if estimator.get("format") != "skops" or not isinstance(text, str):
        raise AdoptionError("estimator.data: expected a skops file as base64")
    if len(text) > PACKED_LIMIT * 4 // 3 + 4:
        raise AdoptionError(f"estimator.data: expected at most {PACKED_LIMIT:,} bytes")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise AdoptionError("estimator.data: expected base64") from None
    if hashlib.sha256(data).hexdigest() != estimator.get("sha256"):
        raise AdoptionError("estimator.sha256: the skops file is not the one that was adopted")
    return data


def check_pipeline(estimator: Mapping[str, Any], features: Sequence[str]) -> None:
    """Check a document's pipeline part without building anything. Raises AdoptionError in words."""
    pipeline_bytes(estimator)
    inputs = estimator.get("inputs")
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= MAX_INPUTS:
        raise AdoptionError(f"estimator.inputs: expected 1 to {MAX_INPUTS:,} columns")
    for i, item in enumerate(inputs):
        if not isinstance(item, dict) or set(item) != {"name", "type"} or item["name"] not in features:
            raise AdoptionError(f"estimator.inputs[{i}]: expected a feature that may be used, and its type")
        if not isinstance(item["type"], str) or not Input(item["name"], item["type"]).known:
            raise AdoptionError(f"estimator.inputs[{i}].type: {shown(item['type'])} is not known")
    if estimator.get("positive") not in (0, 1) or isinstance(estimator.get("positive"), bool):
        raise AdoptionError("estimator.positive: expected 0 or 1")
    reference = estimator.get("reference")
    if not isinstance(reference, dict) or set(reference) != {item["name"] for item in inputs}:
        raise AdoptionError("estimator.reference: expected a value for each input")
    for name, value in reference.items():
        text = Input(name, next(item["type"] for item in inputs if item["name"] == name)).given is Given.TEXT
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, str if text else int | float)
        ):
            raise AdoptionError(
                f"estimator.reference.{shown(name)}: expected {'a text' if text else 'a number'}"
            )


def served_of(estimator: Mapping[str, Any]) -> ServedPipeline:
    """The pipeline of a checked document, built behind the same list of types as when it was adopted."""
    inputs = [Input(item["name"], item["type"]) for item in estimator["inputs"]]
    served = serve(pipeline_bytes(estimator), inputs)
    if served.positive != estimator["positive"]:
        raise AdoptionError("estimator.positive: the pipeline's classes stand in another order")
    return served
