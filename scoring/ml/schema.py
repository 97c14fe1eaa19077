"""The feature set as a pure value: which columns there are, how each is read, and the reading itself.

`parse_row` serves the request path (one lead, no pandas); `parse_frame` serves training and batches and
gives the same values element by element, because both call the same compiled reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from scoring.ml.parsing import Parsed, Reader, compile_reader, shown
from scoring.ml.schema_json import kind_of, spec_from_json, spec_to_json
from scoring.ml.values import (
    FeatureSpec,
    Kind,
    KnownAt,
    SchemaError,
    Value,
    ValueWarning,
)

if TYPE_CHECKING:
    import pandas as pd

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
    readers: tuple[tuple[str, Reader, ValueWarning], ...] = field(init=False, repr=False, compare=False)

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
        object.__setattr__(self, "readers", tuple(_entry(spec) for spec in trainable))

    def __reduce__(self) -> tuple[type[FeatureSchema], tuple[tuple[FeatureSpec, ...]]]:
        # The compiled readers are closures; a copy in another process compiles its own.
        return FeatureSchema, (self.features,)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; fields at their default are left out, so that a feature set stays readable."""
        return {"features": [spec_to_json(spec) for spec in self.features]}

    @classmethod
    def from_json(cls, document: object) -> FeatureSchema:
        """The feature set of a JSON object.

        Raises SchemaError naming the path, the value and what was expected.
        """
        if not isinstance(document, dict):
            raise SchemaError(f"feature set: got {kind_of(document)}; expected an object with “features”")
        unknown = sorted(set(document) - {"features"})
        if unknown:
            raise SchemaError(f"{shown(unknown[0])}: unknown key; expected only “features”")
        features = document.get("features")
        if not isinstance(features, list):
            raise SchemaError(f"features: got {kind_of(features)}; expected a list of features")
        if len(features) > MAX_FEATURES:
            raise SchemaError(f"features: got {len(features)} features; expected at most {MAX_FEATURES}")
        return cls(tuple(spec_from_json(item, f"features[{i}]") for i, item in enumerate(features)))


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
    for name, read, absent in schema.readers:
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


def parse_column(spec: FeatureSpec, column: pd.Series[Any]) -> np.ndarray[Any, np.dtype[Any]]:
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
        return np.array([np.nan if value is None else value for value in out], dtype=np.float64)
    filled = np.empty(len(out), dtype=object)
    filled[:] = out
    return filled


def parse_frame(schema: FeatureSchema, frame: pd.DataFrame) -> pd.DataFrame:
    """The trainable features of many leads; equals `parse_row` element by element.

    A column that the frame does not have is missing throughout.
    """
    import pandas as pd

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
