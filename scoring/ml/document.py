"""The model document: one JSON object that is read, checked and never executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from scoring.ml.adoption.pipelines import check_pipeline
from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.calibration import Calibrator, CalibratorError
from scoring.ml.document_parts import DocumentError, check_encoder, integer, number, numbers, objects
from scoring.ml.schema import FeatureSchema, SchemaError
from scoring.ml.trees import TreeError, check_trees

__all__ = ["FORMAT", "FORMAT_VERSION", "DocumentError", "check_document", "dump_document", "load_document"]

FORMAT = "leadscoring-model"
FORMAT_VERSION = 1
SIZE_LIMIT = 64 * 1024 * 1024
MAX_SAMPLE = 1000
QUANTILES = 99
_KEYS = {
    "format",
    "format_version",
    "schema",
    "encoder",
    "estimator",
    "calibrator",
    "score_quantiles",
    "baseline",
    "sample",
}


def dump_document(document: Mapping[str, Any]) -> bytes:
    """The document as canonical bytes: equal documents give equal bytes, so their digest names them."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
    ).encode()


def load_document(data: bytes, *, limit: int = SIZE_LIMIT) -> dict[str, Any]:
    """The checked document of these bytes.

    Raises DocumentError in words on anything wrong: size, encoding, JSON, depth, keys, types, indices,
    numbers, trees. Nothing of the document is executed or handed to LightGBM before it is checked.
    """
    if len(data) > limit:
        raise DocumentError(f"the model document has {len(data):,} bytes; expected at most {limit:,}")
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise DocumentError(f"the model document is not UTF-8 text (byte {error.start})") from None
    except RecursionError:
        raise DocumentError("the model document is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise DocumentError(
            f"the model document is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except ValueError as error:
        raise DocumentError(
            f"the model document holds a number that cannot be read: {str(error)[:120]}"
        ) from None
    check_document(document)
    checked: dict[str, Any] = document
    return checked


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def check_document(document: object) -> None:
    """Raises DocumentError naming the path, what was found and what was expected."""
    if not isinstance(document, dict):
        raise DocumentError("the model document: expected a JSON object")
    if document.get("format") != FORMAT:
        raise DocumentError(f"format: expected “{FORMAT}”; this is not a model of this program")
    version = document.get("format_version")
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise DocumentError(
            f"format_version: got {str(version)[:20]}; this program reads version {FORMAT_VERSION} only"
        )
    wrong = sorted(_KEYS ^ set(document))
    if wrong:
        state = "missing" if wrong[0] in _KEYS else "unknown"
        raise DocumentError(f"{wrong[0][:60]}: {state} key; expected exactly {', '.join(sorted(_KEYS))}")
    try:
        schema = FeatureSchema.from_json(document["schema"])
    except SchemaError as error:
        raise DocumentError(f"schema: {error}") from None
    kinds = {spec.name: spec.kind for spec in schema.trainable}
    columns = check_encoder(document["encoder"], kinds)
    _check_estimator(document["estimator"], columns, tuple(kinds))
    try:
        Calibrator.from_json(_object(document["calibrator"], "calibrator"))
    except CalibratorError as error:
        raise DocumentError(str(error)) from None
    cuts = numbers(document["score_quantiles"], "score_quantiles", length=QUANTILES)
    if any(a > b for a, b in pairwise(cuts)) or not 0 <= cuts[0] <= cuts[-1] <= 1:
        raise DocumentError("score_quantiles: expected probabilities that never fall")
    _check_baseline(document["baseline"])
    _check_sample(document["sample"])


def _object(value: object, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DocumentError(f"{path}: expected an object")
    return value


def _check_estimator(value: object, columns: int, features: tuple[str, ...]) -> None:
    estimator = _object(value, "estimator")
    kind = estimator.get("kind")
    if kind == "prior":
        number(estimator.get("margin"), "estimator.margin")
    elif kind in ("naive_bayes", "logistic", "boosting"):
        number(estimator.get("intercept"), "estimator.intercept")
        weights = numbers(estimator.get("weights"), "estimator.weights")
        numbers(estimator.get("means"), "estimator.means", length=len(weights))
        if kind == "boosting":
            _check_model(estimator.get("model"), columns - len(weights))
        elif len(weights) != columns:
            raise DocumentError(f"estimator.weights: got {len(weights)} numbers; expected {columns}")
    elif kind == "pipeline":
        try:
            check_pipeline(estimator, features)
        except AdoptionError as error:
            raise DocumentError(str(error)) from None
    else:
        raise DocumentError(
            f"estimator.kind: got “{str(kind)[:40]}”; expected prior, naive_bayes, logistic, boosting or pipeline"
        )


def _check_model(text: object, columns: int) -> None:
    if not isinstance(text, str):
        raise DocumentError("estimator.model: expected LightGBM's text model")
    if columns < 1:
        raise DocumentError("encoder.columns: expected columns for the trees after those of the weights")
    try:
        check_trees(text, columns)
    except TreeError as error:
        raise DocumentError(f"estimator.{error}") from None


def _check_baseline(value: object) -> None:
    baseline = _object(value, "baseline")
    leads = integer(baseline.get("leads"), "baseline.leads", 1, 10**12)
    integer(baseline.get("conversions"), "baseline.conversions", 0, leads)
    number(baseline.get("rate"), "baseline.rate", 0.0, 1.0)


def _check_sample(value: object) -> None:
    for i, item in enumerate(objects(value, "sample", most=MAX_SAMPLE)):
        attributes = _object(item.get("attributes"), f"sample[{i}].attributes")
        for name, given in attributes.items():
            if given is not None and not isinstance(given, str | int | float):
                raise DocumentError(
                    f"sample[{i}].attributes.{name[:60]}: expected a text, number, yes/no or null"
                )
        number(item.get("probability"), f"sample[{i}].probability", 0.0, 1.0)
