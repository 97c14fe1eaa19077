"""Whether the columns a model asks for are columns of a feature set that a model may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from scoring.ml.adoption.refusal import AdoptionError, read_json
from scoring.ml.parsing import shown
from scoring.ml.schema import FeatureSchema
from scoring.ml.values import FeatureSpec, Kind

MAX_INPUTS = 1000


class Given(StrEnum):
    """How an input column reaches the model."""

    FLOAT = "float"
    BOOLEAN = "boolean"
    TEXT = "text"
    DATE = "date"


_GIVEN: dict[str, Given] = {
    "double": Given.FLOAT,
    "float": Given.FLOAT,
    "long": Given.FLOAT,
    "integer": Given.FLOAT,
    "boolean": Given.BOOLEAN,
    "string": Given.TEXT,
    "datetime": Given.DATE,
}
_FITTING: dict[Kind, tuple[Given, ...]] = {
    Kind.NUMBER: (Given.FLOAT,),
    Kind.YES_NO: (Given.FLOAT, Given.BOOLEAN),
    Kind.DATE: (Given.DATE, Given.FLOAT),
    Kind.CATEGORY: (Given.TEXT,),
    Kind.TEXT: (Given.TEXT,),
}
_KIND_WORDS: dict[Kind, str] = {
    Kind.NUMBER: "a number",
    Kind.YES_NO: "yes/no",
    Kind.DATE: "a date",
    Kind.CATEGORY: "a category",
    Kind.TEXT: "free text",
    Kind.IDENTIFIER: "an identifier",
}


@dataclass(frozen=True, slots=True)
class Input:
    """One column of a model's signature, with MLflow's name of its type."""

    name: str
    type: str

    @property
    def given(self) -> Given:
        """How the column reaches the model. Only types that `fit` let through are asked for."""
        return _GIVEN[self.type]

    @property
    def known(self) -> bool:
        """Whether the type is one that is read here."""
        return self.type in _GIVEN


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes and gives. `output` names MLflow's type of its one output."""

    inputs: tuple[Input, ...]
    output: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """How a signature goes with a feature set: all reasons against it, and what to know if there are none."""

    reasons: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether the model can be adopted as far as its columns are concerned."""
        return not self.reasons


def fit(signature: Signature, schema: FeatureSchema) -> Fit:
    """Compare a signature with a feature set; every reason against it is named, not only the first."""
    reasons = list(signature.problems)
    notes: list[str] = []
    for item in signature.inputs:
        spec = schema.by_name.get(item.name)
        found = _unknown(item, schema) if spec is None else _against(item, spec)
        if found:
            reasons.append(found)
    unused = [spec.label for spec in schema.trainable if spec.name not in {i.name for i in signature.inputs}]
    if unused and not reasons:
        notes.append(f"The model does not look at: {', '.join(unused)}.")
    if any(item.type in ("long", "integer") for item in signature.inputs):
        notes.append("Whole numbers reach the model as decimal ones, and a missing one as missing (NaN).")
    return Fit(tuple(reasons), tuple(notes))


def _unknown(item: Input, schema: FeatureSchema) -> str:
    close = [name for name in schema.by_name if name.casefold() == item.name.casefold()]
    hint = f" “{close[0]}” is spelled otherwise; names must be equal." if close else ""
    return f"“{shown(item.name)}”: the feature set has no such column.{hint}"


def _against(item: Input, spec: FeatureSpec) -> str | None:
    name = shown(item.name)
    if spec.excluded:
        why = spec.exclusion_reason or "no reason was written"
        return (
            f"“{name}” is held out of the feature set: {why.rstrip('.')}. Let it in first if that is wrong."
        )
    if spec.kind is Kind.IDENTIFIER:
        return f"“{name}” identifies the lead; a model may not learn from it."
    given = _GIVEN.get(item.type)
    if given is None:
        return f"“{name}” has the type {shown(item.type)}; expected {', '.join(_GIVEN)}."
    if given not in _FITTING[spec.kind]:
        return (
            f"“{name}” is {_KIND_WORDS[spec.kind]} in the feature set, and the model wants the type {item.type}; "
            f"expected {' or '.join(t for t, g in _GIVEN.items() if g in _FITTING[spec.kind])}."
        )
    return None


def read_signature(found: object) -> Signature:
    """The signature of an MLmodel file, read as data.

    What is wrong with it stands in `problems`; raises AdoptionError only where there is none to speak of.
    """
    if not isinstance(found, dict):
        raise AdoptionError(
            "The model has no signature. Log it again with signature=infer_signature(leads, probabilities)."
        )
    problems: list[str] = []
    columns = _parsed(found.get("inputs"), "the signature's inputs")
    inputs = []
    for item in columns:
        name, kind = item.get("name"), item.get("type")
        if kind == "tensor" or not isinstance(name, str):
            problems.append("The signature names no columns. Log the model with a DataFrame as the example.")
            break
        inputs.append(Input(name, kind if isinstance(kind, str) else f"{kind}"[:60]))
    if not columns:
        problems.append("The signature names no input column.")
    if len(inputs) > MAX_INPUTS:
        problems.append(f"The signature names {len(inputs):,} columns; at most {MAX_INPUTS:,} are read.")
        inputs = inputs[:MAX_INPUTS]
    doubled = sorted({i.name for i in inputs if [j.name for j in inputs].count(i.name) > 1})
    if doubled:
        problems.append(f"The signature names “{shown(doubled[0])}” twice.")
    output, wrong = _output(found.get("outputs"))
    return Signature(tuple(inputs), output, (*problems, *wrong))


def _parsed(found: object, what: str) -> list[dict[str, object]]:
    if found is None:
        return []
    value = read_json(found.encode(), what.capitalize()) if isinstance(found, str) else found
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise AdoptionError(f"Expected {what} to be a list of columns.")
    return value


def _output(found: object) -> tuple[str, Sequence[str]]:
    columns = _parsed(found, "the signature's outputs")
    if len(columns) != 1:
        got = "none" if not columns else f"{len(columns)} columns"
        return "", [f"The signature gives {got}; expected one output, the probability that a lead converts."]
    kind = columns[0].get("type")
    spec = columns[0].get("tensor-spec")
    shape: object = None
    if kind == "tensor" and isinstance(spec, dict):
        kind, shape = spec.get("dtype"), spec.get("shape")
    known = {"double", "float", "float64", "float32", "long", "integer", "int64", "int32", "boolean", "bool"}
    if kind not in known:
        return str(kind)[:40], [
            f"The signature's output has the type {str(kind)[:40]}; expected a probability (double)."
        ]
    if shape is not None and not (
        isinstance(shape, list) and (len(shape) == 1 or (len(shape) == 2 and shape[1] in (1, 2)))
    ):
        words = f"The signature's output has the shape {str(shape)[:40]}"
        return str(kind), [f"{words}; expected one probability per lead, or two for a model of two classes."]
    return str(kind), []
