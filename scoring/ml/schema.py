"""The feature set as a pure value: which columns there are, how each is read, and the reading itself.

`parse_row` serves the request path (one lead, no pandas); `parse_frame` serves training and batches and
gives the same values element by element, because both call the same compiled reader.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from scoring.ml.dates import FORMATS
from scoring.ml.parsing import Parsed, Reader, compile_reader, shown
from scoring.ml.values import (
    FeatureSpec,
    Kind,
    KnownAt,
    SchemaError,
    Value,
    ValueWarning,
)

__all__ = [
    "FeatureSchema",
    "FeatureSpec",
    "Kind",
    "KnownAt",
    "SchemaError",
    "Value",
    "ValueWarning",
    "parse_column",
    "parse_frame",
    "parse_row",
    "parse_value",
]

MAX_FEATURES = 2000
MAX_UNKNOWN_NAMED = 20
"""A request with thousands of unknown fields gets that many warnings and one that counts the rest."""


@dataclass(frozen=True, slots=True)
class FeatureSchema:
    """All columns of a feature set, in order.

    Raises SchemaError when two features share a name.
    """

    features: tuple[FeatureSpec, ...]
    trainable: tuple[FeatureSpec, ...] = field(init=False, repr=False, compare=False)
    by_name: Mapping[str, FeatureSpec] = field(init=False, repr=False, compare=False)
    _readers: tuple[tuple[str, Reader, ValueWarning], ...] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        by_name: dict[str, FeatureSpec] = {}
        for position, spec in enumerate(self.features):
            if spec.name in by_name:
                raise SchemaError(
                    f"features[{position}].name: “{spec.name}” is used twice; expected unique names"
                )
            by_name[spec.name] = spec
        trainable = tuple(spec for spec in self.features if spec.trainable)
        object.__setattr__(self, "by_name", by_name)
        object.__setattr__(self, "trainable", trainable)
        object.__setattr__(self, "_readers", tuple(_entry(spec) for spec in trainable))

    def __reduce__(self) -> tuple[type[FeatureSchema], tuple[tuple[FeatureSpec, ...]]]:
        # The compiled readers are closures; a copy in another process compiles its own.
        return FeatureSchema, (self.features,)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; fields at their default are left out, so that a feature set stays readable."""
        return {"features": [_spec_to_json(spec) for spec in self.features]}

    @classmethod
    def from_json(cls, document: object) -> FeatureSchema:
        """The feature set of a JSON object.

        Raises SchemaError naming the path, the value and what was expected.
        """
        if not isinstance(document, dict):
            raise SchemaError(
                f"feature set: got {_kind_of(document)}; expected an object with “features”"
            )
        unknown = sorted(set(document) - {"features"})
        if unknown:
            raise SchemaError(
                f"{shown(unknown[0])}: unknown key; expected only “features”"
            )
        features = document.get("features")
        if not isinstance(features, list):
            raise SchemaError(
                f"features: got {_kind_of(features)}; expected a list of features"
            )
        if len(features) > MAX_FEATURES:
            raise SchemaError(
                f"features: got {len(features)} features; expected at most {MAX_FEATURES}"
            )
        return cls(
            tuple(
                _spec_from_json(item, f"features[{i}]")
                for i, item in enumerate(features)
            )
        )


def parse_value(spec: FeatureSpec, raw: object) -> Parsed:
    """One value of one feature and the remark about it, if any; raises on nothing JSON can carry."""
    return compile_reader(spec)(raw)


def parse_row(
    schema: FeatureSchema, attributes: Mapping[str, object]
) -> tuple[dict[str, Value], list[ValueWarning]]:
    """The trainable features of one lead, in order, and every remark about its values.

    Fields that no feature of the schema names (excluded ones are named) are remarked as unknown.
    """
    values: dict[str, Value] = {}
    warnings: list[ValueWarning] = []
    for name, read, absent in schema._readers:
        raw = attributes.get(name)
        if raw is None:
            values[name] = None
            warnings.append(absent)
            continue
        value, warning = read(raw)
        values[name] = value
        if warning is not None:
            warnings.append(warning)
    known = schema.by_name
    unknown = [name for name in attributes if name not in known]
    if unknown:
        warnings.extend(_unknown(unknown))
    return values, warnings


def parse_column(
    spec: FeatureSpec, column: pd.Series[Any]
) -> np.ndarray[Any, np.dtype[Any]]:
    """The parsed values of one raw column: float64 with NaN, or object with str and None; shape (n,)."""
    read = compile_reader(spec)
    memo: dict[object, Value] = {}
    out: list[Value] = []
    for raw in column.tolist():
        # 1, 1.0 and True are one dictionary key but not one value.
        key = raw if type(raw) is str else (type(raw), raw)
        try:
            out.append(memo[key])
        except KeyError:
            value = memo[key] = read(raw)[0]
            out.append(value)
        except TypeError:
            out.append(read(raw)[0])
    if spec.kind in (Kind.NUMBER, Kind.YES_NO, Kind.DATE):
        return np.array(
            [np.nan if value is None else value for value in out], dtype=np.float64
        )
    filled = np.empty(len(out), dtype=object)
    filled[:] = out
    return filled


