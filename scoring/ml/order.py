"""Whether the order of a file's rows carries time, or is only how somebody sorted it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

Bools = NDArray[np.bool_]

LEAST_ROWS = 200
BLOCKS = 10
LEAST_P = 1e-4
LEAST_EFFECT = 0.03
"""Share of a column's spread between blocks of rows; with many rows the p-value alone is too eager."""
LEAST_OUTCOME_EFFECT = 0.005
SORTED_RUNS = 0.25
TOP_LEVELS = 15


@dataclass(frozen=True, slots=True)
class OrderReading:
    """Whether newer rows can be told from older ones, and why, as the end of a sentence."""

    usable: bool
    why: str


def read_file_order(frame: pd.DataFrame, y: Bools, dates: frozenset[str] = frozenset()) -> OrderReading:
    """Judge the row order of a parsed frame and its outcomes `y` (rows,), both in file order.

    `dates` names the columns that hold dates: a file that rises along one of them is in time order.

    A file sorted by the outcome or by a column is refused: its last rows are not its newest. Otherwise the
    order counts as time when the conversion rate or any column drifts along the rows (χ² over ten blocks,
    Bonferroni-corrected p below 1e-4, and at least 3 % of the spread between blocks, 0.5 % for the outcome).
    """
    n = len(y)
    if n < LEAST_ROWS:
        return OrderReading(
            False,
            f"the file has {n} rows, too few (under {LEAST_ROWS}) to see whether its order carries time",
        )
    if _runs_ratio(y) < SORTED_RUNS:
        return OrderReading(False, "the file is sorted by its outcome, so its last rows are not its newest")
    sorter = _sorted_by(frame)
    if sorter is not None:
        name, rising = sorter
        if name in dates and rising:
            return OrderReading(True, f"the rows of the file stand in the order of “{name}”")
        return OrderReading(False, f"the file is sorted by “{name}”, so its last rows are not its newest")
    return _drift(frame, y)


def _drift(frame: pd.DataFrame, y: Bools) -> OrderReading:
    """Whether the conversion rate or a column moves along the rows."""
    n = len(y)
    block = np.minimum(np.arange(n) * BLOCKS // n, BLOCKS - 1)
    tests = max(1, len(frame.columns)) + 1
    effect, p = _between_blocks(y.astype(np.int64), 2, block)
    if p * tests < LEAST_P and effect >= LEAST_OUTCOME_EFFECT:
        first, last = float(y[block < 3].mean()), float(y[block >= 7].mean())
        return OrderReading(
            True,
            f"the conversion rate moves along the rows of the file ({first:.1%} in the first 30 %, "
            f"{last:.1%} in the last 30 %), so their order is taken as time",
        )
    drifting = []
    for name in frame.columns:
        codes, size = _coarse(frame[name])
        if size < 2:
            continue
        effect, p = _between_blocks(codes, size, block)
        if p * tests < LEAST_P and effect >= LEAST_EFFECT:
            drifting.append((effect, str(name)))
    if not drifting:
        return OrderReading(
            False, "nothing in the file drifts along its rows, so their order says nothing of time"
        )
    name = max(drifting)[1]
    return OrderReading(True, f"“{name}” drifts along the rows of the file, so their order is taken as time")


def _runs_ratio(y: Bools) -> float:
    """Changes of the outcome from row to row, over what a random order of the same rows would show."""
    share = float(y.mean())
    expected = 2.0 * share * (1.0 - share) * (len(y) - 1)
    return float((y[1:] != y[:-1]).sum()) / expected if expected > 0 else 0.0


def _sorted_by(frame: pd.DataFrame) -> tuple[str, bool] | None:
    """The column whose equal values all stand together or whose numbers never turn, and whether it rises."""
    import pandas as pd

    for name in frame.columns:
        values = frame[name].to_numpy()
        if values.dtype != object:
            known = values[np.isfinite(values)]
            steps = np.sign(np.diff(known))
            if (
                len(np.unique(known)) > BLOCKS
                and len(known) > len(values) // 2
                and abs(steps.sum()) == abs(steps).sum()
            ):
                return str(name), bool(steps.sum() > 0)
        codes, uniques = pd.factorize(values, use_na_sentinel=True)
        if len(uniques) < 2 or len(uniques) > len(codes) // 3:
            continue
        runs = 1 + int((codes[1:] != codes[:-1]).sum())
        if runs <= len(uniques) + 1 and runs < SORTED_RUNS * _expected_runs(codes):
            return str(name), False
    return None


def _expected_runs(codes: NDArray[np.int64]) -> float:
    shares = np.bincount(codes + 1) / len(codes)
    return 1.0 + (len(codes) - 1) * (1.0 - float((shares**2).sum()))


def _coarse(column: pd.Series) -> tuple[NDArray[np.int64], int]:
    """At most 16 codes: quintiles of numbers, the commonest levels of texts; missing is a code too."""
    import pandas as pd

    values = column.to_numpy()
    if values.dtype == object:
        codes, uniques = pd.factorize(values, use_na_sentinel=True)
        counts = np.bincount(codes + 1, minlength=len(uniques) + 1)
        order = np.argsort(-counts, kind="stable")[:TOP_LEVELS]
        lookup = np.full(len(counts), len(order), dtype=np.int64)
        lookup[order] = np.arange(len(order))
        found = lookup[codes + 1]
    else:
        known = np.isfinite(values)
        cuts = np.unique(np.quantile(values[known], (0.2, 0.4, 0.6, 0.8))) if known.any() else np.empty(0)
        found = np.where(known, np.searchsorted(cuts, values, side="left") + 1, 0).astype(np.int64)
    used, compact = np.unique(found, return_inverse=True)
    return compact.astype(np.int64), len(used)


def _between_blocks(codes: NDArray[np.int64], size: int, block: NDArray[np.int64]) -> tuple[float, float]:
    """Cramér's V² and the p-value of the χ² test of independence between codes and blocks."""
    table = (
        np.bincount(codes * BLOCKS + block, minlength=size * BLOCKS).reshape(size, BLOCKS).astype(np.float64)
    )
    n = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    statistic = float(((table - expected) ** 2 / expected).sum())
    freedom = (size - 1) * (BLOCKS - 1)
    from scipy.stats import chi2

    return statistic / (n * min(size - 1, BLOCKS - 1)), float(chi2.sf(statistic, freedom))
