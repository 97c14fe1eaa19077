"""How alerts are written for people."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.safestring import SafeString

from leadscoring.common.admin.words import NOTHING, badge, moment
from monitoring.contracts import RuleKind
from monitoring.models import Alert
from monitoring.models.alerts import DEFAULTS

SHARES = frozenset({"share of leads", "share of calls", "relative"})


def state_shown(alert: Alert, as_of: datetime) -> SafeString:
    """Where an alert stands."""
    if alert.is_open:
        if alert.snoozed_until is not None and alert.snoozed_until > as_of:
            return badge("snoozed", "quiet")
        return badge("open, seen", "info") if alert.acknowledged_at else badge("open", "bad")
    return badge(
        "closed by hand" if alert.closed_by_id or alert.close_reason else "cleared by itself", "good"
    )


def ended(alert: Alert) -> str:
    """How and when it ended."""
    if alert.closed_at is None:
        return NOTHING
    if not alert.close_reason:
        return f"{moment(alert.closed_at)}, by itself"
    return f"{moment(alert.closed_at)}, by {alert.closed_by or 'a person'}"


def value_words(kind: str, value: float | None) -> str:
    """A reading with its unit.

    >>> value_words("feature_drift", 0.3111), value_words("volume", 0.5), value_words("latency", 1234.0)
    ('0.311 PSI', '50.0 % (share of leads)', '1,234 ms')
    """
    if value is None:
        return NOTHING
    unit = DEFAULTS[RuleKind(kind)].unit
    if unit in SHARES:
        return f"{value * 100:.1f} % ({unit})"
    number = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{number} {unit}"


def p_words(p: float | None) -> str:
    """A p-value.

    >>> p_words(0.0321), p_words(1e-9), p_words(None)
    ('0.032', 'below 0.001', '–')
    """
    if p is None:
        return NOTHING
    return "below 0.001" if p < 0.001 else f"{p:.2g}"


def ago(at: datetime, as_of: datetime) -> str:
    """A length of time, to the unit that matters.

    >>> from datetime import UTC
    >>> start = datetime(2026, 1, 1, tzinfo=UTC)
    >>> ago(start, start + timedelta(hours=49)), ago(start, start + timedelta(minutes=61))
    ('2 days', '1 hour')
    """
    minutes = max(int((as_of - at) / timedelta(minutes=1)), 0)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            n = minutes // size
            return f"{n:,} {name}{'s'[: n != 1]}"
    return "less than a minute"
