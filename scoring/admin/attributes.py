"""A lead's attributes as people read them: labels, values with units, and what is odd about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scoring.models import Feature, FeatureSet

LONGEST = 300


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """One line of the table."""

    label: str
    name: str
    value: str
    unit: str
    unused: str
    warnings: tuple[str, ...]
    absent: str = "not known"
    """What is said where there is no value."""


def attribute_rows(
    attributes: Mapping[str, object],
    feature_set: FeatureSet | None,
    warnings: Iterable[Mapping[str, object]],
    *,
    own: frozenset[str] | None = None,
) -> list[AttributeRow]:
    """Features in their order, then what the lead carries beyond them.

    `own` are the columns of the file that the lead came from, where that is known: a feature it never had is said to
    be so, after those it has.
    """
    remarks: dict[str, list[str]] = {}
    for warning in warnings:
        remarks.setdefault(str(warning.get("feature", "")), []).append(str(warning.get("message", "")))
    rows: list[AttributeRow] = []
    named: set[str] = set()
    for feature in feature_set.features.all() if feature_set is not None else ():
        named.add(feature.name)
        rows.append(
            AttributeRow(
                label=feature.label,
                name=feature.name,
                value=shown(attributes.get(feature.name)),
                unit="" if _holds(attributes.get(feature.name), feature.unit) else feature.unit,
                unused=_unused(feature),
                warnings=tuple(
                    text.removeprefix(f"{feature.label}: ") for text in remarks.get(feature.name, ())
                ),
                absent="not in the lead's file"
                if own is not None and feature.name not in own
                else "not known",
            )
        )
    if own is not None:
        rows.sort(key=lambda row: not row.value and row.name not in own)
    rows.extend(
        AttributeRow(
            name,
            name,
            shown(value),
            "",
            "" if feature_set is None else "not in the feature set: not used for the score",
            tuple(remarks.get(name, ())),
        )
        for name, value in attributes.items()
        if name not in named
    )
    return rows


def _unused(feature: Feature) -> str:
    if feature.kind == "identifier":
        return "identifier: not used for the score"
    return "held out: not used for the score" if feature.excluded else ""


def _holds(value: object, unit: str) -> bool:
    """Whether a text says its unit itself, as “13 %” does."""
    return isinstance(value, str) and bool(unit) and unit.casefold() in value.casefold()


def shown(value: object) -> str:
    """A raw value as text; nothing for what was not sent.

    >>> shown(True), shown(3.0), shown(None)
    ('yes', '3', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
