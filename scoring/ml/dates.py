"""Reading of dates: ISO 8601 always, day/month or month/day as the column says, month names, time zones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

FORMATS = ("iso", "dmy", "mdy")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)

_TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d{1,9})?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_NUMERIC = re.compile(
    r"(?P<first>\d{1,2})(?P<mark>[./ -])(?P<second_part>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})" + _TIME
)
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<mark>[./ -])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})" + _TIME
)
_NAMED_DAY_FIRST = re.compile(
    r"(?:[^\W\d]{2,10}\.?,? )?(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?[ -]?"
    r"(?:de )?(?P<name>[^\W\d_]{3,10})\.?,?[ -]?(?:de )?(?P<year>\d{4}|\d{2})" + _TIME
)
_NAMED_MONTH_FIRST = re.compile(
    r"(?:[^\W\d]{2,10}\.?,? )?(?P<name>[^\W\d_]{3,10})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})"
    + _TIME
)

# English, German, French, Spanish, Portuguese and Italian, by their first letters.
_MONTHS: tuple[tuple[str, ...], ...] = (
    ("jan", "jän", "ene", "gen"),
    ("feb", "fév", "fev"),
    ("mar", "mär", "mrz"),
    ("apr", "avr", "abr"),
    ("may", "mai", "mag"),
    ("jun", "juin", "giu"),
    ("jul", "juil", "lug"),
    ("aug", "aoû", "aou", "ago"),
    ("sep", "set"),
    ("oct", "okt", "out", "ott"),
    ("nov",),
    ("dec", "dez", "déc", "dic"),
)
_MONTH_BY_PREFIX = {prefix: number for number, names in enumerate(_MONTHS, start=1) for prefix in names}


def month_number(name: str) -> int | None:
    """The month (1–12) that a written name begins like, or None."""
    folded = name.casefold()
    return _MONTH_BY_PREFIX.get(folded[:4]) or _MONTH_BY_PREFIX.get(folded[:3])


def days_from_datetime(moment: datetime | date) -> float:
    """Days since 1970-01-01 00:00 UTC; a moment without a zone counts as UTC."""
    if not isinstance(moment, datetime):
        return float((moment - _EPOCH.date()).days)
    offset = moment.utcoffset() or timedelta(0)
    # Subtracted as a duration: converting year 1 or 9999 to UTC would overflow the calendar.
    return (moment.replace(tzinfo=UTC) - _EPOCH - offset) / _DAY


def datetime_text(days: float) -> str:
    """The date, with the time of day where there is one, in ISO 8601 (UTC)."""
    moment = _EPOCH + timedelta(days=days)
    if moment.time() == _EPOCH.time():
        return moment.date().isoformat()
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="minutes")


def parse_date(text: str, date_format: str) -> float | None:
    """Days since 1970-01-01 (UTC) of a stripped text, or None when it is not a date in this format.

    `date_format`: "" or "iso" (year first), "dmy", "mdy", or a strptime format. Dates that start with the
    year and dates with a written month mean one thing only and are read in every format.
    """
    if len(text) > 64 or len(text) < 6:
        return None
    try:
        return _read(text, date_format)
    except (ValueError, OverflowError):
        return None


def _read(text: str, date_format: str) -> float | None:
    if "%" in date_format:
        return _strptime(text, date_format)
    if text[:4].isdigit():
        return _year_first(text)
    numeric = _NUMERIC.fullmatch(text)
    if numeric is not None:
        return _numeric(numeric, date_format)
    named = _NAMED_DAY_FIRST.fullmatch(text) or _NAMED_MONTH_FIRST.fullmatch(text)
    month = None if named is None else month_number(named["name"])
    return None if named is None or month is None else _assemble(named, month, int(named["day"]))


def _strptime(text: str, date_format: str) -> float | None:
    try:
        return days_from_datetime(datetime.strptime(text, date_format))  # noqa: DTZ007 - the format tells of zones
    except ValueError:
        return _year_first(text) if text[:4].isdigit() else None


def _year_first(text: str) -> float | None:
    if len(text) >= 10 and text[4] == "-":
        try:
            return days_from_datetime(datetime.fromisoformat(text))
        except ValueError:
            pass
    elif len(text) == 8 and text.isdigit():
        return days_from_datetime(date(int(text[:4]), int(text[4:6]), int(text[6:])))
    match = _YEAR_FIRST.fullmatch(text)
    return None if match is None else _assemble(match, int(match["month"]), int(match["day"]))


def _numeric(match: re.Match[str], date_format: str) -> float | None:
    first, second = int(match["first"]), int(match["second_part"])
    if date_format == "dmy":
        return _assemble(match, second, first)
    if date_format == "mdy":
        return _assemble(match, first, second)
    return None


def _assemble(match: re.Match[str], month: int, day: int) -> float:
    year = int(match["year"])
    if len(match["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    hour = int(match["hour"] or 0)
    half = match["half"]
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("a 12-hour clock runs from 1 to 12")
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    moment = datetime(
        year, month, day, hour, int(match["minute"] or 0), int(match["second"] or 0), tzinfo=UTC
    )
    zone = match["zone"]
    offset = timedelta(0)
    if zone and zone[0] in "+-":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    return days_from_datetime(moment) - offset / _DAY
