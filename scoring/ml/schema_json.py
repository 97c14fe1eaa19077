"""A feature as JSON, and back, with every mistake named by path, value and what was expected."""

from __future__ import annotations

import dataclasses
from typing import Any

from scoring.ml.dates import FORMATS
from scoring.ml.parsing import shown
from scoring.ml.values import FeatureSpec, Kind, KnownAt, SchemaError

_FIELDS = {item.name: item for item in dataclasses.fields(FeatureSpec)}
_TEXTS = {"name", "label", "unit", "known_at_reason", "exclusion_reason", "date_format"}
_FLAGS = {"excluded", "sensitive", "segment"}
_LISTS = {"missing_tokens", "true_values", "false_values"}
_LIMITS = {"minimum", "maximum"}
_CHOICES: dict[str, tuple[str, ...]] = {
    "decimal": (".", ","),
    "thousands": ("", ",", ".", " ", "'"),
}


def spec_to_json(spec: FeatureSpec) -> dict[str, Any]:
    """A JSON object of one feature; fields at their default are left out, kind and known_at never."""
    document: dict[str, Any] = {}
    for name, item in _FIELDS.items():
        value = getattr(spec, name)
        if value == item.default and name not in ("kind", "known_at"):
            continue
        document[name] = list(value) if isinstance(value, tuple) else str(value) if name in _ENUMS else value
    return document


_ENUMS: dict[str, type[Kind | KnownAt]] = {"kind": Kind, "known_at": KnownAt}


def spec_from_json(document: object, path: str) -> FeatureSpec:
    """The feature of a JSON object found at `path`.

    Raises SchemaError naming the path below it, the value and what was expected.
    """
    if not isinstance(document, dict):
        raise SchemaError(f"{path}: got {kind_of(document)}; expected an object")
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key not in _FIELDS:
            raise SchemaError(f"{path}.{shown(key)}: unknown key; expected one of {', '.join(_FIELDS)}")
        values[key] = _checked(key, value, f"{path}.{key}")
    for key in ("name", "kind"):
        if not values.get(key):
            raise SchemaError(f"{path}.{key}: missing; every feature needs a name and a kind")
    values.setdefault("label", values["name"])
    low, high = values.get("minimum"), values.get("maximum")
    if low is not None and high is not None and low > high:
        raise SchemaError(f"{path}.minimum: got {low}, above the maximum {high}; expected minimum ≤ maximum")
    if values.get("decimal", ".") == values.get("thousands", ""):
        raise SchemaError(f"{path}.thousands: got “{values['thousands']}”, which is also the decimal mark")
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
            raise SchemaError(f"{path}: got {shown(value)}; expected one of {choices}") from None
    if key in _FLAGS:
        if not isinstance(value, bool):
            raise SchemaError(f"{path}: got {shown(value)}; expected true or false")
        return value
    if key in _LIMITS:
        if value is None or (
            isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e30
        ):
            return None if value is None else float(value)
        raise SchemaError(f"{path}: got {shown(value)}; expected a finite number or null")
    if key in _LISTS:
        if not isinstance(value, list | tuple) or not all(_is_text(item) for item in value):
            raise SchemaError(f"{path}: got {shown(value)}; expected a list of texts")
        return tuple(value)
    if not _is_text(value):
        raise SchemaError(f"{path}: got {shown(value)}; expected a text of at most 1,000 storable characters")
    if key in _CHOICES and value not in _CHOICES[key]:
        choices = ", ".join(f"“{choice}”" for choice in _CHOICES[key])
        raise SchemaError(f"{path}: got “{shown(value)}”; expected one of {choices}")
    if key == "date_format" and value not in ("", *FORMATS) and "%" not in str(value):
        raise SchemaError(f"{path}: got “{shown(value)}”; expected iso, dmy, mdy or a strptime format")
    return value


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or len(value) > 1000 or "\0" in value:
        return False
    return not any("\ud800" <= mark <= "\udfff" for mark in value)


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
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
