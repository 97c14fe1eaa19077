"""Checks of performance as pages read them, and two versions on the same leads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from monitoring.contracts import RULES, AlertLevel
from monitoring.models import Exposure, PerformanceCheck
from monitoring.selectors.columns import DAY, Bools, Floats
from monitoring.selectors.known import known_outcomes
from monitoring.selectors.scored import (
    ScoredLeads,
    scored_leads,
    windows_in_force,
)
from scoring.ml.maturity import ripe
from scoring.models import Lead, MaturityWindow, ModelVersion

MOST_COMPARED = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class SameLeads:
    """Ripe leads that two versions both scored before the outcome was known: outcome, and both chances; shape n.

    shared: leads both have scored at all. foreseen: of them left out, because the outcome was known before a score.
    young, undated: left out for these reasons.
    """

    y: Bools
    a: Floats
    b: Floats
    shared: int
    foreseen: int
    young: int
    undated: int
    since: datetime


def newest_check() -> PerformanceCheck | None:
    """The newest check of a version that served."""
    heavy = ("version__report", "version__reference_profile", "version__importance")
    rows = PerformanceCheck.objects.filter(serves=True).select_related("version").defer(*heavy)
    return rows.order_by("-slot", "-pk").first()


def stands_out(row: PerformanceCheck) -> list[dict[str, Any]]:
    """What is beyond chance and beyond the limits that rules have to begin with, the surest first: title, sure,
    next_step, and what was seen in each window, in sentences."""
    limits = {rule.kind.value: rule.warning for rule in RULES}
    found: dict[str, dict[str, Any]] = {}
    for one in row.results.get("said", []):
        limit = limits[one["kind"]]
        if not one["sure"] or one["value"] is None or limit is None or one["value"] < limit:
            continue
        said = found.setdefault(one["title"], {**one, "seen": []})
        said["seen"].append(f"{one['what']} {one['how_sure']}")
        if one["sure"] == AlertLevel.CRITICAL.value:
            said["sure"] = one["sure"]
    return sorted(found.values(), key=lambda one: one["sure"] != AlertLevel.CRITICAL.value)


def same_leads(a: ModelVersion, b: ModelVersion, *, span: timedelta, as_of: datetime) -> SameLeads:
    """What two versions said of the same leads when they first scored them, whatever their roles."""
    since, now = _since(as_of - span, as_of), as_of.timestamp() / DAY
    one, other = _any_role(a, since=since, as_of=as_of), _any_role(b, since=since, as_of=as_of)
    _, at_one, at_other = np.intersect1d(one.key, other.key, assume_unique=True, return_indices=True)
    one, other = one.part(_mask(len(one), at_one)), other.part(_mask(len(other), at_other))
    outcomes = known_outcomes(since=since, as_of=as_of)
    places, there = outcomes.places(one.key)
    places = np.where(there, places, 0)
    empty = not len(outcomes.key)
    told = np.full(len(one), np.nan) if empty else outcomes.told[places]
    converted = there if empty else there & outcomes.converted[places]
    undated = np.isnan(one.created)
    foreseen = there & ~undated & (told <= np.maximum(one.scored, other.scored))
    windows = windows_in_force(one.sources)
    days = np.array([windows[name].days for name in one.sources] or [0.0])
    old = ripe(np.where(undated, np.inf, one.created), days[one.source] if len(one) else np.zeros(0), now)
    kept = old & ~undated & ~foreseen
    return SameLeads(
        y=converted[kept],
        a=one.probability[kept],
        b=other.probability[kept],
        shared=len(one),
        foreseen=int(foreseen.sum()),
        young=int((~old & ~undated & ~foreseen).sum()),
        undated=int(undated.sum()),
        since=since,
    )


def _since(since: datetime, as_of: datetime) -> datetime:
    """A page cannot read millions of leads: from where on the newest that can be ripe are few enough."""
    days = [row.days for row in MaturityWindow.objects.all() if row.days is not None]
    ripened = as_of - timedelta(days=min(days, default=0.0))
    rows = Lead.objects.filter(created__gt=since, created__lte=ripened).order_by("-created")
    oldest = rows.values_list("created", flat=True)[MOST_COMPARED : MOST_COMPARED + 1]
    return next((at for at in oldest if at is not None), since)


def _any_role(version: ModelVersion, *, since: datetime, as_of: datetime) -> ScoredLeads:
    """First scores, serving or shadow; of a lead that has both, the serving one: it is what people saw."""
    serving = scored_leads(version, Exposure.SERVING, since=since, as_of=as_of)
    shadow = scored_leads(version, Exposure.SHADOW, since=since, as_of=as_of)
    extra = shadow.part(~np.isin(shadow.key, serving.key))
    return serving.joined(extra)


def _mask(n: int, places: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Bools:
    mask = np.zeros(n, dtype=np.bool_)
    mask[places] = True
    return mask
