"""When there will be enough ripe leads, if they go on arriving as they do: a middle with an interval, or in words
why no date can be named.

Leads arrive by weeks with a rate that may grow or shrink and varies more than chance alone; each becomes ripe
when its window has passed; a share of them has converted by then. All of it is drawn many times from what the data
leave open, and the times at which enough is reached are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WEEKS_READ = 26
"""Weeks of arrivals that the pace is read from."""
SILENT_DAYS = 60
"""Without a lead in so many days there is no pace to go on from."""
HORIZON_WEEKS = 156
DRAWS = 1000
#: A change of pace of more than 4 % a week for half a year is rare: two standard deviations of the prior.
SLOPE_SPREAD = 0.02
#: What is left of a trend after a week; a trend read off half a year is not carried on for ever.
DAMPING = 0.97
#: How far the pace wanders in a week by itself, on the log scale.
WANDER = 0.02


@dataclass(frozen=True, slots=True)
class Flow:
    """Leads that share one maturity window (days).

    `weekly` counts leads created in each of the last weeks, oldest first, the last one ending now. The pending
    arrays describe leads that are not ripe: age in days, how many, how many of them have converted already.
    """

    window: float
    weekly: Floats
    pending_age: Floats
    pending_leads: Floats
    pending_converted: Floats


@dataclass(frozen=True, slots=True)
class Have:
    """Ripe leads and their conversions; and those among the leads that became ripe lately, whose rate counts on."""

    leads: int
    conversions: int
    recent_leads: int
    recent_conversions: int


@dataclass(frozen=True, slots=True)
class When:
    """Days from now until enough: the middle and the bounds that hold it in 95 of 100 cases; None: later than three
    years. `why` says why no time can be named; then all three are None."""

    middle: float | None
    low: float | None
    high: float | None
    why: str = ""

    @property
    def reached(self) -> bool:
        """Whether it is enough now."""
        return self.middle == 0.0

    def to_json(self) -> dict[str, object]:
        """A JSON object; days."""
        return {"days": self.middle, "low": self.low, "high": self.high, "why": self.why}


@dataclass(frozen=True, slots=True)
class Pace:
    """Leads a week now, with its 95 % interval; how much it changes in a week; and over how many weeks read."""

    per_week: float
    low: float
    high: float
    growth: float
    weeks: int
    dispersion: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """When leads and the rarer outcome suffice, each alone and both; the pace; and the counts ahead.

    `ahead` holds rows of (days from now, middle, low, high) of the rarer outcome among ripe leads, `leads_ahead` of
    ripe leads; empty where no time can be told.
    """

    leads: When
    rarer: When
    both: When
    pace: Pace | None
    ahead: tuple[tuple[float, float, float, float], ...]
    leads_ahead: tuple[tuple[float, float, float, float], ...]


def forecast(
    flows: Sequence[Flow],
    have: Have,
    delays: Floats,
    *,
    need_leads: int,
    need_rarer: int,
    silent: bool = False,
    seed: int = 0,
    draws: int = DRAWS,
) -> Forecast:
    """Draw the coming weeks and count when `need_leads` ripe leads and `need_rarer` of their rarer outcome are there.

    `delays` are days from creation to conversion of past conversions, any order. `silent`: no lead was created in
    the last 60 days. Deterministic in `seed`.
    """
    rng = np.random.default_rng(seed)
    rarer_now = min(have.conversions, have.leads - have.conversions)
    total = _sum([flow.weekly for flow in flows])
    pace = None if silent else fit_pace(total)
    arriving = _arrivals(pace, total, rng, draws)
    born = _split(arriving, flows, rng)
    ripe = np.zeros((draws, HORIZON_WEEKS))
    converted = np.zeros((draws, HORIZON_WEEKS))
    rate = rng.beta(
        have.recent_conversions + 0.5, have.recent_leads - have.recent_conversions + 0.5, size=draws
    )
    for flow, created in zip(flows, born, strict=True):
        leads, hits = _pending(flow, rate, delays, rng)
        ripe += leads
        converted += hits
        fresh = _shift(created, flow.window)
        ripe += fresh
        converted += rng.binomial(fresh.astype(np.int64), rate[:, None])
    leads_path = have.leads + np.cumsum(ripe, axis=1)
    hits_path = have.conversions + np.cumsum(converted, axis=1)
    rarer_path = np.minimum(hits_path, leads_path - hits_path)
    blind = _blind(have)
    no_pace = f"no lead was created in the last {SILENT_DAYS} days" if pace is None else ""
    leads_when = _when(leads_path, have.leads, need_leads, "", no_pace)
    rarer_when = _when(rarer_path, rarer_now, need_rarer, blind, no_pace)
    return Forecast(
        leads=leads_when,
        rarer=rarer_when,
        both=_both(
            leads_path, rarer_path, have.leads, rarer_now, need_leads, need_rarer, leads_when, rarer_when
        ),
        pace=pace,
        ahead=() if rarer_when.why else _ahead(rarer_path, rarer_now, rarer_when),
        leads_ahead=() if leads_when.why else _ahead(leads_path, have.leads, leads_when),
    )


def _blind(have: Have) -> str:
    """Why the coming conversions cannot be told; empty when they can."""
    if have.recent_leads == 0:
        return "no lead became ripe lately, so the share that converts is not known"
    if have.recent_conversions == 0:
        return f"none of the {have.recent_leads:,} leads that became ripe lately converted"
    if have.recent_conversions == have.recent_leads:
        return f"all {have.recent_leads:,} leads that became ripe lately converted"
    return ""


def fit_pace(weekly: Floats) -> Pace | None:
    """The rate of arrivals now and its trend, from weekly counts (oldest first); None for no lead at all.

    Log-linear counts with a prior on the trend, spread widened by Pearson's dispersion (quasi-Poisson; McCullagh &
    Nelder 1989, ch. 6). Weeks before the first lead are left out.
    """
    fitted = _fit(weekly)
    if fitted is None:
        return None
    mean, cov, dispersion, weeks = fitted
    spread = 1.96 * float(np.sqrt(cov[0, 0]))
    return Pace(
        per_week=float(np.exp(mean[0])),
        low=float(np.exp(mean[0] - spread)),
        high=float(np.exp(mean[0] + spread)),
        growth=float(np.expm1(mean[1])),
        weeks=weeks,
        dispersion=dispersion,
    )


def _fit(weekly: Floats) -> tuple[Floats, Floats, float, int] | None:
    counts = np.asarray(weekly, dtype=np.float64)
    seen = np.flatnonzero(counts)
    if len(seen) == 0:
        return None
    counts = counts[seen[0] :]
    # The middle of each week, in weeks from now.
    time = np.arange(len(counts), dtype=np.float64) - len(counts) + 0.5
    design = np.column_stack([np.ones(len(counts)), time])
    prior = np.diag([0.0, SLOPE_SPREAD**-2])
    # Half a lead keeps the estimate finite, as Jeffreys' prior does.
    beta = np.array([np.log((counts.sum() + 0.5) / len(counts)), 0.0])
    dispersion = 1.0
    for _ in range(2):
        for _ in range(30):
            mu = np.exp(np.clip(design @ beta, -20.0, 20.0))
            information = (design * mu[:, None]).T @ design / dispersion + prior
            step = np.linalg.solve(information, design.T @ (counts - mu) / dispersion - prior @ beta)
            beta = beta + np.clip(step, -2.0, 2.0)
            if float(np.abs(step).max()) < 1e-9:
                break
        mu = np.exp(np.clip(design @ beta, -20.0, 20.0))
        free = max(len(counts) - 2, 1)
        dispersion = max(1.0, float(((counts - mu) ** 2 / np.maximum(mu, 0.1)).sum()) / free)
    information = (design * mu[:, None]).T @ design / dispersion + prior
    return beta, np.linalg.inv(information), dispersion, len(counts)


def _arrivals(pace: Pace | None, weekly: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """Leads created in each coming week, (draws, weeks)."""
    fitted = _fit(weekly)
    if pace is None or fitted is None:
        return np.zeros((draws, HORIZON_WEEKS))
    mean, cov, dispersion, weeks = fitted
    free = max(weeks - 2, 2)
    # Student's t: the dispersion itself is only estimated.
    stretch = np.sqrt(free / rng.chisquare(free, size=draws))[:, None]
    lines = mean + rng.multivariate_normal(np.zeros(2), cov, size=draws) * np.minimum(stretch, 4.0)
    ahead = np.cumsum(DAMPING ** np.arange(HORIZON_WEEKS)) - 0.5
    wander = np.cumsum(rng.normal(0.0, WANDER, size=(draws, HORIZON_WEEKS)), axis=1)
    log_rate = lines[:, :1] + lines[:, 1:] * ahead + wander
    rate = np.exp(np.clip(log_rate, -12.0, 12.0))
    if dispersion > 1.0 + 1e-6:
        rate = rng.gamma(rate / (dispersion - 1.0), dispersion - 1.0)
    return rng.poisson(rate).astype(np.float64)


def _split(arriving: Floats, flows: Sequence[Flow], rng: np.random.Generator) -> list[Floats]:
    """Coming leads by flow, in the shares of the last quarter."""
    recent = np.array([float(flow.weekly[-13:].sum()) for flow in flows])
    if len(flows) == 0 or recent.sum() == 0:
        return [np.zeros_like(arriving) for _ in flows]
    rest, left = arriving.astype(np.int64), 1.0
    parts = []
    for share in recent / recent.sum():
        part = rng.binomial(rest, min(share / left, 1.0) if left > 1e-12 else 1.0)
        parts.append(part.astype(np.float64))
        rest, left = rest - part, left - share
    return parts


def _shift(created: Floats, window: float) -> Floats:
    """When leads created in each coming week become ripe: whole counts, spread over the two weeks they touch."""
    whole, part = divmod(window / 7.0, 1.0)
    later = np.floor(created * part + 0.5)
    found = np.zeros_like(created)
    for lag, counts in ((int(whole), created - later), (int(whole) + 1, later)):
        if lag < created.shape[1]:
            found[:, lag:] += counts[:, : created.shape[1] - lag]
    return found


def _pending(flow: Flow, rate: Floats, delays: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Leads here already that become ripe in each coming week, and how many will have converted by then."""
    leads, hits = np.zeros((len(rate), HORIZON_WEEKS)), np.zeros((len(rate), HORIZON_WEEKS))
    if len(flow.pending_age) == 0:
        return leads, hits
    within = np.sort(delays[delays <= flow.window])
    week = np.floor(np.maximum(flow.window - flow.pending_age, 0.0) / 7.0).astype(int)
    for index in np.unique(week[week < HORIZON_WEEKS]).tolist():
        here = week == index
        n, done = flow.pending_leads[here], flow.pending_converted[here]
        leads[:, index] = n.sum()
        # The share of all conversions that has come by this age; without past delays, none has.
        past = np.searchsorted(within, flow.pending_age[here], side="right") / max(len(within), 1)
        gone = float(np.average(past, weights=np.maximum(n, 1e-9)))
        still = np.clip(rate * (1.0 - gone) / np.maximum(1.0 - rate * gone, 1e-9), 0.0, 1.0)
        hits[:, index] = done.sum() + rng.binomial(int(max((n - done).sum(), 0)), still)
    return leads, hits


