"""The scale of scores: 99 cuts through a population, so that score 90 means better than about 90 % of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

CUTS = 99
#: Fewer leads place the outer cuts too roughly: with 300 the limit of the best tenth is off by up to 3.5 points
#: (two standard errors of a share of .1).
LEAST_LEADS = 300
PRESET_SHARES: Mapping[str, int] = {"A": 10, "B": 20, "C": 30, "D": 40}


class ScaleError(ValueError):
    """Shares or cuts that make no scale; the sentence says what was expected."""


def score_cuts(probabilities: ArrayLike) -> list[float]:
    """The 1st to 99th percentile of probabilities (n,), n of at least 1, never falling.

    The share of that population whose `rank` is k or more is (100 - k) %. Where many share one probability
    `rank` takes the middle of the ranks they fill, so a limit between two grades puts them on the side that
    leaves the shares nearer to the ones asked for.

    Raises ScaleError for no numbers, or one outside 0 to 1.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ScaleError(f"got an array of shape {values.shape}; expected at least one probability in a row")
    if not bool((np.isfinite(values) & (values >= 0) & (values <= 1)).all()):
        raise ScaleError("expected probabilities from 0 to 1")
    cuts = np.quantile(values, np.arange(1, CUTS + 1) / 100.0)
    # Interpolation may leave two equal neighbours out of order in the last digit.
    return [float(cut) for cut in np.maximum.accumulate(cuts)]


def checked_cuts(cuts: Sequence[float]) -> list[float]:
    """The same cuts as numbers.

    Raises ScaleError when they are not 99 numbers from 0 to 1 that never fall.
    """
    values = np.asarray(cuts, dtype=np.float64)
    if values.shape != (CUTS,) or not bool(np.isfinite(values).all()):
        raise ScaleError(f"got {len(cuts)} cuts; expected {CUTS} numbers")
    if values[0] < 0 or values[-1] > 1 or bool((np.diff(values) < 0).any()):
        raise ScaleError("expected cuts from 0 to 1 that never fall")
    return [float(value) for value in values]


def limits_of_shares(a: int, b: int, c: int, d: int) -> tuple[int, int, int]:
    """The least scores of A, B and C that give grades A to D these shares (whole per cent, 100 together).

    Score k or more is held by (100 - k) % of the population the scale was cut from, whichever version serves.

    >>> limits_of_shares(10, 20, 30, 40)
    (90, 70, 40)

    Raises ScaleError when they do not add up to 100, or one is too small to have a score of its own.
    """
    if a + b + c + d != 100:
        raise ScaleError(
            f"A {a} %, B {b} %, C {c} %, D {d} % make {a + b + c + d} %; expected 100 % together"
        )
    if min(a, b, c) < 1 or d < 2:
        raise ScaleError(f"A {a} %, B {b} %, C {c} %, D {d} %: expected at least 1 % each, and 2 % for D")
    return 100 - a, 100 - a - b, 100 - a - b - c
