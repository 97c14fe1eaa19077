"""What the page of operations says and draws."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString

from leadscoring.common.admin.words import count, duration, moment
from leadscoring.common.charts import TimeLine, time_lines
from monitoring.contracts import RuleKind
from monitoring.selectors.calls import OK, REFUSED, Calls, Series
from monitoring.selectors.limits import limits_in_force
from monitoring.selectors.operations import SPANS, History, Span, history, latest_check, model_p95, queue_lags
from monitoring.services.operations_readings import OWN_LIMITS
from monitoring.stats.latencies import Quantile, quantile
from scoring.ml.intervals import clopper_pearson

ROUTE = "score-lead"
LATE = timedelta(minutes=5)
TONES = ("A", "B", "C", "D", "bad")
MOST_KINDS = 5
TARGET_PER_S = 10
DEFAULT_TARGET_MS = 200.0


def ms(value: float | None) -> str:
    """A time as people write it."""
    if value is None:
        return "–"
    if value >= 1000:
        return f"{value / 1000:,.2f} s"
    if value >= 10:
        return f"{value:,.0f} ms"
    return f"{value:.1f} ms" if value >= 1 else f"{value:.2f} ms"


def quantile_words(one: dict[str, Any] | None, name: str) -> str:
    """A stored quantile with its interval."""
    found = (one or {}).get(name)
    if not found:
        return "–"
    return _with_interval(Quantile(found["ms"], found["low"], found["high"], 0))


def _with_interval(found: Quantile) -> str:
    if found.low is None and found.high is None:
        return f"{ms(found.ms)} (too few for an interval)"
    if found.high is None:
        return f"{ms(found.ms)} (from {ms(found.low)})"
    return f"{ms(found.ms)} ({ms(found.low or 0.0)} to {ms(found.high)})"


def page_context(span: Span, *, route: str, as_of: datetime) -> dict[str, Any]:
    """Everything the page draws."""
    past = history(span, as_of=as_of)
    total = past.total()
    routes = sorted({name for name, _ in total} | {ROUTE})
    route = route if route in routes else ROUTE
    check = latest_check()
    behind = as_of - check.slot if check else None
    return {
        "span": span,
        "spans": [(key, f"Last {key}") for key in SPANS],
        "routes": routes,
        "route": route,
        "check": check,
        "looked": moment(check.slot) if check else "",
        "behind": duration(behind) if behind is not None and behind > LATE else "",
        "n": f"{sum(one.count for one in total.values()):,}",
        "facts": _facts(past, total, route),
        "table": _table(total),
        "latency_chart": _latency_chart(past, total, route, span),
        "rate_chart": _rate_chart(past, total, span),
        "error_chart": _error_chart(past, total, span),
        "queue_chart": _queue_chart(span, as_of),
        "model_chart": _model_chart(span, as_of),
    }


def _target(route: str) -> float:
    return (OWN_LIMITS.get(route) or limits_in_force()[RuleKind.LATENCY])[0] or DEFAULT_TARGET_MS


def _facts(past: History, total: dict[Series, Calls], route: str) -> list[dict[str, str]]:
    n = sum(one.count for one in total.values())
    answered = total.get((route, OK), Calls())
    p95 = quantile(answered.buckets, 0.95)
    bad = sum(one.count for (_, kind), one in total.items() if kind.startswith("error:"))
    rates = [value for _, value in past.per_minute() if value is not None]
    facts = [
        {
            "name": f"p95 of {route}",
            "value": ms(p95.ms) if p95 else "–",
            "note": f"95 % interval {_with_interval(p95).partition('(')[2].rstrip(')')}, n = {p95.n:,}; "
            f"target: under {ms(_target(route))}"
            if p95
            else f"no answers; target: under {ms(_target(route))}",
        },
        {
            "name": "Failed calls",
            "value": "–",
            "note": "no calls; target: under 1 %",
        },
        {
            "name": "Busiest moment",
            "value": f"{max(rates, default=0.0) / 60:,.2f} calls/s",
            "note": f"the most served so far over {_step_words(past.step)}; aimed at: more than "
            f"{TARGET_PER_S} calls/s when they come",
        },
    ]
    if n:
        share = clopper_pearson(bad, n)
        facts[1]["value"] = _percent(share.value)
        facts[1]["note"] = (
            f"{bad:,} of {n:,}; exact 95 % interval {_percent(share.low)} to {_percent(share.high)}; target: under 1 %"
        )
    return facts


def _percent(share: float) -> str:
    return f"{share * 100:.2f} %"


def _step_words(step: timedelta) -> str:
    return next(span.step_words for span in SPANS.values() if span.step == step)


def _table(total: dict[Series, Calls]) -> list[dict[str, Any]]:
    rows = []
    for name in sorted({route for route, _ in total}):
        kinds = {kind: one for (route, kind), one in total.items() if route == name}
        answered = kinds.get(OK, Calls())
        rows.append(
            {
                "route": name,
                "n": sum(one.count for one in kinds.values()),
                "ok": answered.count,
                "refused": kinds.get(REFUSED, Calls()).count,
                "failed": [
                    f"{one.count:,} × {kind_words(kind)}"
                    for kind, one in sorted(kinds.items())
                    if kind not in {OK, REFUSED}
                ],
                "times": [
                    _with_interval(found) if (found := quantile(answered.buckets, share)) else "–"
                    for share in (0.5, 0.95, 0.99)
                ],
            }
        )
    return rows


def _latency_chart(past: History, total: dict[Series, Calls], route: str, span: Span) -> SafeString:
    n = total.get((route, OK), Calls()).count
    lines = [
        TimeLine(name, tuple(past.times(route, share)), tone)
        for name, share, tone in (("p50", 0.5, "B"), ("p95", 0.95, "C"), ("p99", 0.99, "D"))
    ]
    return time_lines(
        lines,
        since=past.since,
        until=past.until,
        step=past.step,
        title=f"Time of an answer of {route}",
        y_title="Time of an answer (ms)",
        target=_target(route),
        caption=f"n = {n:,} answers as asked of {route}; each point {span.step_words}; dashed: the target of "
        f"{ms(_target(route))} for p95. Times are within 4 %.",
    )


def _rate_chart(past: History, total: dict[Series, Calls], span: Span) -> SafeString:
    n = sum(one.count for one in total.values())
    if not n:
        return SafeString("")
    return time_lines(
        [TimeLine("all routes", tuple(past.per_minute()), "B")],
        since=past.since,
        until=past.until,
        step=past.step,
        title="Calls a minute",
        y_title="Calls a minute",
        caption=f"n = {n:,} calls over all routes and web processes; each point {span.step_words}.",
    )


def _error_chart(past: History, total: dict[Series, Calls], span: Span) -> SafeString:
    kinds = past.bad_kinds()[:MOST_KINDS]
    if not kinds:
        return SafeString("")
    n = sum(one.count for one in total.values())
    lines = [
        TimeLine(kind_words(kind), tuple(past.shares(kind)), tone)
        for kind, tone in zip(kinds, TONES, strict=False)
    ]
    hits = sum(one.count for (_, kind), one in total.items() if kind in kinds)
    return time_lines(
        lines,
        since=past.since,
        until=past.until,
        step=past.step,
        title="Share of calls that got no answer, by kind",
        y_title="Share of all calls",
        target=0.01,
        shares=True,
        caption=f"{hits:,} of n = {n:,} calls; each point {span.step_words}; dashed: the target of 1 % for errors.",
    )


def kind_words(kind: str) -> str:
    """How a call ended, for people."""
    return "no model released" if kind == "no-model" else kind.removeprefix("error:").replace("-", " ")


def _queue_chart(span: Span, as_of: datetime) -> SafeString:
    points = queue_lags(span, as_of=as_of)
    return time_lines(
        [TimeLine("oldest due work", tuple(points), "B")],
        since=as_of - span.length,
        until=as_of,
        step=span.step,
        title="How long the oldest due work has waited",
        y_title="Wait (s)",
        caption=f"Each point: the longest wait that a look saw within {span.step_words}; "
        f"n = {count(len(points), 'point')}. "
        f"An alert warns from {limits_in_force()[RuleKind.QUEUE_LAG][0] or 0:,.0f} s.",
    )


def _model_chart(span: Span, as_of: datetime) -> SafeString:
    found = model_p95(span, as_of=as_of)
    if not found:
        return SafeString("")
    seen = sum(n for _, n in found.values())
    lines = [
        TimeLine(f"{name} (n = {n:,})", tuple(points), tone)
        for (name, (points, n)), tone in zip(found.items(), TONES, strict=False)
    ]
    return time_lines(
        lines,
        since=as_of - span.length,
        until=as_of,
        step=span.step,
        title="Time of the model and its reasons, p95 by version and role",
        y_title="p95 of the model's time (ms)",
        caption=f"n = {seen:,} predictions seen at the looks drawn; each point the five minutes before one look.",
    )
