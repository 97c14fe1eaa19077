"""From counts to an answer: is it enough, when will it be, what serves meanwhile, and what would a metric be worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoring.ml.pace import WEEKS_READ, Flow, Forecast, Have, forecast
from scoring.ml.planning import PLANNED_AUC, Worth, auc_worth
from scoring.ml.readiness import LEAST_FOR_WEIGHTS, LEAST_OF_A_CLASS, judge_counts
from scoring.ml.splits import TrainingError

RUNGS = ("prior", "naive_bayes", "logistic", "boosting")


@dataclass(frozen=True, slots=True)
class Segment:
    """One value of a feature: ripe leads, conversions, and whether they carry numbers of their own."""

    value: str
    leads: int
    conversions: int

    @property
    def missing(self) -> int:
        """How many of the rarer outcome are missing to 30, below which no own interval can be trusted."""
        return max(LEAST_FOR_WEIGHTS - min(self.conversions, self.leads - self.conversions), 0)

    @property
    def rarer(self) -> str:
        """Which outcome is the rarer one, as a plural noun."""
        return (
            "conversions"
            if self.conversions <= self.leads - self.conversions
            else "leads that did not convert"
        )


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer. `ladder` holds the rungs training would try now; `messages` say why not more."""

    need_leads: int
    need_rarer: int
    need_days: int
    leads: int
    conversions: int
    ladder: tuple[str, ...]
    messages: tuple[str, ...]
    enough: bool
    ahead: Forecast
    worth_now: Worth | None
    worth_then: Worth | None
    auc_measured: bool
    span_days: float
    span_in: float | None
    segments: tuple[tuple[str, tuple[Segment, ...], int], ...]

    @property
    def rarer(self) -> int:
        """Leads of the rarer outcome."""
        return min(self.conversions, self.leads - self.conversions)

    @property
    def rarer_name(self) -> str:
        """Which outcome that is."""
        return Segment("", self.leads, self.conversions).rarer

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        pace = self.ahead.pace
        return {
            "enough": self.enough,
            "need": {
                "leads": self.need_leads,
                "rarer_outcome": self.need_rarer,
                "days_watched": self.need_days,
            },
            "have": {
                "leads": self.leads,
                "conversions": self.conversions,
                "rarer_outcome": self.rarer,
                "days_watched": round(self.span_days, 1),
            },
            "ladder": list(self.ladder),
            "messages": list(self.messages),
            "enough_in_days": {
                "leads": self.ahead.leads.to_json(),
                "rarer_outcome": self.ahead.rarer.to_json(),
                "both": self.ahead.both.to_json(),
            },
            "pace": None
            if pace is None
            else {
                "leads_per_week": pace.per_week,
                "low": pace.low,
                "high": pace.high,
                "growth_per_week": pace.growth,
                "weeks": pace.weeks,
            },
            "auc_interval": {
                "measured": self.auc_measured,
                "now": self.worth_now.to_json() if self.worth_now else None,
                "when_enough": self.worth_then.to_json() if self.worth_then else None,
            },
            "segments": [
                {
                    "label": label,
                    "values": [
                        {
                            "value": one.value,
                            "leads": one.leads,
                            "conversions": one.conversions,
                            "enough": one.missing == 0,
                            "missing": one.missing,
                        }
                        for one in segments
                    ],
                    "more": more,
                }
                for label, segments, more in self.segments
            ],
        }


def assess(
    counts: Mapping[str, Any],
    *,
    minimum_leads: int,
    minimum_conversions: int,
    horizon_days: int,
    auc: float | None = None,
    seed: int = 0,
) -> Assessment:
    """Judge what `selectors.readiness.count_leads` counted against the limits. `auc` is what the serving version
    reached on its test leads, None before any."""
    leads, conversions = int(counts["ripe"]["leads"]), int(counts["ripe"]["conversions"])
    ladder, messages, enough = _rungs(leads, conversions, minimum_leads, minimum_conversions)
    planned = auc if auc is not None and 0.5 <= auc < 1.0 else PLANNED_AUC
    share = conversions / leads if 0 < conversions < leads else 0.5
    # Enough are as many leads as bring both minima at today's conversion rate.
    then = int(max(minimum_leads, leads, np.ceil(minimum_conversions / min(share, 1.0 - share))))
    span = float(counts["watched_days"])
    return Assessment(
        need_leads=minimum_leads,
        need_rarer=minimum_conversions,
        need_days=horizon_days,
        leads=leads,
        conversions=conversions,
        ladder=ladder,
        messages=messages,
        enough=enough,
        ahead=_forecast(counts, leads, conversions, minimum_leads, minimum_conversions, seed),
        worth_now=auc_worth(planned, leads, conversions),
        worth_then=None if enough else auc_worth(planned, then, round(then * share)),
        auc_measured=auc is not None and planned == auc,
        span_days=span,
        span_in=max(horizon_days - span, 0.0) if span > 0 else None,
        segments=tuple(
            (
                str(segment["label"]),
                tuple(Segment(str(value), int(n), int(k)) for value, n, k in segment["values"]),
                int(segment["more"]),
            )
            for segment in counts["segments"]
        ),
    )


def _rungs(
    leads: int, conversions: int, minimum_leads: int, minimum_conversions: int
) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    try:
        found = judge_counts(
            leads, conversions, minimum_leads=minimum_leads, minimum_conversions=minimum_conversions
        )
    except TrainingError as error:
        why = str(error)
        first = f"{why[0].upper()}{why[1:].rstrip('.')}."
        return (), (first, f"Training starts at {LEAST_OF_A_CLASS} ripe leads of each outcome."), False
    return found.ladder, found.messages, found.enough


def _forecast(
    counts: Mapping[str, Any],
    leads: int,
    conversions: int,
    minimum_leads: int,
    minimum_conversions: int,
    seed: int,
) -> Forecast:
    flows = []
    for flow in counts["flows"]:
        pending = np.array(flow["pending"], dtype=np.float64).reshape(-1, 3)
        flows.append(
            Flow(
                window=float(flow["window"]),
                weekly=np.array(flow["weekly"], dtype=np.float64),
                pending_age=pending[:, 0],
                pending_leads=pending[:, 1],
                pending_converted=pending[:, 2],
            )
        )
    return forecast(
        flows or [Flow(0.0, np.zeros(WEEKS_READ), np.zeros(0), np.zeros(0), np.zeros(0))],
        Have(leads, conversions, int(counts["recent"][0]), int(counts["recent"][1])),
        np.array(counts["delays"], dtype=np.float64),
        need_leads=minimum_leads,
        need_rarer=minimum_conversions,
        silent=int(counts["last_60"][0]) == 0,
        seed=seed,
    )
