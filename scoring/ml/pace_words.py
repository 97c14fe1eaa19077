"""Times until enough, in words: with their bounds, and without a date where none can be named."""

from __future__ import annotations

from datetime import datetime, timedelta

from scoring.ml.pace import Pace, When

FEW_DAYS = 14.0
MANY_DAYS = 7.0 * 104


def when_words(when: When, *, as_of: datetime) -> str:
    """How long it will take, counted from `as_of`.

    >>> now = datetime(2026, 6, 1)
    >>> when_words(When(42.0, 28.0, 63.0), as_of=now)
    'about 6 weeks, between 4 and 9 (29 Jun to 3 Aug 2026)'
    >>> when_words(When(0.0, 0.0, 0.0), as_of=now)
    'enough now'
    >>> when_words(When(None, None, None, "no lead was created in the last 60 days"), as_of=now)
    'not at this pace: no lead was created in the last 60 days'
    """
    if when.reached:
        return "enough now"
    if when.why:
        return f"not at this pace: {when.why}"
    if when.low is None:
        return "not within three years at this pace"
    unit, size = _unit(when.middle if when.middle is not None else when.low)
    first = (as_of + timedelta(days=when.low)).strftime("%-d %b %Y")
    if when.middle is None:
        return f"not before {_number(when.low, size)} {unit} ({first}), more likely later than three years"
    middle = f"about {_number(when.middle, size)} {_one(unit, when.middle, size)}"
    if when.high is None:
        return (
            f"{middle}, at the earliest {_number(when.low, size)} ({first}); how late at most cannot be told"
        )
    return (
        f"{middle}, between {_number(when.low, size)} and {_number(when.high, size)} ({_dates(when, as_of)})"
    )


def pace_words(pace: Pace | None) -> str:
    """The pace of arrivals with its interval and trend."""
    if pace is None:
        return "No lead was created in the last 60 days."
    trend = "steady"
    if abs(pace.growth) >= 0.005:
        trend = (
            f"{'growing' if pace.growth > 0 else 'shrinking'} by about {abs(pace.growth) * 100:.1f} % a week"
        )
    weeks = "1 week" if pace.weeks == 1 else f"{pace.weeks} weeks"
    return (
        f"About {_count(pace.per_week)} new leads a week ({_count(pace.low)} to {_count(pace.high)}), {trend}, "
        f"read from the last {weeks}."
    )


def _unit(days: float) -> tuple[str, float]:
    if days < FEW_DAYS:
        return "days", 1.0
    return ("weeks", 7.0) if days < MANY_DAYS else ("months", 365.25 / 12)


def _one(unit: str, days: float, size: float) -> str:
    return unit[:-1] if round(days / size) == 1 else unit


def _number(days: float, size: float) -> str:
    return f"{max(round(days / size), 1 if days > 0 else 0):,}"


def _dates(when: When, as_of: datetime) -> str:
    low, high = (as_of + timedelta(days=bound or 0.0) for bound in (when.low, when.high))
    first = f"{low:%-d %b}" if low.year == high.year else f"{low:%-d %b %Y}"
    return f"{first} to {high:%-d %b %Y}"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
