"""Reading what checks of drift need, and what they found."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from monitoring.contracts import RULES, RuleKind
from monitoring.models import AlertRule, CheckKind, DriftCheck, FeatureLimit, Span, StoredProfile
from monitoring.selectors.profiles import HOUR, floor_hour
from monitoring.stats.levels import Limits
from scoring.selectors.versions import open_release

#: A PSI that nothing reaches.
NEVER = 1e6


def served_roles(since: datetime, until: datetime) -> list[tuple[int, str]]:
    """Versions and their roles that scored leads in a window, and the open release's champion even without any."""
    found = set(
        StoredProfile.objects.filter(
            Q(span=Span.HOUR) | Q(span=Span.DAY), feature="", start__gte=since, start__lt=until
        )
        .values_list("version_id", "role")
        .distinct()
        .order_by()
    )
    release = open_release()
    if release is not None:
        found.add((release.champion_id, "champion"))
    return sorted(found)


def own_limits(feature_set_id: int) -> dict[str, Limits]:
    """Own limits of the features of a set."""
    rows = FeatureLimit.objects.filter(feature_set_id=feature_set_id)
    return {row.feature: Limits(row.warning, row.critical) for row in rows}


def rule_limits(kind: RuleKind) -> Limits:
    """The limits of a rule, as people set them; what is left empty or switched off is never reached."""
    default = next(one for one in RULES if one.kind is kind)
    rule = AlertRule.objects.filter(kind=kind.value).first()
    warning, critical = (default.warning, default.critical) if rule is None else (rule.warning, rule.critical)
    if rule is not None and not rule.enabled:
        warning = critical = None
    critical = NEVER if critical is None else critical
    return Limits(min(warning or NEVER, critical), critical)


def psi_history(
    version_id: int, feature: str, until: datetime, weeks: int = 26
) -> list[tuple[datetime, float | None, int]]:
    """The PSI of a feature among all leads at past checks, oldest first: time, PSI, leads."""
    checks = DriftCheck.objects.filter(
        kind=CheckKind.DRIFT,
        version_id=version_id,
        until__gt=until - timedelta(weeks=weeks),
        until__lte=until,
    ).order_by("until")
    history = []
    for at, found in checks.values_list("until", "found"):
        mine = next((row for row in found if row["feature"] == feature and row["segment"] is None), None)
        if mine is not None:
            history.append((at, mine["psi"], mine["n"]))
    return history


def broken_fields(version_id: int) -> set[str]:
    """Features whose values the newest look at data quality found to be bad."""
    newest = (
        DriftCheck.objects.filter(kind=CheckKind.QUALITY, version_id=version_id).order_by("-until").first()
    )
    if newest is None:
        return set()
    bad = (row for row in newest.found if row["what"] != "volume" and row["level"] in ("warning", "critical"))
    return {row["feature"] for row in bad}


def broken_hours(version_id: int, since: datetime, until: datetime) -> dict[datetime, set[str]]:
    """Hours in which looks at data quality found features broken for all leads: of each look at most its last hour."""
    looks = DriftCheck.objects.filter(
        kind=CheckKind.QUALITY, version_id=version_id, until__gt=since, until__lte=until
    ).exclude(level__in=["quiet", "unknown"])
    hours: dict[datetime, set[str]] = {}
    for at, found in looks.values_list("until", "found"):
        for row in found:
            if row["what"] == "volume" or row["segment"] or row["level"] not in ("warning", "critical"):
                continue
            begun = at - timedelta(minutes=min(row["minutes"], 60))
            hour = floor_hour(begun)
            while hour < at:
                hours.setdefault(hour, set()).add(row["feature"])
                hour += HOUR
    return hours
