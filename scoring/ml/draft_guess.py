"""What is guessed about a column, and the counting that every guess rests on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from scoring.ml.draft_missing import MissingToken
from scoring.ml.parsing import shown
from scoring.ml.phrases import count
from scoring.ml.values import Kind

READABLE = 0.95
"""Share of filled rows that must be readable as a number or a date before the column counts as one."""


@dataclass(slots=True)
class KindGuess:
    """A kind with how to read it and every judgement made on the way, in words."""

    kind: Kind
    notes: list[str] = field(default_factory=list)
    tokens: list[MissingToken] = field(default_factory=list)
    decimal: str = "."
    thousands: str = ""
    date_format: str = ""
    unit: str = ""
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()
    sensitive: bool = False


def identifier(note: str, *, sensitive: bool = False) -> KindGuess:
    """A column that names a lead rather than describing it."""
    return KindGuess(Kind.IDENTIFIER, [note], sensitive=sensitive)


def remark_unreadable(guess: KindGuess, sample: Mapping[str, int], readable: set[str], what: str) -> None:
    """Say in a note how many rows cannot be read, with examples."""
    bad = {text: n for text, n in sample.items() if text not in readable}
    if bad:
        listed = ", ".join(f"“{shown(text, 30)}”" for text in list(bad)[:3])
        guess.notes.append(
            f"{count(sum(bad.values()), 'row')} cannot be read as {what}, such as {listed}: read as missing."
        )


def some(counts: Mapping[str, int], limit: int) -> Mapping[str, int]:
    """At most `limit` values, spread evenly over the column rather than its first ones."""
    if len(counts) <= limit:
        return counts
    step = len(counts) / limit
    items = list(counts.items())
    return dict(items[int(i * step)] for i in range(limit))


def share(counts: Mapping[str, int], pattern: re.Pattern[str]) -> float:
    """Share of the rows whose value matches the whole pattern."""
    sample = some(counts, 500)
    return sum(n for text, n in sample.items() if pattern.fullmatch(text)) / max(sum(sample.values()), 1)


def distinct(counts: Mapping[str, int]) -> float:
    """Different values per filled row, 0 to 1."""
    return len(counts) / max(sum(counts.values()), 1)
