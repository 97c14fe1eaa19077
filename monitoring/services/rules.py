"""Rules as rows: made once, changed by people, tried on the past before they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import User

from monitoring.contracts import RULES, AlertLevel, MonitoringRefused, Reading, RuleKind
from monitoring.models import AlertRule, StoredReading
from monitoring.services.judging import NO_STORY, Limits, Standing, advance, judge, level_of_all, speaker

MOST_READ = 500_000
COLUMNS = ("subject", "at", "value", "n", "p", "sure", "cause", "limits")


@dataclass(frozen=True, slots=True)
class Fired:
    """One time that a rule would have told somebody: when, at which level, and what it was about."""

    at: datetime
    level: AlertLevel
    subject: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule would have done. looks: checks read. cut: there were more readings than are read at once."""

    since: datetime
    until: datetime
    looks: int
    readings: int
    cut: bool
    fired: tuple[Fired, ...] = field(default=())

    def count(self, level: AlertLevel | None = None) -> int:
        """How often it would have fired, at one level or at all."""
        return sum(level is None or one.level is level for one in self.fired)

    def subjects(self) -> list[tuple[str, int]]:
        """What it would have fired about, most often first."""
        return Counter(one.subject for one in self.fired).most_common()


def ensure_rules(kinds: Iterable[RuleKind] | None = None) -> None:
    """Make the rules that are missing. A row that exists is never written."""
    wanted = set(RuleKind) if kinds is None else set(kinds)
    known = set(
        AlertRule.objects.filter(kind__in=[kind.value for kind in wanted]).values_list("kind", flat=True)
    )
    missing = [
        AlertRule(kind=default.kind.value, warning=default.warning, critical=default.critical)
        for default in RULES
        if default.kind in wanted and default.kind.value not in known
    ]
    if missing:
        AlertRule.objects.bulk_create(missing, ignore_conflicts=True)


def after_migrate(sender: AppConfig, using: str, **_: Any) -> None:
    """Receiver of `post_migrate`: a release that brings a new kind brings its rule."""
    if using == "default":
        ensure_rules()


def change_rule(
    *,
    rule_id: int,
    enabled: bool,
    warning: float | None,
    critical: float | None,
    quiet_checks: int,
    note: str,
    by: User | None,
    as_of: datetime,
) -> None:
    """Set a rule. The next check judges by it.

    Raises:
        MonitoringRefused: the critical limit lies below the warning.
    """
    if warning is not None and critical is not None and critical < warning:
        raise MonitoringRefused(
            f"Critical from {critical:g} lies below warning from {warning:g}; expected it at or above."
        )
    AlertRule.objects.filter(pk=rule_id).update(
        enabled=enabled,
        warning=warning,
        critical=critical,
        quiet_checks=quiet_checks,
        note=note,
        changed_by=by,
        changed_at=as_of,
    )


def try_rule(
    kind: RuleKind,
    warning: float | None,
    critical: float | None,
    *,
    as_of: datetime,
    days: int = 90,
    quiet_checks: int = 1,
) -> Trial:
    """What a rule with these limits would have told people over the past `days`, from the readings that checks kept.

    Each onset and each rise of the level counts once, as each tells people once. A subject with own limits is judged
    by those, as in life. Alerts of several kinds with one cause are counted by this kind's part alone.
    """
    since = as_of - timedelta(days=days)
    rows = StoredReading.objects.filter(kind=kind.value, at__gt=since, at__lte=as_of)
    newest = rows.order_by("-at", "subject").values_list("at", flat=True)[MOST_READ : MOST_READ + 1]
    cut_at = next(iter(newest), None)
    if cut_at is not None:
        rows = rows.filter(at__gt=cut_at)
    limits = Limits(True, warning, critical, quiet_checks)
    standing: Standing = {}
    fired: list[Fired] = []
    looks = readings = 0
    ordered = rows.order_by("at").values_list(*COLUMNS).iterator(chunk_size=5000)
    for at, group in groupby(ordered, key=lambda row: row[1]):
        seen = [judge(_reading(kind, row), limits) for row in group]
        looks += 1
        readings += len(seen)
        before = {name: level_of_all(parts.values()).rank for name, parts in standing.items()}
        advance(standing, (kind,), seen, {kind.value: quiet_checks})
        fired += _risen(standing, before, at)
        standing = {name: parts for name, parts in standing.items() if parts}
    return Trial(since, as_of, looks, readings, cut_at is not None, tuple(fired))


def _risen(standing: Standing, before: dict[str, int], at: datetime) -> Iterator[Fired]:
    for name, parts in standing.items():
        if not parts:
            continue
        level = level_of_all(parts.values())
        if level.rank > before.get(name, -1):
            first = speaker(parts.values())
            yield Fired(at, level, first.cause or first.subject, first.value)


def _reading(kind: RuleKind, row: tuple[Any, ...]) -> Reading:
    subject, _, value, n, p, sure, cause, limits = row
    return Reading(
        kind=kind,
        subject=subject,
        value=value,
        n=n,
        sure=AlertLevel(sure) if sure else None,
        story=NO_STORY,
        p=p,
        limits=(limits[0], limits[1]) if limits else None,
        cause=cause,
    )
