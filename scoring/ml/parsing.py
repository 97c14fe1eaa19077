"""From what a person, a file or a CRM wrote to a value: one compiled reader per feature.

The reader of a feature is built once and then called per request, so everything that can be decided
from the feature alone is decided outside the inner function.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable

from scoring.ml.dates import datetime_text, days_from_datetime, parse_date
from scoring.ml.values import FeatureSpec, Kind, Value, ValueWarning
from scoring.ml.words import FALSE_WORDS, TRUE_WORDS

Parsed = tuple[Value, ValueWarning | None]
Reader = Callable[[object], Parsed]

LARGEST_NUMBER = 1e30
"""Beyond it sums of squares overflow; no property of a lead is that large."""

_CURRENCY = re.compile(
    r"^(?:usd|eur|gbp|chf|aed|inr|rs\.?|sek|nok|dkk|pln|us\$|[$€£¥₹₽₺₩₪﷼])\s*|\s*(?:usd|eur|gbp|chf|aed|inr|sek|nok|dkk|pln|[$€£¥₹₽₺₩₪﷼])$",
    re.IGNORECASE,
)
_SPACES = {ord(mark): None for mark in " \u00a0\u202f\u2009'’"}
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-"})
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_GROUPED_COMMA = re.compile(r"[+-]?\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?", re.ASCII)
_GROUPED_POINT = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?", re.ASCII)
_PLAIN_COMMA = re.compile(r"[+-]?(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)


def unstorable(text: str) -> str | None:
    """The name of the first character that no database column can hold, or None."""
    if text.isprintable():
        return None
    if "\0" in text:
        return "NUL (U+0000)"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"a lone surrogate (U+{ord(text[error.start]):04X})"
    return None


def shown(raw: object, limit: int = 80) -> str:
    """What was given, shortened and safe to store and to show."""
    if isinstance(raw, bool):
        text = "true" if raw else "false"
    elif isinstance(raw, int) and raw.bit_length() > 256:
        text = f"a whole number of about {int(raw.bit_length() * math.log10(2)) + 1} digits"
    else:
        text = raw if isinstance(raw, str) else str(raw)
    if len(text) > limit:
        text = text[:limit] + "…"
    if not text.isprintable():
        text = "".join(mark if mark.isprintable() else "\ufffd" for mark in text)
    return text


INVISIBLE = (
    "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
"""Marks without a width that copying from web pages and mails leaves in cells."""
_ENDS = INVISIBLE + "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_NO_INVISIBLE = {ord(mark): None for mark in INVISIBLE}


def visible(text: str) -> str:
    """Stripped, without marks that nobody sees: for names and ids, where they would make two of one.

    >>> visible(" \u200bL-7\ufeff ")
    'L-7'
    """
    text = text.strip()
    if text.isprintable() and text.isascii():
        return text
    return text.translate(_NO_INVISIBLE).strip()


def clean_text(raw: str) -> str:
    """Stripped, and in the composed Unicode form, so that two spellings of one letter are one level."""
    text = raw.strip()
    if not text.isascii():
        text = text.strip(_ENDS)
    if not text.isascii() and unstorable(text) is None:
        text = unicodedata.normalize("NFC", text)
    return text


def parse_number(text: str, decimal: str = ".", thousands: str = "") -> float | None:
    """A finite number of a stripped text, or None.

    Currency signs, a percent sign, blanks and apostrophes between digits and accounting brackets are
    taken off; a comma with a decimal point (or a point with a decimal comma) only counts between groups
    of three digits (Indian groups of two included).
    """
    if decimal == "." and _PLAIN.fullmatch(text):
        return _bounded(text)
    if len(text) > 64:
        return None
    body = text.translate(_MINUS)
    negative = body.startswith("(") and body.endswith(")")
    if negative:
        body = body[1:-1]
    sign = body[:1] if body[:1] in "+-" else ""
    body = _CURRENCY.sub("", body[len(sign) :].strip()).strip()
    body = sign + body.removesuffix("%").rstrip().translate(_SPACES)
    if thousands and thousands not in ",.":
        body = body.replace(thousands, "")
    if decimal == ",":
        if _GROUPED_POINT.fullmatch(body):
            body = body.replace(".", "")
        elif not _PLAIN_COMMA.fullmatch(body):
            return None
        body = body.replace(",", ".")
    elif _GROUPED_COMMA.fullmatch(body):
        body = body.replace(",", "")
    if not _PLAIN.fullmatch(body):
        return None
    value = _bounded(body)
    return -value if negative and value is not None else value


def _bounded(text: str) -> float | None:
    value = float(text)
    return value if -LARGEST_NUMBER <= value <= LARGEST_NUMBER else None


def number_text(value: float) -> str:
    """A number without a trailing `.0`."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def compile_reader(spec: FeatureSpec) -> Reader:
    """The function that reads one raw value of this feature; it never raises on any JSON value."""
    tokens = frozenset(token.strip().casefold() for token in spec.missing_tokens) | {""}
    blank = ValueWarning(spec.name, "missing", "", f"{spec.label}: not given")

    def missing(raw: str) -> Parsed:
        if not raw or raw.isspace():
            return None, blank
        text = shown(raw)
        return None, ValueWarning(spec.name, "missing", text, f"{spec.label}: “{text}” counts as missing")

    def unreadable(raw: object, expected: str) -> Parsed:
        text = shown(raw)
        return None, ValueWarning(
            spec.name,
            "unreadable",
            text,
            f"{spec.label}: “{text}” cannot be read; expected {expected}",
        )

    reader = _READERS[spec.kind](spec, tokens, missing, unreadable)

    def read(raw: object) -> Parsed:
        if raw is None:
            return None, blank
        if isinstance(raw, str | int | float):
            return reader(raw)
        if isinstance(raw, dt.date):
            # pandas' NaT is a datetime by type and none by value.
            return (None, blank) if str(raw) == "NaT" else reader(raw)
        if isinstance(raw, list | tuple | dict | set):
            return unreadable(raw if len(raw) < 20 else type(raw).__name__, "a single value")
        item = getattr(raw, "item", None)
        if callable(item):
            return read(item())
        return (None, blank) if str(raw) == "<NA>" else reader(str(raw))

    return read


