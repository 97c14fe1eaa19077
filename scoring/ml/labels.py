"""Labels for people out of column headers: “TotalVisits” → “Total visits”, “price_usd” → “Price” in USD."""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MARKS = re.compile(r"[_\-./\\:|]+|\s+")
_BRACKET = re.compile(r"\s*[(\[]\s*([^()\[\]]{1,14}?)\s*[)\]]\s*$")
_UNITS = {
    "usd": "USD",
    "eur": "EUR",
    "gbp": "GBP",
    "chf": "CHF",
    "aed": "AED",
    "inr": "INR",
    "days": "days",
    "hours": "hours",
    "hrs": "hours",
    "minutes": "minutes",
    "mins": "minutes",
    "seconds": "seconds",
    "secs": "seconds",
    "pct": "%",
    "percent": "%",
    "km": "km",
}


def words_of(name: str) -> tuple[str, ...]:
    """The words of a header, case-folded: camel case, underscores, dashes and blanks all part words."""
    return tuple(part.casefold() for part in _MARKS.split(_CAMEL.sub(" ", name)) if part)


def label_and_unit(name: str) -> tuple[str, str]:
    """A label in sentence case, and the unit when the header says one (in brackets or as its last word)."""
    bracket = _BRACKET.search(name)
    unit = ""
    # A number in brackets tells columns of one name apart: “Budget (2)” is not a budget in twos.
    if bracket is not None and not bracket[1].isdigit() and name[: bracket.start()].strip():
        unit, name = bracket[1], name[: bracket.start()]
    parts = [part for part in _MARKS.split(_CAMEL.sub(" ", name.strip())) if part]
    if not parts:
        return name.strip() or "Unnamed", unit
    if not unit and len(parts) > 1 and parts[-1].casefold() in _UNITS:
        unit = _UNITS[parts[-1].casefold()]
        # “Visit days” without its last word would be another thing; an amount without its currency is not.
        if unit.isupper():
            parts = parts[:-1]
    spoken = [part if _keeps_case(part) else part.lower() for part in parts]
    first = spoken[0]
    return " ".join([first[0].upper() + first[1:], *spoken[1:]]), unit


def _keeps_case(part: str) -> bool:
    return len(part) <= 5 and part.isupper() and not part.isdigit()
