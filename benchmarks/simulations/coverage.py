"""Do the 95 % intervals cover? Draw leads with known chances many times and count.

Run `python -m benchmarks.simulations.coverage` (about four minutes on one core); `--reps` and `--seed`
change the run. Each cell is the share of samples, in per cent, whose interval holds the true value of the
whole population, among the samples in which the metric could be computed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, ndtri, xlogy

from scoring.ml.intervals import Estimate, NotEnoughData, delong_auc, delong_paired, wilson
from scoring.ml.losses import brier, ece, log_loss
from scoring.ml.ranking import pr_auc, top_decile_lift
from scoring.ml.recalibration import calibration_intercept, calibration_slope

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SIZES = (50, 200, 1000)
BASE_RATES = (0.05, 0.1, 0.2, 0.5)
INTERVALS = (
    "roc_auc",
    "auc_difference",
    "calibration_intercept",
    "calibration_slope",
    "grade_a_rate",
    "base_rate",
    "pr_auc",
    "top_decile_lift",
    "log_loss",
    "brier",
    "ece",
)
#: Label, spread of the log-odds, shift and stretch of what the model states.
MODELS = (
    ("calibrated, AUC .74", 1.0, 0.0, 1.0),
    ("calibrated, AUC .86", 2.0, 0.0, 1.0),
    ("overconfident", 1.0, 0.4, 1.4),
)
_POPULATION = 100_000
_GRADE_A_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class World:
    """Leads whose log-odds are normal; the model states ``shift + stretch`` x the true log-odds.

    ``spread`` is the standard deviation of the true log-odds; 1 gives an AUC near .74. A second model sees
    the log-odds through noise of the same size.
    """

    base_rate: float
    spread: float = 1.0
    shift: float = 0.0
    stretch: float = 1.0

    @property
    def centre(self) -> float:
        """The mean log-odds that gives the base rate."""
        z = _normal_grid()
        return float(brentq(lambda c: float(expit(c + self.spread * z).mean()) - self.base_rate, -12, 12))

    def draw(self, n: int, centre: float, rng: np.random.Generator) -> tuple[Bools, Floats, Floats]:
        """Return outcomes, stated probabilities and the scores of the second model (each shape n)."""
        odds = centre + self.spread * rng.standard_normal(n)
        y = rng.random(n) < expit(odds)
        return y, expit(self.shift + self.stretch * odds), odds + self.spread * rng.standard_normal(n)

    def truth(self) -> dict[str, float]:
        """Return the true value of every interval's target, by sums over a fine grid of the population."""
        odds = self.centre + self.spread * _normal_grid()[::-1]
        chance, stated = expit(odds), expit(self.shift + self.stretch * odds)
        found = np.cumsum(chance)
        top = int(_POPULATION * 0.1)
        auc = _auc(odds, chance)
        second = self._noisy_auc()
        bins = (chance - stated).reshape(10, -1).mean(axis=1)
        intercept = brentq(
            lambda c: float((chance - expit(c + self.shift + self.stretch * odds)).mean()), -12, 12
        )
        return {
            "roc_auc": auc,
            "auc_difference": auc - second,
            "calibration_intercept": float(intercept),
            "calibration_slope": 1 / self.stretch,
            "grade_a_rate": float(chance[: int(_POPULATION * _GRADE_A_SHARE)].mean()),
            "base_rate": self.base_rate,
            "pr_auc": float((chance * found / np.arange(1, _POPULATION + 1)).sum() / chance.sum()),
            "top_decile_lift": float(chance[:top].mean() / chance.mean()),
            "log_loss": float(-(xlogy(chance, stated) + xlogy(1 - chance, 1 - stated)).mean()),
            "brier": float((chance * (1 - stated) ** 2 + (1 - chance) * stated**2).mean()),
            "ece": float(np.abs(bins).mean()),
        }

    def _noisy_auc(self) -> float:
        """AUC of the second model: the chance at a score is a mean over odds."""
        # Given the noisy score s, the odds are normal around the half-way point with half the variance.
        inner = ndtri((np.arange(400) + 0.5) / 400)
        outer = ndtri((np.arange(4000) + 0.5) / 4000)[::-1]
        midpoint = self.centre + self.spread * outer / np.sqrt(2)
        chance = expit(midpoint[:, None] + self.spread / np.sqrt(2) * inner).mean(axis=1)
        return _auc(midpoint, chance)


def coverage(
    world: World, n: int, *, reps: int, seed: int, names: Iterable[str] = INTERVALS
) -> dict[str, tuple[float, int]]:
    """Return for each interval the share of samples that cover the truth, and in how many it was computed."""
    rng = np.random.default_rng(seed)
    truth, centre = world.truth(), world.centre
    threshold = float(
        expit(world.shift + world.stretch * (centre + world.spread * ndtri(1 - _GRADE_A_SHARE)))
    )
    covered = {name: [0, 0] for name in names}
    for _ in range(reps):
        y, p, other = world.draw(n, centre, rng)
        for name, count in covered.items():
            try:
                estimate = _estimate(name, y, p, other, threshold)
            except NotEnoughData:
                continue
            count[0] += estimate.low <= truth[name] <= estimate.high
            count[1] += 1
    return {name: (hits / max(done, 1), done) for name, (hits, done) in covered.items()}


def _estimate(name: str, y: Bools, p: Floats, other: Floats, threshold: float) -> Estimate:
    grade_a = p >= threshold
    methods: dict[str, Callable[[], Estimate]] = {
        "roc_auc": lambda: delong_auc(y, p),
        "auc_difference": lambda: delong_paired(y, p, other).difference,
        "calibration_intercept": lambda: calibration_intercept(y, p),
        "calibration_slope": lambda: calibration_slope(y, p),
        "grade_a_rate": lambda: wilson(int(y[grade_a].sum()), int(grade_a.sum())),
        "base_rate": lambda: wilson(int(y.sum()), len(y)),
        "pr_auc": lambda: pr_auc(y, p),
        "top_decile_lift": lambda: top_decile_lift(y, p),
        "log_loss": lambda: log_loss(y, p),
        "brier": lambda: brier(y, p),
        "ece": lambda: ece(y, p, seed=0, reps=200),
    }
    return methods[name]()


def _normal_grid() -> Floats:
    return np.asarray(ndtri((np.arange(_POPULATION) + 0.5) / _POPULATION))


def _auc(score: Floats, chance: Floats) -> float:
    """AUC of a population given as equally likely points, best first, without ties."""
    negative = 1 - chance
    below = negative.sum() - np.cumsum(negative)
    return float((chance * (below + negative / 2)).sum() / (chance.sum() * negative.sum()))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20240101)
    options = parser.parse_args()
    print("| model | n | base rate | " + " | ".join(INTERVALS) + " |")
    print("| --- |" + " --- |" * (len(INTERVALS) + 2))
    seed = options.seed
    for label, spread, shift, stretch in MODELS:
        for n in SIZES:
            for base_rate in BASE_RATES:
                seed += 1
                result = coverage(World(base_rate, spread, shift, stretch), n, reps=options.reps, seed=seed)
                cells = [
                    f"{100 * share:.1f}" + ("" if done == options.reps else f" ({done})")
                    for share, done in result.values()
                ]
                print(f"| {label} | {n:,} | {base_rate:.0%} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
