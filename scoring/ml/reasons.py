"""Contributions as sentences that a sales rep can read: labels, values and units, never column names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, Value

LEAST_SHARE = 0.01
"""Contributions below this share of the total are noise to a reader."""
LONGEST_VALUE = 60
NOT_KNOWN = "not known"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS: Mapping[str, str] = {"up": "raises the chance", "down": "lowers the chance"}


class Reason(NamedTuple):
    """One feature's part in a prediction; `contribution` is in log-odds, `value` is text with its unit."""

    feature: str
    label: str
    value: str
    direction: Literal["up", "down"]
    contribution: float
    text: str


def reasons(
    schema: FeatureSchema,
    values: Mapping[str, Value],
    contributions: Mapping[str, float],
    *,
    unseen: Collection[str] = (),
    up: int = 5,
    down: int = 5,
) -> tuple[Reason, ...]:
    """At most `up` reasons that raise and `down` that lower the chance, largest first.

    `values` are parsed, `contributions` log-odds per feature name, `unseen` the features whose level the
    training never met (both from `RowScore`). What is below 1 % of the total is left out.
    """
    total = sum(abs(part) for part in contributions.values())
    room = {"up": up, "down": down}
    found: list[Reason] = []
    for name, part in sorted(contributions.items(), key=lambda item: (-abs(item[1]), item[0])):
        spec = schema.by_name.get(name)
        if spec is None or part == 0.0 or abs(part) < LEAST_SHARE * total:
            continue
        direction: Literal["up", "down"] = "up" if part > 0 else "down"
        if room[direction] <= 0:
            continue
        room[direction] -= 1
        value = value_text(spec, values.get(name))
        shown = f"{value} (new to the model)" if name in unseen else value
        text = f"{spec.label}: {shown} · {_WORDS[direction]}"
        found.append(Reason(name, spec.label, value, direction, part, text))
    return tuple(found)


def value_text(spec: FeatureSpec, value: Value) -> str:
    """A parsed value for people: "1,250 AED", "yes", "12 March 2026", "Referral", "8 words", "not known"."""
    if value is None:
        return NOT_KNOWN
    if isinstance(value, str):
        return _words(value) if spec.kind is Kind.TEXT else _short(value)
    if spec.kind is Kind.YES_NO:
        return "yes" if value == 1.0 else "no"
    if spec.kind is Kind.DATE:
        return _date(value)
    return _with_unit(number_text(value), spec.unit, singular=value in (1.0, -1.0))


def number_text(value: float) -> str:
    """A number with thousands separators and no more digits than say something.

    >>> number_text(1250000.0), number_text(4.0), number_text(0.12345), number_text(1234.5)
    ('1,250,000', '4', '0.123', '1,234.5')
    """
    if value.is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    size = abs(value)
    if size >= 1e15 or size < 1e-4:
        return f"{value:.3g}"
    decimals = 1 if size >= 1000 else 2 if size >= 1 else 3 if size >= 0.1 else 5
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".")


def _with_unit(number: str, unit: str, *, singular: bool) -> str:
    unit = unit.strip()
    if not unit:
        return number
    if unit in ("%", "°"):
        return number + unit
    if unit in ("$", "€", "£", "¥", "₹"):
        return f"-{unit}{number[1:]}" if number.startswith("-") else unit + number
    if singular and len(unit) > 3 and unit.islower() and unit.endswith("s") and not unit.endswith("ss"):
        unit = unit[:-3] + "y" if unit.endswith("ies") else unit[:-1]
    return f"{number} {unit}"


def _date(days: float) -> str:
    moment = _EPOCH + timedelta(minutes=round(days * 1440.0))
    text = f"{moment.day} {moment:%B} {moment.year}"
    return text if moment.hour == moment.minute == 0 else f"{text}, {moment:%H:%M}"


def _words(text: str) -> str:
    count = len(text.split())
    return "1 word" if count == 1 else f"{count:,} words"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_VALUE else line[: LONGEST_VALUE - 1].rstrip() + "…"
