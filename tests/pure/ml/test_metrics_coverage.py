"""The promised 95 %: a quick run of the coverage simulation (the full table is in the benchmarks)."""

from __future__ import annotations

import pytest

from benchmarks.simulations.coverage import World, coverage

REPS = 250
# 250 draws of a 95 % interval show 91.2 to 98.4 % in 99 of 100 runs.
LOWEST, HIGHEST = 0.912, 0.984
QUICK = (
    "roc_auc",
    "auc_difference",
    "calibration_intercept",
    "calibration_slope",
    "grade_a_rate",
    "pr_auc",
    "top_decile_lift",
    "log_loss",
    "brier",
)


@pytest.mark.parametrize(("n", "base_rate"), [(50, 0.2), (200, 0.1)])
def test_intervals_cover_what_they_promise(n: int, base_rate: float) -> None:
    result = coverage(World(base_rate), n, reps=REPS, seed=11, names=QUICK)
    missed = {name: share for name, (share, _) in result.items() if not LOWEST <= share <= HIGHEST}
    assert missed == {}
    assert all(done > 0.95 * REPS for _, done in result.values())


def test_the_true_values_of_the_simulation_come_out_of_a_large_sample() -> None:
    # Intervals of 5,000 leads are narrow: a true value that is computed wrongly falls outside.
    world = World(0.1, spread=1.5, shift=0.4, stretch=1.3)
    result = coverage(world, 5000, reps=15, seed=3, names=QUICK)
    assert all(share >= 0.7 for share, _ in result.values()), result


def test_a_wrong_truth_would_be_noticed() -> None:
    class Shifted(World):
        def truth(self) -> dict[str, float]:
            return {name: value + 0.2 for name, value in super().truth().items()}

    result = coverage(Shifted(0.1), 1000, reps=40, seed=3, names=("roc_auc", "grade_a_rate"))
    assert all(share < 0.5 for share, _ in result.values())
