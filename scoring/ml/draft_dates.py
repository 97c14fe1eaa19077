"""Whether a column holds dates, and in which order day and month are written: by evidence, said in words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from scoring.ml.dates import datetime_text, parse_date
from scoring.ml.draft_guess import READABLE, KindGuess, remark_unreadable, some
from scoring.ml.draft_missing import missing_dates
from scoring.ml.phrases import count
from scoring.ml.values import Kind

_NUMERIC_DATE = re.compile(r"(\d{1,2})([./ -])(\d{1,2})\2(\d{4}|\d{2})\b.*")


def guess_date(counts: Mapping[str, int]) -> KindGuess | None:
    sample = some(counts, 3000)
    if not mostly_dates(sample):
        return None
    day_first = month_first = unclear = 0
    for text, n in sample.items():
        match = _NUMERIC_DATE.match(text)
        if match is None:
            continue
        first, second = int(match[1]), int(match[3])
        day_first += n if first > 12 >= second else 0
        month_first += n if second > 12 >= first else 0
        unclear += n if first <= 12 and second <= 12 else 0
    guess = KindGuess(Kind.DATE, date_format="iso")
    if day_first or month_first or unclear:
        guess.date_format, note = _day_or_month(sample, day_first, month_first, unclear)
        guess.notes.append(note)
    read = {text: parse_date(text, guess.date_format) for text in sample}
    days = {text: value for text, value in read.items() if value is not None}
    readable = sum(sample[text] for text in days) / max(sum(sample.values()), 1)
    if readable < 0.7:
        return None
    remark_unreadable(guess, sample, set(days), f"a date ({guess.date_format})")
    shapes = Counter(_shape(text) for text in days)
    if len(shapes) > 1:
        guess.notes.append(
            "Dates are written in several ways, such as " + ", ".join(_example(days, s) for s in shapes) + "."
        )
    by_day: Counter[float] = Counter()
    for text, value in days.items():
        by_day[value] += counts[text]
    guess.tokens += missing_dates(by_day, {value: text for text, value in days.items()})
    if any(value % 1 for value in days.values()) and any(
        re.search(r"[+-]\d\d:?\d\d$|Z$", text) for text in days
    ):
        guess.notes.append("Times carry a zone and are brought to UTC.")
    return guess


def date_format(counts: Mapping[str, int]) -> str:
    """How the dates of a column that somebody says holds dates are written, whatever else stands in it; "" without any.

    >>> date_format({"31.12.2025": 2, "05.03.2026": 1, "soon": 9})
    'dmy'
    """
    guess = guess_date({text: n for text, n in some(counts, 3000).items() if _is_date(text)})
    return "" if guess is None else guess.date_format


def _day_or_month(
    sample: Mapping[str, int], day_first: int, month_first: int, unclear: int
) -> tuple[str, str]:
    if day_first and not month_first:
        return "dmy", f"Day before month: {count(day_first, 'row')} can be read no other way."
    if month_first and not day_first:
        return "mdy", f"Month before day: {count(month_first, 'row')} can be read no other way."
    if day_first and month_first:
        chosen, other, n = (
            ("dmy", month_first, day_first) if day_first >= month_first else ("mdy", day_first, month_first)
        )
        order = "day before month" if chosen == "dmy" else "month before day"
        return chosen, (
            f"Two orders of day and month are mixed: {count(n, 'row is', 'rows are')} surely {order}, {other:,} surely "
            f"the other way, and {unclear:,} could be either. Read as {order}; the other "
            f"{count(other, 'row counts', 'rows count')} as missing. "
            "Please clean the file."
        )
    if all("." in text for text in sample):
        return "dmy", "Day before month, because points stand between them; no row proves it."
    spans = {}
    for order in ("dmy", "mdy"):
        days = [value for text in sample if (value := parse_date(text, order)) is not None]
        spans[order] = max(days) - min(days) if days else 0.0
    if spans["mdy"] * 3 < spans["dmy"]:
        return (
            "mdy",
            "Month before day, because the dates then lie close together; no row proves it. Please check.",
        )
    why = "because the dates then lie close together" if spans["dmy"] * 3 < spans["mdy"] else "by convention"
    return "dmy", f"Day before month {why}; no row proves it. Please check."


def mostly_dates(counts: Mapping[str, int]) -> bool:
    """Whether nearly all values are dates in one order of day and month or the other."""
    sample = some(counts, 500)
    good = sum(n for text, n in sample.items() if _is_date(text))
    return bool(sample) and good >= READABLE * sum(sample.values())


def _is_date(text: str) -> bool:
    if text.isdigit() and not (len(text) == 8 and "19500101" <= text <= "20491231"):
        return False
    return any(parse_date(text, order) is not None for order in ("dmy", "mdy"))


def _shape(text: str) -> str:
    """How a date is written, without its digits and its time of day: “2024-05-31 10:00” → “Y-0-0”."""
    day = re.split(r"[T ,]+\d?\d:", text)[0]
    return re.sub(r"\d+", "0", re.sub(r"\d{4,}", "Y", re.sub(r"[^\W\d]+", "A", day)))


def _example(days: Mapping[str, float], shape: str) -> str:
    text = next(text for text in days if _shape(text) == shape)
    return f"“{text}” ({datetime_text(days[text])})"
