"""How numbers, times and states are written for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

NOTHING = "–"
GRADE_WORDS = {"A": "call first", "B": "call soon", "C": "call later", "D": "call last"}
STATE_TONES = {
    "queued": "quiet",
    "running": "info",
    "done": "good",
    "failed": "bad",
    "cancelled": "warn",
    "draft": "warn",
    "active": "good",
    "retired": "quiet",
    "ready": "good",
    "unusable": "bad",
    "converted": "good",
    "lost": "quiet",
    "info": "info",
    "warning": "warn",
    "critical": "bad",
}


def badge(text: str, tone: str) -> SafeString:
    """A short word in a coloured frame."""
    return format_html('<span class="ls-badge ls-{}">{}</span>', tone, text)


def grade_badge(grade: str) -> SafeString:
    """A grade in its colour, or a dash."""
    if not grade:
        return format_html("{}", NOTHING)
    return format_html(
        '<span class="ls-badge ls-grade-{0}" title="Grade {0}: {1}">{0}</span>',
        grade,
        GRADE_WORDS.get(grade, ""),
    )


def state_badge(state: str) -> SafeString:
    """A state in its colour."""
    return badge(state, STATE_TONES.get(state, "quiet"))


def moment(at: datetime | None) -> str:
    """A time in UTC, to the minute, or a dash.

    >>> moment(None)
    '–'
    """
    if at is None:
        return NOTHING
    return f"{timezone.localtime(at):%d %b %Y, %H:%M} UTC"


def chance(share: float) -> str:
    """A probability as a percentage with a decimal, and two below one per cent.

    >>> chance(0.123), chance(0.0042)
    ('12.3 %', '0.42 %')
    """
    return f"{share * 100:.1f} %" if share >= 0.01 else f"{share * 100:.2f} %"


def duration(span: timedelta) -> str:
    """A length of time with the two largest units.

    >>> duration(timedelta(seconds=75)), duration(timedelta(days=2, hours=3))
    ('1 min 15 s', '2 days 3 h')
    """
    seconds = max(round(span.total_seconds()), 0)
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [
        (days, "day" if days == 1 else "days"),
        (hours, "h"),
        (minutes, "min"),
        (seconds, "s"),
    ]
    shown = [f"{n} {unit}" for n, unit in parts if n][:2]
    return " ".join(shown) or "0 s"


def count(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> count(1, "lead"), count(2000, "lead")
    ('1 lead', '2,000 leads')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def person(user: object) -> str:
    """Who did it; a row without a person was made by a command or the program."""
    return str(user) if user is not None else "command line or program"


def minus(text: str) -> str:
    """A number with a minus sign as wide as a plus, not a hyphen."""
    return text.replace("-", "−")


def _estimate_parts(estimate: object, digits: int) -> tuple[str, str] | None:
    if not isinstance(estimate, Mapping):
        return None
    numbers = [estimate.get(key) for key in ("value", "low", "high")]
    if not all(isinstance(number, int | float) for number in numbers):
        return None
    value, low, high = (minus(f"{number:.{digits}f}") for number in numbers)
    n = estimate.get("n")
    counted = f"{n:,}" if isinstance(n, int) else "unknown"
    return value, f"{low} to {high}, n = {counted}"


def estimate_words(estimate: object, *, digits: int = 3) -> str:
    """Value, interval and n, or a dash.

    >>> estimate_words({"value": 0.8, "low": 0.7, "high": 0.9, "n": 1200})
    '0.800 (0.700 to 0.900, n = 1,200)'
    """
    parts = _estimate_parts(estimate, digits)
    return NOTHING if parts is None else f"{parts[0]} ({parts[1]})"


def estimate_cell(estimate: object, *, digits: int = 3, error: object = None) -> str | SafeString:
    """The same for a table: the interval, n and perhaps the standard error under the value."""
    parts = _estimate_parts(estimate, digits)
    if parts is None:
        return NOTHING
    more = f", standard error {error:.{digits}f}" if isinstance(error, int | float) else ""
    return format_html('{}<span class="ls-sub">{}{}</span>', parts[0], parts[1], more)


def link(name: str, pk: object, text: str) -> SafeString:
    """A link to the admin page of a row; `name` is app_model."""
    return format_html(
        '<a class="ls-link" href="{}">{}</a>', reverse(f"admin:{name}_change", args=(pk,)), text
    )