def parse_frame(schema: FeatureSchema, frame: pd.DataFrame) -> pd.DataFrame:
    """The trainable features of many leads; equals `parse_row` element by element.

    A column that the frame does not have is missing throughout.
    """
    columns: dict[str, Any] = {}
    for spec in schema.trainable:
        if spec.name in frame.columns:
            columns[spec.name] = parse_column(spec, frame[spec.name])
        elif spec.kind in (Kind.NUMBER, Kind.YES_NO, Kind.DATE):
            columns[spec.name] = np.full(len(frame), np.nan)
        else:
            columns[spec.name] = np.full(len(frame), None, dtype=object)
    # Each column keeps its dtype: pandas would otherwise turn object columns into its own string type.
    parsed = {
        name: pd.Series(values, index=frame.index, dtype=values.dtype, name=name)
        for name, values in columns.items()
    }
    return pd.DataFrame(parsed, index=frame.index)


def _entry(spec: FeatureSpec) -> tuple[str, Reader, ValueWarning]:
    return (
        spec.name,
        compile_reader(spec),
        ValueWarning(spec.name, "missing", "", f"{spec.label}: not given"),
    )


def _unknown(names: list[str]) -> list[ValueWarning]:
    warnings = [
        ValueWarning(
            shown(name),
            "unknown_field",
            shown(name),
            f"“{shown(name)}” is not a field of this feature set",
        )
        for name in names[:MAX_UNKNOWN_NAMED]
    ]
    rest = len(names) - MAX_UNKNOWN_NAMED
    if rest > 0:
        warnings.append(
            ValueWarning(
                "",
                "unknown_field",
                str(rest),
                f"{rest} more fields are not in this feature set",
            )
        )
    return warnings


_FIELDS = {item.name: item for item in dataclasses.fields(FeatureSpec)}
_TEXTS = {"name", "label", "unit", "known_at_reason", "exclusion_reason", "date_format"}
_FLAGS = {"excluded", "sensitive"}
_LISTS = {"missing_tokens", "true_values", "false_values"}
_LIMITS = {"minimum", "maximum"}
_CHOICES: dict[str, tuple[str, ...]] = {
    "decimal": (".", ","),
    "thousands": ("", ",", ".", " ", "'"),
}


def _spec_to_json(spec: FeatureSpec) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, item in _FIELDS.items():
        value = getattr(spec, name)
        if value == item.default and name not in ("kind", "known_at"):
            continue
        document[name] = (
            list(value)
            if isinstance(value, tuple)
            else str(value)
            if name in _ENUMS
            else value
        )
    return document


_ENUMS: dict[str, type[Kind | KnownAt]] = {"kind": Kind, "known_at": KnownAt}


def _spec_from_json(document: object, path: str) -> FeatureSpec:
    if not isinstance(document, dict):
        raise SchemaError(f"{path}: got {_kind_of(document)}; expected an object")
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key not in _FIELDS:
            raise SchemaError(
                f"{path}.{shown(key)}: unknown key; expected one of {', '.join(_FIELDS)}"
            )
        values[key] = _checked(key, value, f"{path}.{key}")
    for key in ("name", "kind"):
        if not values.get(key):
            raise SchemaError(
                f"{path}.{key}: missing; every feature needs a name and a kind"
            )
    values.setdefault("label", values["name"])
    low, high = values.get("minimum"), values.get("maximum")
    if low is not None and high is not None and low > high:
        raise SchemaError(
            f"{path}.minimum: got {low}, above the maximum {high}; expected minimum ≤ maximum"
        )
    if values.get("decimal", ".") == values.get("thousands", ""):
        raise SchemaError(
            f"{path}.thousands: got “{values['thousands']}”, which is also the decimal mark"
        )
    both = {v.casefold() for v in values.get("true_values", ())} & {
        v.casefold() for v in values.get("false_values", ())
    }
    if both:
        raise SchemaError(
            f"{path}.false_values: “{min(both)}” is also a true value; expected two different lists"
        )
    return FeatureSpec(**values)


def _checked(key: str, value: object, path: str) -> object:
    if key in _ENUMS:
        try:
            return _ENUMS[key](str(value))
        except ValueError:
            choices = ", ".join(member.value for member in _ENUMS[key])
            raise SchemaError(
                f"{path}: got {shown(value)}; expected one of {choices}"
            ) from None
    if key in _FLAGS:
        if not isinstance(value, bool):
            raise SchemaError(f"{path}: got {shown(value)}; expected true or false")
        return value
    if key in _LIMITS:
        if value is None or (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and abs(value) <= 1e30
        ):
            return None if value is None else float(value)
        raise SchemaError(
            f"{path}: got {shown(value)}; expected a finite number or null"
        )
    if key in _LISTS:
        if not isinstance(value, list | tuple) or not all(
            _is_text(item) for item in value
        ):
            raise SchemaError(f"{path}: got {shown(value)}; expected a list of texts")
        return tuple(value)
    if not _is_text(value):
        raise SchemaError(
            f"{path}: got {shown(value)}; expected a text of at most 1,000 storable characters"
        )
    if key in _CHOICES and value not in _CHOICES[key]:
        choices = ", ".join(f"“{choice}”" for choice in _CHOICES[key])
        raise SchemaError(f"{path}: got “{shown(value)}”; expected one of {choices}")
    if key == "date_format" and value not in ("", *FORMATS) and "%" not in str(value):
        raise SchemaError(
            f"{path}: got “{shown(value)}”; expected iso, dmy, mdy or a strptime format"
        )
    return value


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or len(value) > 1000 or "\0" in value:
        return False
    return not any("\ud800" <= mark <= "\udfff" for mark in value)


def _kind_of(value: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        type(None): "nothing",
    }
    return names.get(
        type(value),
        "a number" if isinstance(value, int | float) else type(value).__name__,
    )
