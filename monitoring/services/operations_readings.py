"""What a look at the service says of it: each reading with its evidence and its words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from leadscoring.common.work import backlogs, failed_since
from monitoring.contracts import AlertLevel, Reading, RuleKind, Story
from monitoring.selectors.calls import ERROR
from monitoring.selectors.limits import Limits
from monitoring.selectors.serving import MOST_WAITING, leads_waiting, model_age
from monitoring.selectors.serving import not_counted as unfolded
from monitoring.stats.latencies import (
    Buckets,
    Quantile,
    merged,
    p_more,
    p_slow,
    quantile,
    slower,
    total,
)
from scoring.ml.intervals import clopper_pearson

LOOKS = 7 * 24 * 60
FALSE_ALARMS = 0.05
SLOW_SHARE = 0.05
"""Of the calls may be slower than the limit: what a 95th percentile below it means."""
LEAST_CALLS = 20
"""Fewer calls than these say nothing about their slowest twentieth."""
LEAST_ANSWERS = 5
LEFT_OUT = 1
"""Minutes of the window, the slowest, that the evidence must do without: a pause slows all calls of its minute."""
# Pages for people, and what no route answers: nobody waits for them to score a lead.
NOT_JUDGED = frozenset({"docs", "openapi-json", "openapi-yaml", "unresolved", "unknown-address", "other"})
# A call with up to 500 leads may take longer than one with a single lead.
OWN_LIMITS: Mapping[str, tuple[float, float]] = {"score-leads": (2000.0, 10_000.0)}
PAGE = "/admin/monitoring/operationscheck/overview/"
DAY = timedelta(days=1)


def significance(tests: int) -> float:
    """The p-value below which one of `tests` tests of a look is sure: at most one false alarm in twenty weeks of a
    look a minute, whatever the dependence (Bonferroni)."""
    return FALSE_ALARMS / (LOOKS * max(tests, 1))


def latency(route: str, minutes: Sequence[Buckets], *, tests: int, rule: Limits) -> Reading:
    """How slow the answers of a route are; `minutes`: their times, minute by minute; `rule`: limits of its kind."""
    buckets = merged(minutes)
    n = total(buckets)
    found = quantile(buckets, 1.0 - SLOW_SHARE)
    limits = OWN_LIMITS.get(route)
    warning, critical = limits or rule
    if found is None or n < LEAST_CALLS:
        return Reading(
            RuleKind.LATENCY,
            f"route={route}",
            None,
            n,
            None,
            _thin(f"{route} was called {n:,} times in five minutes", f"{LEAST_CALLS} calls"),
            limits=limits,
        )
    p = 1.0
    sure: AlertLevel | None = None
    for level, limit in ((AlertLevel.WARNING, warning), (AlertLevel.CRITICAL, critical)):
        if limit is None:
            continue
        chance = p_slow(_without_slowest(minutes, limit), share=1.0 - SLOW_SHARE, limit_ms=limit)
        p = chance if level is AlertLevel.WARNING else p
        if chance <= significance(tests):
            sure = level
    story = Story(
        title=f"Callers of {route} wait: one in twenty answers takes {_ms(found.ms)} or longer",
        what=f"The 95th percentile of {route} over five minutes is {_ms(found.ms)}; it should stay under "
        f"{_ms(warning or 0.0)}.",
        sure=f"{_interval(found)}, n = {n:,} calls, p = {p:.1g} without the slowest "
        f"minute (exact binomial; sure below {significance(tests):.1g}).",
        consequence="The systems that ask for scores wait, and may give up: leads then go on without a score.",
        next_step="Look at the page: is the model's own time up (then the version), the load (then more web "
        "workers), or neither (then the database or the machine)?",
        link=PAGE,
    )
    return Reading(
        RuleKind.LATENCY, f"route={route}", found.ms, n, sure, story, p=p, limits=limits, weight=found.ms
    )


def _without_slowest(minutes: Sequence[Buckets], limit: float) -> Buckets:
    """The calls of all minutes but those with most calls over the limit."""
    ordered = sorted(minutes, key=lambda one: slower(one, limit))
    return merged(ordered[: max(len(ordered) - LEFT_OUT, 0)])


def errors(counts: Mapping[str, int], *, tests: int, rule: Limits) -> Reading:
    """Which share of the calls failed through us; `counts`: calls of fifteen minutes by kind; `rule`: limits of
    errors."""
    n = sum(counts.values())
    bad = {kind.removeprefix(ERROR): count for kind, count in counts.items() if kind.startswith(ERROR)}
    hits = sum(bad.values())
    if n < LEAST_ANSWERS:
        thin = _thin(f"There were {n:,} calls in fifteen minutes", f"{LEAST_ANSWERS} calls")
        return Reading(RuleKind.ERRORS, "all", None, n, None, thin)
    share = clopper_pearson(hits, n)
    warning, critical = rule
    p = p_more(hits, n, warning) if warning else 1.0
    sure = None
    for level, limit in ((AlertLevel.WARNING, warning), (AlertLevel.CRITICAL, critical)):
        if limit is not None and p_more(hits, n, limit) <= significance(tests):
            sure = level
    listed = ", ".join(f"{count:,} × {name}" for name, count in sorted(bad.items(), key=lambda x: -x[1]))
    story = Story(
        title=f"{share.value:.1%} of the calls fail: those leads get no answer".replace("%", " %"),
        what=f"{hits:,} of {n:,} calls in fifteen minutes ended with a server error: {listed or 'none'}.",
        sure=f"Exact 95 % interval {share.low:.2%} to {share.high:.2%}, n = {n:,}, p = {p:.1g}.".replace(
            "%", " %"
        ).replace("95  %", "95 %"),
        consequence="Callers are told to try again or to tell an operator; leads of failed calls are not scored.",
        next_step="The log holds each error with the id that the caller was told; look for the newest ones.",
        link=PAGE,
    )
    return Reading(RuleKind.ERRORS, "all", share.value, n, sure, story, p=p, weight=share.value)


def queue_lag(as_of: datetime) -> Iterable[Reading]:
    """How long the oldest due work has waited, over all kinds of work."""
    waiting = backlogs(as_of)
    worst = max(waiting, key=lambda one: one.oldest_due_seconds, default=None)
    lag = worst.oldest_due_seconds if worst else 0.0
    queued = sum(one.queued for one in waiting)
    kind = worst.kind if worst else ""
    story = Story(
        title=f"Work waits: the oldest has been due for {_span(lag)}",
        what=f"The oldest due row ({kind or 'none'}) has waited {_span(lag)}; {queued:,} rows wait in all.",
        sure="Counted from the rows, without a sample.",
        consequence="Imports, trainings, messages and reports come late.",
        next_step="See whether a worker runs and what it is busy with; a worker more (CELERY_CONCURRENCY) helps "
        "when all are busy.",
        link=PAGE,
    )
    return [Reading(RuleKind.QUEUE_LAG, "all", lag, queued, AlertLevel.CRITICAL, story, weight=lag)]


def failed_work(as_of: datetime) -> Iterable[Reading]:
    """How much work failed within the last day."""
    failed = failed_since(as_of - DAY, as_of)
    n = sum(failed.values())
    listed = ", ".join(f"{count:,} × {kind}" for kind, count in sorted(failed.items(), key=lambda x: -x[1]))
    story = Story(
        title=f"{n:,} {'piece' if n == 1 else 'pieces'} of work failed within a day",
        what=f"Failed in the last 24 hours: {listed or 'none'}.",
        sure="Counted from the rows, without a sample.",
        consequence="What they were to bring is missing until somebody starts them again.",
        next_step="Open the failed rows: each says what went wrong. They are listed on the dashboard.",
        link="/admin/",
    )
    return [Reading(RuleKind.FAILED_WORK, "all", float(n), n, AlertLevel.CRITICAL, story, weight=float(n))]


def age_of_model(as_of: datetime) -> Iterable[Reading]:
    """How long ago the version that serves was trained; nothing while none serves."""
    found = model_age(as_of)
    if found is None:
        return []
    number, days = found
    story = Story(
        title=f"The model is {days:,.0f} days old",
        what=f"Version {number} serves and was trained {days:,.0f} days ago.",
        sure="A date, without a sample.",
        consequence="Buyers and channels change; an old model ranks leads by how they used to be.",
        next_step="Train a version on newer leads and compare the two before releasing it.",
        link="/admin/scoring/modelversion/",
    )
    return [Reading(RuleKind.MODEL_AGE, "serving", days, 1, AlertLevel.CRITICAL, story, weight=days)]


def waiting_leads(as_of: datetime) -> Iterable[Reading]:
    """How many leads are stored and wait for a model."""
    n = leads_waiting()
    more = "at least " if n >= MOST_WAITING else ""
    story = Story(
        title=f"{more}{n:,} {'lead waits' if n == 1 else 'leads wait'} for a score".capitalize(),
        what=f"{more}{n:,} leads are stored without a score.".capitalize(),
        sure="Counted from the rows, without a sample.",
        consequence="Nobody knows which of them to call first.",
        next_step="Release a model version; where one serves, see whether a worker runs: it scores them within a "
        "minute.",
        link="/admin/scoring/lead/?scored=waiting",
    )
    return [Reading(RuleKind.NO_MODEL, "all", float(n), n, AlertLevel.CRITICAL, story, weight=float(n))]


def not_counted(as_of: datetime) -> Iterable[Reading]:
    """For how long predictions have waited to be counted into profiles, which drift and data quality are read from."""
    n, oldest = unfolded(as_of)
    hours = 0.0 if oldest is None else (as_of - oldest).total_seconds() / 3600.0
    story = Story(
        title=f"Drift goes unseen: predictions have not been counted for {_span(hours * 3600)}",
        what=f"{'At least ' if n >= MOST_WAITING else ''}{n:,} predictions are in no profile yet; the oldest was made "
        f"{_span(hours * 3600)} ago.",
        sure="Counted from the rows, without a sample.",
        consequence="A broken field, a dead source or a drift of the scores would not be noticed.",
        next_step="See whether a worker runs, and whether the counting of predictions failed (Schedule, log).",
        link=PAGE,
    )
    return [Reading(RuleKind.BLIND, "predictions", hours, n, AlertLevel.CRITICAL, story, weight=hours)]


def _thin(what: str, least: str) -> Story:
    return Story(
        title="Not enough calls to say",
        what=f"{what}; {least} are needed to say something.",
        sure="Too few calls.",
        consequence="Nothing is known either way.",
        next_step="Wait for more calls.",
        link=PAGE,
    )


def _interval(found: Quantile) -> str:
    low = _ms(found.low) if found.low is not None else "0 ms"
    high = _ms(found.high) if found.high is not None else "without an upper bound"
    return f"95 % interval {low} to {high}" if found.high is not None else f"95 % interval from {low}, {high}"


def _ms(ms: float) -> str:
    return f"{ms / 1000:,.2f} s" if ms >= 1000 else f"{ms:,.0f} ms"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