Missing = Callable[[str], Parsed]
Unreadable = Callable[[object, str], Parsed]


def _in_range(spec: FeatureSpec, show: Callable[[float], str]) -> Callable[[float], Parsed]:
    low = -math.inf if spec.minimum is None else spec.minimum
    high = math.inf if spec.maximum is None else spec.maximum
    unit = f" {spec.unit}" if spec.unit else ""
    lower = "" if spec.minimum is None else f"at least {show(spec.minimum)}{unit}"
    upper = "" if spec.maximum is None else f"at most {show(spec.maximum)}{unit}"
    expected = " and ".join(part for part in (lower, upper) if part)

    def check(value: float) -> Parsed:
        if low <= value <= high:
            return value, None
        text = show(value)
        return value, ValueWarning(
            spec.name,
            "out_of_range",
            text,
            f"{spec.label}: {text}{unit} is outside its range; expected {expected}",
        )

    return check


def _number(spec: FeatureSpec, tokens: frozenset[str], missing: Missing, unreadable: Unreadable) -> Reader:
    check = _in_range(spec, number_text)
    missing_numbers = frozenset(v for token in tokens if token and (v := parse_number(token)) is not None)
    decimal, thousands = spec.decimal or ".", spec.thousands
    expected = "a number such as 1234" + decimal + "5"

    def read(raw: object) -> Parsed:
        if isinstance(raw, str):
            text = raw.strip()
            if text.casefold() in tokens:
                return missing(raw)
            value = parse_number(text, decimal, thousands)
            if value is None:
                return unreadable(raw, expected)
        elif isinstance(raw, bool) or not isinstance(raw, int | float):
            return unreadable(raw, expected)
        elif not -LARGEST_NUMBER <= raw <= LARGEST_NUMBER:
            return unreadable(raw, "a finite number of usual size")
        else:
            value = float(raw)
        if value in missing_numbers:
            return missing(shown(raw))
        return check(value)

    return read