def _reach(path: Floats, now: float, need: float) -> Floats:
    """Days until each path reaches `need`, (3, draws): the beginning of that week, straight inside it, its end;
    infinite where it does not. Where inside a week leads come is chance too, which the bounds allow for."""
    if now >= need:
        return np.zeros((3, len(path)))
    there = path >= need
    first = np.where(there.any(axis=1), there.argmax(axis=1), -1)
    rows = np.arange(len(path))
    after = path[rows, first]
    before = np.where(first > 0, path[rows, np.maximum(first - 1, 0)], now)
    part = np.clip((need - before) / np.maximum(after - before, 1e-9), 0.0, 1.0)
    return np.where(
        first >= 0, (first + np.stack([np.zeros(len(path)), part, np.ones(len(path))])) * 7.0, np.inf
    )


def _summary(days: Floats) -> When:
    bounds = (
        np.quantile(row, share, method="higher") for row, share in zip(days, (0.025, 0.5, 0.975), strict=True)
    )
    low, middle, high = (float(bound) if np.isfinite(bound) else None for bound in bounds)
    return When(middle, low, high)


def _when(path: Floats, now: float, need: float, blind: str, no_pace: str = "") -> When:
    if now >= need:
        return When(0.0, 0.0, 0.0)
    if blind:
        return When(None, None, None, blind)
    days = _reach(path, now, need)
    # Leads that are here already may suffice although no more come.
    return When(None, None, None, no_pace) if no_pace and not np.isfinite(days).all() else _summary(days)


def _both(
    leads: Floats,
    rarer: Floats,
    leads_now: float,
    rarer_now: float,
    need_leads: int,
    need_rarer: int,
    leads_when: When,
    rarer_when: When,
) -> When:
    for one in (rarer_when, leads_when):
        if one.why:
            return one
    return _summary(np.maximum(_reach(leads, leads_now, need_leads), _reach(rarer, rarer_now, need_rarer)))


def _ahead(path: Floats, now: float, when: When) -> tuple[tuple[float, float, float, float], ...]:
    """The path to a little past the middle time, or a year."""
    until = when.high or (when.middle or 364.0) * 1.5
    weeks = int(min(max(until / 7.0 * 1.1, 8.0), HORIZON_WEEKS))
    low, middle, high = np.quantile(path[:, :weeks], (0.025, 0.5, 0.975), axis=0)
    rows = [(0.0, now, now, now)]
    rows += [
        (7.0 * (week + 1), float(middle[week]), float(low[week]), float(high[week])) for week in range(weeks)
    ]
    return tuple(rows)


def _sum(parts: Sequence[Floats]) -> Floats:
    return np.sum(np.stack(parts), axis=0) if parts else np.zeros(WEEKS_READ)
