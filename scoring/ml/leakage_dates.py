"""Dates that were not there when the lead was created, and lengths of time that end with the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scoring.ml.leakage_config import LeakConfig
from scoring.ml.leakage_encoding import Bools, Floats

ROW_ORDER = "(the order of the rows)"


@dataclass(frozen=True, slots=True)
class Creation:
    """The dates of creation that other dates are measured against, and where they come from."""

    days: Floats
    column: str


def find_creation(dates: Mapping[str, Floats], created: Floats | None, config: LeakConfig) -> Creation | None:
    """The given dates of creation, or the date column that (nearly) no other filled date comes before."""
    if created is not None and np.isfinite(created).mean() > 0.5:
        return Creation(created, "")
    full = {name: days for name, days in dates.items() if np.isfinite(days).mean() >= config.later_share}
    for name, days in full.items():
        others = [other for other_name, other in dates.items() if other_name != name]
        # Birthdays and the like lie decades before; they say nothing about which date is the creation.
        near = [other for other in others if abs(float(np.nanmedian(other - days))) < 3 * 365]
        if near and all(_not_before(other, days) >= config.later_share for other in near):
            return Creation(days, name)
    for days in full.values():
        earlier = _order_of_rows(days)
        if earlier is not None:
            return Creation(earlier, ROW_ORDER)
    return None


def _order_of_rows(days: Floats) -> Floats | None:
    """The lower edge of a date along the file, when the rows stand in the order of something earlier.

    An export sorted by creation shows it: a date that comes a while later lies close above a moving lower
    edge and far below the upper one. A file in the order of this date itself has both edges alike.
    """
    n = len(days)
    if n < 200:
        return None
    window = max(25, n // 100)
    series = pd.Series(days)
    low = series.rolling(window, center=True, min_periods=1).min().to_numpy(dtype=np.float64)
    high = series.rolling(window, center=True, min_periods=1).max().to_numpy(dtype=np.float64)
    spread = float(np.subtract(*np.nanpercentile(days, [90, 10])))
    follows = abs(float(series.corr(pd.Series(np.arange(n)), method="spearman")))
    above, below = float(np.nanmedian(days - low)), float(np.nanmedian(high - days))
    lagged = above > 0.02 * spread and below > 1.5 * above and follows >= 0.4
    return low if lagged and float(np.subtract(*np.nanpercentile(low, [90, 10]))) > 0.4 * spread else None


def later_evidence(
    days: Floats, creation: Creation, converted_at: Floats | None, target: Bools, config: LeakConfig
) -> list[str]:
    """A date that lies after the creation, or at the conversion."""
    lag = days - creation.days
    known = np.isfinite(lag)
    if known.sum() < 20:
        return []
    found = []
    after = lag[known]
    later = float((after > config.later_days).mean())
    if later >= 0.5 and (after >= -config.later_days).mean() >= config.later_share:
        found.append(
            f"the date lies after {_start(creation)} in {later:.0%} of the rows "
            f"(by {np.median(after):.0f} days in the middle)"
        )
    if converted_at is not None:
        gap = np.abs(days - converted_at)[target]
        gap = gap[np.isfinite(gap)]
        lags = np.abs(lag[target & known])
        near = float((gap <= config.near_days).mean()) if len(gap) >= 15 else 0.0
        # A lead that converts on its first day has every date near its conversion.
        if near >= config.near_share and (lags > config.near_days).mean() >= 0.5:
            found.append(f"the date lies within {config.near_days:.0f} days of the conversion for {near:.0%}")
    return found


def elapsed_evidence(
    values: Floats,
    creation: Creation,
    dates: Mapping[str, Floats],
    converted_at: Floats | None,
    target: Bools,
) -> list[str]:
    """A number of days that, added to the creation, gives a later date of the file, or the conversion."""
    known = np.isfinite(values) & np.isfinite(creation.days)
    if known.sum() < 50 or float(np.nanmin(values)) < -1 or len(np.unique(values[known])) < 8:
        return []
    end = creation.days + values
    ends = {f"“{name}”": days for name, days in dates.items() if name != creation.column}
    if converted_at is not None:
        ends["the conversion"] = np.where(target, converted_at, np.nan)
    for what, later in ends.items():
        both = known & np.isfinite(later)
        same = both.sum() >= 30 and (np.abs(end - later)[both] <= 1.5).mean() >= 0.8
        if same and float(np.median(np.abs(values[both]))) > 3:
            return [f"it counts the days from the creation to {what}"]
    for side, words in ((~target, "did not convert"), (target, "converted")):
        rows = known & side
        if rows.sum() < 30:
            continue
        spread_end = float(np.subtract(*np.percentile(end[rows], [90, 10])))
        spread_start = float(np.subtract(*np.percentile(creation.days[rows], [90, 10])))
        if spread_start > 14 and spread_end < 0.05 * spread_start:
            found = f"for leads that {words} it counts the days from the creation to one fixed day"
            return [f"{found}, so it grew until the lead was closed"]
    return []


def _start(creation: Creation) -> str:
    if creation.column == ROW_ORDER:
        return "an earlier date that the rows are in the order of"
    return "the creation of the lead"


def _not_before(other: Floats, days: Floats) -> float:
    gap = other - days
    gap = gap[np.isfinite(gap)]
    return float((gap >= -1.0).mean()) if len(gap) else 0.0
