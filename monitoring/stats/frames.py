"""Two frames beside each other, without profiles in between: for notebooks, and for what has no version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from monitoring.stats.drift import Window
from scoring.ml.feature_bins import FeatureBins, bins_of_levels, bins_of_numbers, level_counts
from scoring.ml.moments import Moments

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """A column of the reference: its bins, its counts, and how many of the first bins lie on a line."""

    bins: FeatureBins
    window: Window

    @property
    def ordered(self) -> int:
        return 0 if self.bins.edges is None else len(self.bins.edges) + 1


def reference_windows(frame: pd.DataFrame) -> dict[str, ReferenceColumn]:
    """Bins and counts of every column (rows x columns): numbers in tenths, all else as categories."""
    found = {}
    for name in frame.columns:
        column = frame[name]
        if _is_number(column):
            values = column.to_numpy(dtype=np.float64)
            bins = bins_of_numbers(values)
            found[str(name)] = ReferenceColumn(bins, Window(bins.count(values), Moments.of(values)))
        else:
            # Distinct values are found once, for the bins and for their counts.
            levels = level_counts(column.to_numpy(dtype=object))
            bins = bins_of_levels(levels)
            found[str(name)] = ReferenceColumn(bins, Window(bins.count_levels(levels)))
    return found


def windows(frame: pd.DataFrame, reference: dict[str, ReferenceColumn]) -> dict[str, Window]:
    """The same columns of another frame, counted in the bins of the reference.

    Raises:
        KeyError: the frame lacks a column of the reference.
    """
    found = {}
    for name, one in reference.items():
        if one.bins.edges is None:
            found[name] = Window(one.bins.count(frame[name].to_numpy(dtype=object)))
        else:
            values = frame[name].to_numpy(dtype=np.float64)
            found[name] = Window(one.bins.count(values), Moments.of(values))
    return found


def _is_number(column: pd.Series[Any]) -> bool:
    return column.dtype.kind in "iufb"