def _yes_no(spec: FeatureSpec, tokens: frozenset[str], missing: Missing, unreadable: Unreadable) -> Reader:
    true = frozenset(word.strip().casefold() for word in spec.true_values) or TRUE_WORDS
    false = frozenset(word.strip().casefold() for word in spec.false_values) or FALSE_WORDS
    expected = f"“{(spec.true_values or ('yes',))[0]}” or “{(spec.false_values or ('no',))[0]}”"

    # What JSON and databases write is understood beside the words of the column.
    known = {**dict.fromkeys(("0", "false"), 0.0), **dict.fromkeys(("1", "true"), 1.0)}
    for word in tokens:
        known.pop(word, None)
    known |= {**dict.fromkeys(false, 0.0), **dict.fromkeys(true, 1.0)}

    def read(raw: object) -> Parsed:
        if isinstance(raw, bool):
            return (1.0 if raw else 0.0), None
        if isinstance(raw, int | float):
            text = number_text(float(raw)) if -LARGEST_NUMBER <= raw <= LARGEST_NUMBER else shown(raw)
        else:
            text = raw.strip().casefold() if isinstance(raw, str) else ""
        value = known.get(text)
        if value is not None:
            return value, None
        if text in tokens and isinstance(raw, str | int | float):
            return missing(shown(raw))
        return unreadable(raw, expected)

    return read


_DATE_EXAMPLES = {
    "": "2026-05-31",
    "iso": "2026-05-31",
    "dmy": "31/05/2026",
    "mdy": "05/31/2026",
}


def _date(spec: FeatureSpec, tokens: frozenset[str], missing: Missing, unreadable: Unreadable) -> Reader:
    check = _in_range(spec, datetime_text)
    date_format = spec.date_format
    example = _DATE_EXAMPLES.get(date_format) or dt.datetime(2026, 5, 31, 14, 30, tzinfo=dt.UTC).strftime(
        date_format
    )
    expected = f"a date such as {example}"

    def read(raw: object) -> Parsed:
        if isinstance(raw, str):
            text = raw.strip()
            if text.casefold() in tokens:
                return missing(raw)
            value = parse_date(text, date_format)
            if value is None:
                return unreadable(raw, expected)
            return check(value)
        if isinstance(raw, dt.date):
            return check(days_from_datetime(raw))
        if isinstance(raw, int | float) and shown(raw) in tokens:
            return missing(shown(raw))
        return unreadable(raw, expected)

    return read


def _text(spec: FeatureSpec, tokens: frozenset[str], missing: Missing, unreadable: Unreadable) -> Reader:
    def read(raw: object) -> Parsed:
        if isinstance(raw, str):
            text = clean_text(raw)
        elif isinstance(raw, bool):
            text = "true" if raw else "false"
        elif isinstance(raw, float):
            if not math.isfinite(raw):
                return unreadable(raw, "a text")
            text = number_text(raw) if raw.is_integer() else repr(raw)
        elif isinstance(raw, int):
            text = str(raw) if -LARGEST_NUMBER <= raw <= LARGEST_NUMBER else shown(raw)
        elif isinstance(raw, dt.date):
            text = raw.isoformat()
        else:
            return unreadable(raw, "a text")
        if text.casefold() in tokens:
            return missing(text)
        wrong = unstorable(text)
        if wrong is not None:
            return unreadable(text, f"a text without {wrong}")
        return text, None

    return read


_READERS: dict[Kind, Callable[[FeatureSpec, frozenset[str], Missing, Unreadable], Reader]] = {
    Kind.NUMBER: _number,
    Kind.YES_NO: _yes_no,
    Kind.DATE: _date,
    Kind.CATEGORY: _text,
    Kind.TEXT: _text,
    Kind.IDENTIFIER: _text,
}
