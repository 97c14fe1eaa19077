"""One feature of a window beside the reference: every measure that fits its kind, and which way it went."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from monitoring.stats.divergence import (
    jensen_shannon,
    kullback_leibler,
    population_stability_index,
    smoothed_shares,
)
from monitoring.stats.kolmogorov import KolmogorovSmirnov, ks_of_sketches
from monitoring.stats.pooling import Pooled, pool
from scoring.ml.moments import Moments
from scoring.ml.sketches import QuantileSketch

Counts = NDArray[np.int64]
MOVES_SHOWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One column as profiles keep it: counts of the reference's bins (shape bins), and for numbers moments and a
    sketch."""

    counts: Counts
    moments: Moments | None = None
    sketch: QuantileSketch | None = None

    @property
    def n(self) -> int:
        """Rows in the window, missing values included."""
        return int(self.counts.sum())


@dataclass(frozen=True, slots=True)
class Move:
    """A bin and its shares of the rows before and now."""

    bin: int
    before: float
    now: float


@dataclass(frozen=True, slots=True)
class Drift:
    """What a comparison found.

    `n` and `m` are the rows of the window and of the reference; `cells` the bins left after pooling. `psi`, `kl`
    (nats) and `js` (distance, base 2) are of the smoothed shares of these cells, `chi2` is Pearson's statistic on
    them. `p` is the p-value that is judged: the larger one of the PSI and of chi-squared, since that of the PSI alone
    is too small for about 50 rows (`benchmarks.simulations.drift`). All p-values ask for no difference. `shift` is the
    difference of the means in standard deviations of the reference, None for categories or a constant reference.
    `moves` are the bins that
    changed most, largest first. `problem` says why nothing could be compared; then every measure is None.
    """

    n: int
    m: int
    cells: int
    psi: float | None = None
    p: float | None = None
    kl: float | None = None
    js: float | None = None
    chi2: float | None = None
    chi2_p: float | None = None
    ks: KolmogorovSmirnov | None = None
    shift: float | None = None
    moves: tuple[Move, ...] = ()
    problem: str = ""


def compare(current: Window, reference: Window, *, ordered: int) -> Drift:
    """Set a window beside the reference. `ordered` says how many of the first bins lie on a line (numbers).

    PSI times nm / (n + m) is about chi-squared with cells - 1 degrees of freedom when nothing changed: Yurdakul &
    Naranjo (2020), Journal of Risk Model Validation 14(4):89-100.
    """
    n, m = current.n, reference.n
    if not n or not m:
        empty = "the window" if not n else "the reference"
        return Drift(n, m, 0, problem=f"{empty} holds no rows")
    pooled = pool(reference.counts, current.counts, ordered=ordered)
    common = {
        "ks": _ks(current, reference),
        "shift": _shift(current.moments, reference.moments),
        "moves": _moves(current.counts, reference.counts),
    }
    if pooled.cells < 2:
        if int(((current.counts + reference.counts) > 0).sum()) < 2:
            # One value before and the same now: nothing can be more equal.
            return Drift(n, m, 1, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, **common)  # type: ignore[arg-type]
        return Drift(
            n,
            m,
            pooled.cells,
            problem="too few rows for two groups of five",
            **common,  # type: ignore[arg-type]
        )
    p, q = smoothed_shares(pooled.current), smoothed_shares(pooled.reference)
    psi = float(population_stability_index(p, q))
    chi2 = _pearson(pooled)
    free = pooled.cells - 1
    return Drift(
        n,
        m,
        pooled.cells,
        psi=psi,
        p=float(max(special.chdtrc(free, psi * n * m / (n + m)), special.chdtrc(free, chi2))),
        kl=float(kullback_leibler(p, q)),
        js=float(jensen_shannon(p, q)),
        chi2=chi2,
        chi2_p=float(special.chdtrc(free, chi2)),
        **common,  # type: ignore[arg-type]
    )


def rows_needed(reference: Counts, *, psi: float, p: float) -> int | None:
    """The fewest rows of a window in which a PSI of `psi` would have a p-value of at most `p`; None where no window
    could show it, because the reference itself is too small."""
    cells = max(int((reference > 0).sum()), 2)
    effective = float(special.chdtri(cells - 1, p)) / psi
    m = float(reference.sum())
    return None if m <= effective else int(np.ceil(effective * m / (m - effective) - 1e-6))


def _pearson(pooled: Pooled) -> float:
    table = np.stack([pooled.current, pooled.reference]).astype(np.float64)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def _ks(current: Window, reference: Window) -> KolmogorovSmirnov | None:
    mine, theirs = current.sketch, reference.sketch
    if mine is None or theirs is None or not mine.n or not theirs.n:
        return None
    return ks_of_sketches(mine, theirs)


def _shift(current: Moments | None, reference: Moments | None) -> float | None:
    if current is None or reference is None or int(current.n) < 1 or int(reference.n) < 2:
        return None
    spread = float(np.sqrt(reference.variance()))
    return float(current.mean - reference.mean) / spread if spread > 0 else None


def _moves(current: Counts, reference: Counts) -> tuple[Move, ...]:
    now, before = current / current.sum(), reference / reference.sum()
    order = np.argsort(-np.abs(now - before), kind="stable")[:MOVES_SHOWN]
    return tuple(
        Move(int(index), float(before[index]), float(now[index]))
        for index in order
        if now[index] != before[index]
    )
