"""Which leads are kept for the test: the newest where an order carries time, else a random share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from scoring.ml.order import OrderReading, read_file_order

if TYPE_CHECKING:
    import pandas as pd

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
OrderKind = Literal["dates", "file", "none"]

LEAST_TEST_CLASS = 5


class TrainingError(ValueError):
    """These leads cannot be trained on; the message says what is wrong and what was expected."""


@dataclass(frozen=True, slots=True)
class Split:
    """Rows for training and for the test (positions in the frame), which kind of split it is, and why.

    `ordered` are all rows from oldest to newest where an order may be trusted, else None.
    """

    kind: Literal["newest by date", "newest by file order", "random"]
    why: str
    train: Ints
    test: Ints
    ordered: Ints | None
    first_test_date: str | None = None
    last_test_date: str | None = None


def choose_split(
    frame: pd.DataFrame,
    y: Bools,
    order: Floats | None,
    order_kind: OrderKind,
    *,
    share: float,
    seed: int,
    dates: frozenset[str] = frozenset(),
) -> Split:
    """The split to judge by. `order` is days since 1970-01-01 for "dates", row numbers for "file".

    `dates` names the date columns of the parsed `frame`.

    Raises TrainingError when the order does not fit the rows.
    """
    n = len(y)
    if order is not None and len(order) != n:
        raise TrainingError(f"the order has {len(order)} entries for {n} leads; expected one per lead")
    refused = "there are no creation dates and no file order"
    if order_kind == "dates" and order is not None:
        reading = _dates(order, share)
        if reading.usable:
            return _newest(y, np.asarray(order), share, seed, reading.why, dates=True)
        refused = reading.why
    elif order_kind == "file":
        rows = np.arange(n, dtype=np.float64) if order is None else order
        by_row = np.argsort(rows, kind="stable")
        reading = read_file_order(frame.iloc[by_row], y[by_row], dates)
        if reading.usable:
            return _newest(y, rows, share, seed, reading.why, dates=False)
        refused = reading.why
    return _random(y, share, seed, refused, None)


def _dates(order: Floats, share: float) -> OrderReading:
    known = np.isfinite(order)
    if float(known.mean()) < 0.95:
        return OrderReading(False, f"only {known.mean():.0%} of the leads have a creation date")
    cut = np.quantile(order[known], 1.0 - share)
    newest = float(np.mean(order[known] >= cut))
    if newest > 2.0 * share + 0.05 or float(np.ptp(order[known])) == 0.0:
        return OrderReading(False, "too many leads share one creation date to tell the newest from the rest")
    return OrderReading(True, "the leads have creation dates")


def _newest(y: Bools, order: Floats, share: float, seed: int, why: str, *, dates: bool) -> Split:
    # Leads without a date count as the oldest: they never make the test look newer than it is.
    keys = np.where(np.isfinite(order), order, -np.inf)
    ordered = np.argsort(keys, kind="stable")
    start = len(y) - max(1, round(len(y) * share))
    train, test = ordered[:start], ordered[start:]
    for rows, name in ((test, "newest"), (train, "oldest")):
        fewest = int(min(y[rows].sum(), (~y[rows]).sum()))
        if fewest < LEAST_TEST_CLASS:
            reason = (
                f"{why}, but the {name} part holds only {fewest} leads of one outcome "
                f"(at least {LEAST_TEST_CLASS} are needed to judge on it)"
            )
            return _random(y, share, seed, reason, ordered)
    what = "the newest {:.0%} by creation date" if dates else "the last {:.0%} of the file"
    return Split(
        "newest by date" if dates else "newest by file order",
        f"Tested on {what.format(share)}: {why}.",
        train,
        test,
        ordered,
        _day(order[test[0]]) if dates else None,
        _day(order[test[-1]]) if dates else None,
    )


def _random(y: Bools, share: float, seed: int, why: str, ordered: Ints | None) -> Split:
    rng = np.random.default_rng([seed, 1])
    test = np.concatenate(
        [
            rng.choice(rows, max(1, round(len(rows) * share)), replace=False)
            for rows in (np.flatnonzero(y), np.flatnonzero(~y))
        ]
    )
    chosen = np.zeros(len(y), dtype=bool)
    chosen[test] = True
    return Split(
        "random",
        f"Tested on a random {share:.0%} with the same conversion rate, not on the newest leads: {why}. "
        "A random test flatters a model when the business changes over time.",
        np.flatnonzero(~chosen),
        np.flatnonzero(chosen),
        ordered,
    )


def stratified_folds(y: Bools, folds: int, seed: int) -> Ints:
    """A fold number 0..folds-1 for each row; each outcome is spread evenly over the folds."""
    rng = np.random.default_rng([seed, 2])
    fold = np.empty(len(y), dtype=np.int64)
    shift = 0
    for rows in (np.flatnonzero(y), np.flatnonzero(~y)):
        fold[rng.permutation(rows)] = (np.arange(len(rows)) + shift) % folds
        shift += len(rows)
    return fold


def _day(days: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=float(days))).date().isoformat()
