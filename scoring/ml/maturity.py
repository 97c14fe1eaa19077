"""When is a lead ripe: old enough that its outcome may be counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scoring.ml.estimates import Estimate
from scoring.ml.survival import SurvivalCurve, kaplan_meier, resampled_ages

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HORIZON_DAYS = 180.0
SHARE = 0.95
#: A window read off fewer conversions moves by weeks from sample to sample.
LEAST_CONVERSIONS = 30


@dataclass(frozen=True, slots=True)
class MaturityWindow:
    """The age in days at which a lead counts as ripe, and what it rests on.

    ``days`` is the window to use. ``estimate`` is the measured age with its bootstrap interval, None when it
    could not be measured: then ``days`` is the horizon or the pooled window, and ``reason`` says why.
    ``n`` and ``conversions`` count the leads behind it; ``converted_share`` is F(horizon), None if unknown.
    """

    days: float
    horizon: float
    n: int
    conversions: int
    converted_share: float | None
    estimate: Estimate | None
    reason: str

    def to_json(self) -> dict[str, object]:
        """Return a JSON object."""
        return {
            "days": self.days,
            "horizon": self.horizon,
            "n": self.n,
            "conversions": self.conversions,
            "converted_share": self.converted_share,
            "estimate": None if self.estimate is None else self.estimate.to_json(),
            "reason": self.reason,
        }


def maturity_window(
    created: NDArray[np.float64],
    converted: NDArray[np.bool_],
    converted_at: NDArray[np.float64],
    lost: NDArray[np.bool_],
    *,
    as_of: float,
    horizon: float = HORIZON_DAYS,
    share: float = SHARE,
    seed: int = 0,
    reps: int = 200,
) -> MaturityWindow:
    """Measure the smallest age t with F(t) >= share x F(horizon), F = 1 - Kaplan-Meier.

    ``created``, ``converted_at`` (NaN where unknown or not converted) and ``as_of`` are days since 1970-01-01
    (UTC); the arrays have shape n. Open leads are censored at their age. Lost leads stay at risk as long as
    they would have been watched: to their age, at most the horizon. Taking them out when they are lost biases
    t upwards (136 days for a true 97 in simulation), keeping young ones to the full horizon biases it
    downwards (82 to 87). Conversions after the horizon count as none; one dated before its lead was created
    (a date without a time, a clock) counts as day 0, and ``reason`` says how many. ``reps`` = 0 skips the
    interval.

    The window is the horizon, with the reason in words, when conversion dates are unknown, when conversions
    are fewer than 30, or when no lead has been watched for the whole horizon. Raises ``ValueError`` on
    unequal lengths, a missing creation date, a lead both converted and lost, or an option out of range.
    """
    rows = _Rows.checked(created, converted, converted_at, lost)
    if not (np.isfinite(horizon) and horizon > 0 and 0 < share <= 1):
        raise ValueError(f"expected a horizon above 0 and 0 < share <= 1, got {horizon!r} and {share!r}")
    rows = rows.known_at(as_of)
    n, conversions = len(rows.created), int(rows.converted.sum())
    problem = _problem(rows, as_of, horizon)
    if problem:
        return MaturityWindow(
            horizon,
            horizon,
            n,
            conversions,
            None,
            None,
            f"{problem}: the window is the horizon, {horizon:g} days",
        )
    time, event = rows.until(as_of, horizon)
    curve = kaplan_meier(time, event)
    reached = float(curve.converted_by(horizon))
    days = _age_at(curve, share * reached)
    low = high = days
    method = "Kaplan-Meier"
    if reps > 0:
        ages = resampled_ages(time, event, horizon=horizon, share=share, seed=seed, reps=reps)
        low, high = (float(bound) for bound in np.quantile(ages, (0.025, 0.975)))
        method = f"Kaplan-Meier, bootstrap, {len(ages)} resamples"
    estimate = Estimate(days, min(low, days), max(high, days), n, method)
    reason = (
        f"{share:.0%} of the conversions seen within {horizon:g} days came within {days:.1f} days "
        f"({conversions:,} conversions among {n:,} leads)"
    )
    if rows.too_early:
        reason += f"; {rows.too_early:,} dated before their lead was created count as day 0"
    return MaturityWindow(days, horizon, n, conversions, reached, estimate, reason)


def windows_by_source(
    source: ArrayLike,
    created: NDArray[np.float64],
    converted: NDArray[np.bool_],
    converted_at: NDArray[np.float64],
    lost: NDArray[np.bool_],
    *,
    as_of: float,
    **options: Any,
) -> dict[str, MaturityWindow]:
    """Return one window per source (text, shape n), and the pooled one under ``""``.

    A source that cannot carry its own window takes the pooled one and says so. ``options`` are those of
    ``maturity_window``, which also says what raises.
    """
    names = np.asarray(source, dtype=object)
    if names.shape != np.shape(created):
        raise ValueError(f"expected one source per lead, got {names.shape} for {np.shape(created)}")
    pooled = maturity_window(created, converted, converted_at, lost, as_of=as_of, **options)
    windows = {"": pooled}
    for name in sorted({str(item) for item in names.tolist()} - {""}):
        part = names == name
        own = maturity_window(
            created[part], converted[part], converted_at[part], lost[part], as_of=as_of, **options
        )
        if own.estimate is None and pooled.estimate is not None:
            why = own.reason.split(": the window is")[0]
            reason = f"{why}: the window of all sources together, {pooled.days:.1f} days"
            own = MaturityWindow(pooled.days, own.horizon, own.n, own.conversions, None, None, reason)
        windows[name] = own
    return windows


def ripe(created: ArrayLike, window: ArrayLike, as_of: float) -> Bools:
    """Return which leads have reached their window: as_of - created >= window (all in days, broadcast).

    Age alone decides, not the outcome: counting a young lead because it has converted already would raise
    the conversion rate. A creation date that is missing or after ``as_of`` is not ripe.
    """
    age = as_of - np.asarray(created, dtype=np.float64)
    return np.asarray(age >= np.asarray(window, dtype=np.float64)) & np.asarray(age >= 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    created: Floats
    converted: Bools
    converted_at: Floats
    lost: Bools

    @classmethod
    def checked(
        cls, created: ArrayLike, converted: ArrayLike, converted_at: ArrayLike, lost: ArrayLike
    ) -> _Rows:
        rows = cls(
            np.asarray(created, dtype=np.float64),
            np.asarray(converted, dtype=np.bool_),
            np.asarray(converted_at, dtype=np.float64),
            np.asarray(lost, dtype=np.bool_),
        )
        shapes = {rows.created.shape, rows.converted.shape, rows.converted_at.shape, rows.lost.shape}
        if len(shapes) != 1 or rows.created.ndim != 1:
            raise ValueError(f"expected four columns of one length, got shapes {sorted(shapes)}")
        if not bool(np.isfinite(rows.created).all()):
            raise ValueError("every lead needs a creation date")
        if bool((rows.converted & rows.lost).any()):
            raise ValueError("a lead cannot be both converted and lost")
        return rows

    @property
    def too_early(self) -> int:
        """How many conversions are dated before their lead was created."""
        return int((self.converted & (self.converted_at < self.created)).sum())

    def known_at(self, as_of: float) -> _Rows:
        """Leave out leads created later; a conversion that came later was open then."""
        seen = self.created <= as_of
        later = self.converted & (self.converted_at > as_of)
        return _Rows(
            self.created[seen], (self.converted & ~later)[seen], self.converted_at[seen], self.lost[seen]
        )

    def until(self, as_of: float, horizon: float) -> tuple[Floats, Bools]:
        """Return how long each lead was watched, and whether that ended with a conversion."""
        time = np.minimum(as_of - self.created, horizon)
        event = self.converted & (self.converted_at - self.created <= horizon)
        return np.where(event, np.maximum(self.converted_at - self.created, 0.0), time), event


def _problem(rows: _Rows, as_of: float, horizon: float) -> str:
    """Say in words why no window can be measured; empty when it can."""
    conversions = int(rows.converted.sum())
    if conversions and not bool(np.isfinite(rows.converted_at[rows.converted]).all()):
        undated = int(np.isnan(rows.converted_at[rows.converted]).sum())
        return f"{undated:,} of {conversions:,} conversions have no date"
    within = int(rows.until(as_of, horizon)[1].sum())
    if within < LEAST_CONVERSIONS:
        return f"{within:,} conversions within {horizon:g} days, {LEAST_CONVERSIONS} are needed"
    oldest = as_of - float(rows.created.min())
    if oldest < horizon:
        return f"the oldest lead is {oldest:.0f} days old, so nobody was watched for {horizon:g} days"
    return ""


def _age_at(curve: SurvivalCurve, level: float) -> float:
    # The small slack keeps a step that reaches the level exactly.
    return float(curve.times[np.argmax(1.0 - curve.survival >= level - 1e-12)])
