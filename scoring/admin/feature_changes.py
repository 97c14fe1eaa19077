"""What one feature set changes against another, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.models import Feature

COMPARED: tuple[tuple[str, str], ...] = (
    ("label", "label"),
    ("kind", "kind"),
    ("unit", "unit"),
    ("missing_tokens", "missing tokens"),
    ("minimum", "least value"),
    ("maximum", "largest value"),
    ("known_at", "known at"),
    ("excluded", "held out"),
    ("sensitive", "sensitive"),
    ("segment", "watched value by value"),
    ("decimal", "decimal mark"),
    ("thousands", "thousands mark"),
    ("date_format", "date format"),
    ("true_values", "words for yes"),
    ("false_values", "words for no"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One column and what becomes of it."""

    label: str
    name: str
    what: tuple[str, ...]


def changes_between(old: Sequence[Feature], new: Sequence[Feature]) -> list[Change]:
    """Columns that appear, go or change, in the order of the new set, gone ones last."""
    before = {f.name: f for f in old}
    after = {f.name for f in new}
    found = []
    for feature in new:
        known = before.get(feature.name)
        if known is None:
            what: tuple[str, ...] = ("new, held out",) if feature.excluded else ("new",)
        else:
            what = tuple(
                f"{words}: {_shown(getattr(known, field))} → {_shown(getattr(feature, field))}"
                for field, words in COMPARED
                if getattr(known, field) != getattr(feature, field)
            )
        if what:
            found.append(Change(feature.label, feature.name, what))
    found.extend(Change(f.label, f.name, ("no longer read",)) for f in old if f.name not in after)
    return found


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(f"“{v}”" for v in value) or "none"
    return "none" if value is None or value == "" else str(value).replace("_", "/")
