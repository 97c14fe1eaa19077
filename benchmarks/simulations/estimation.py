"""Does the performance promised before outcomes hold what comes, when only the mix of leads changes?

Run `python -m benchmarks.simulations.estimation` (about a minute on one core); `--reps` and `--seed` change the run.
The law is logistic in two features and the model knows it (well specified); the window's features are shifted by so
many standard deviations. The last rows break the promise on purpose: the law itself changes, which no estimate before
outcomes can see.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata

from monitoring.stats.estimation import (
    estimated_auc,
    estimated_brier,
    estimated_precision,
    estimated_rate,
    estimated_recall,
)
from scoring.ml.estimates import Estimate, NotEnoughData

Floats = NDArray[np.float64]
NAMES = ("AUC", "Brier", "rate", "precision of the top fifth", "recall of the top fifth")


def window(rng: np.random.Generator, n: int, shift: float, turned: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Probabilities of the model and outcomes; `turned` is how far the law has moved away from it, in log-odds of the
    first feature."""
    x = rng.normal(shift, size=(n, 2))
    model = -2.2 + 1.0 * x[:, 0] + 0.6 * x[:, 1]
    return expit(model), rng.random(n) < expit(model - turned * x[:, 0])


def realised_auc(y: NDArray[np.bool_], p: Floats) -> float:
    """Of leads with both outcomes."""
    hits = int(y.sum())
    return float((rankdata(p)[y].sum() - hits * (hits + 1) / 2) / (hits * (len(y) - hits)))


def one(rng: np.random.Generator, n: int, shift: float, turned: float) -> list[tuple[bool, float]] | None:
    """For each metric whether the interval held it, and the width; None where too little was expected."""
    p, y = window(rng, n, shift, turned)
    top = p >= np.quantile(p, 0.8)
    if not 0 < y.sum() < n:
        return None
    try:
        estimates: tuple[Estimate, ...] = (
            estimated_auc(p),
            estimated_brier(p),
            estimated_rate(p),
            estimated_precision(p, top),
            estimated_recall(p, top),
        )
    except NotEnoughData:
        return None
    came = (realised_auc(y, p), float(((p - y) ** 2).mean()), y.mean(), y[top].mean(), y[top].sum() / y.sum())
    return [(e.low <= value <= e.high, e.high - e.low) for e, value in zip(estimates, came, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reps", type=int, default=2000, help="windows in each row (2000)")
    parser.add_argument("--seed", type=int, default=20261124)
    options = parser.parse_args()
    begin = time.perf_counter()
    print(f"| leads | shift | law turned by | windows | {' | '.join(NAMES)} |")
    print(f"| --- | --- | --- | --- | {' | '.join('---' for _ in NAMES)} |")
    for n, shift, turned in (
        (200, 0.0, 0.0),
        (1000, 0.0, 0.0),
        (1000, 1.0, 0.0),
        (1000, -0.7, 0.0),
        (10_000, 1.0, 0.0),
        (1000, 0.0, 0.5),
        (10_000, 0.0, 0.5),
    ):
        rng = np.random.default_rng([options.seed, n, int(10 * shift) + 50, int(10 * turned)])
        found = [row for _ in range(options.reps) if (row := one(rng, n, shift, turned)) is not None]
        held = np.array([[inside for inside, _ in row] for row in found]).mean(axis=0)
        cells = " | ".join(f"{share:.1%}" for share in held)
        print(f"| {n:,} | {shift:+.1f} sd | {turned:.1f} | {len(found)} | {cells} |", flush=True)
    print(f"\n{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()
