"""Drift of two frames beside Evidently: the time of a whole comparison, and equal values where both compute the same.

make watch-peers && .venv-watch/bin/python -m benchmarks.peers.drift
"""

from __future__ import annotations

import argparse
import json
import warnings
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from monitoring.stats.divergence import jensen_shannon, population_stability_index
from monitoring.stats.drift import compare
from monitoring.stats.frames import reference_windows, windows
from monitoring.stats.kolmogorov import ks_of_columns

ROWS, COLUMNS = 200_000, 40
FASTER_BAR, EQUAL_BAR = 30.0, 1e-6


def main() -> None:
    """Print times, the ratio and the largest differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.rows, options.repeats)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print(
        f"Two frames of {options.rows:,} x {COLUMNS}, best of {options.repeats} each, one process, in turn:"
    )
    print(f"  Evidently {found['evidently']}, DataDriftPreset: {found['theirs']:.2f} s")
    print(f"  ours, bins and counts from the frames, all measures and p-values: {found['ours']:.3f} s")
    print(f"  ratio {found['ratio']:.0f} (bar {FASTER_BAR:.0f})")
    for name, value in found["differences"].items():
        print(f"  largest difference of {name}: {value:.1e} (bar {EQUAL_BAR:g})")


def frames(rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """20 numbers and 20 categories, some missing; every second column has moved a little in the second frame."""
    rng = np.random.default_rng(7)
    made = []
    for moved in (0.0, 0.15):
        data: dict[str, Any] = {}
        for k in range(COLUMNS // 2):
            values = rng.normal(moved * (k % 2), 1.0, rows)
            values[rng.random(rows) < 0.02] = np.nan
            data[f"number_{k}"] = values
        for k in range(COLUMNS // 2):
            weights = np.arange(1.0, 9.0) + moved * 4 * (k % 2)
            names = np.array([f"level {i}" for i in range(8)], dtype=object)
            data[f"category_{k}"] = rng.choice(names, rows, p=weights / weights.sum())
        made.append(pd.DataFrame(data))
    return made[0], made[1]


def measure(rows: int, repeats: int) -> dict[str, Any]:
    """Both on the same frames, in turn; the best time of each counts."""
    warnings.simplefilter("ignore")
    import evidently
    from evidently import Report
    from evidently.presets import DataDriftPreset

    reference, current = frames(rows)
    theirs, ours = [], []
    for _ in range(repeats):
        begin = perf_counter()
        Report([DataDriftPreset()]).run(current, reference).dict()
        theirs.append(perf_counter() - begin)
        begin = perf_counter()
        before = reference_windows(reference)
        now = windows(current, before)
        drifts = {name: compare(now[name], one.window, ordered=one.ordered) for name, one in before.items()}
        ours.append(perf_counter() - begin)
    assert len(drifts) == COLUMNS
    return {
        "evidently": evidently.__version__,
        "theirs": min(theirs),
        "ours": min(ours),
        "ratio": min(theirs) / min(ours),
        "differences": differences(reference, current),
    }


def differences(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, float]:
    """The largest difference of each measure, with their bins and their smoothing (none is needed: no bin is empty)."""
    from evidently.legacy.calculations.stattests import jensenshannon_stat_test, ks_stat_test, psi_stat_test
    from evidently.legacy.core import ColumnType

    worst = {
        "PSI (categories)": 0.0,
        "PSI (numbers)": 0.0,
        "Jensen-Shannon (categories)": 0.0,
        "KS p-value": 0.0,
    }

    def note(name: str, mine: float, other: float) -> None:
        worst[name] = max(worst[name], abs(mine - other))

    small_reference, small_current = reference.iloc[:20_000], current.iloc[:20_000]
    for name in reference.columns:
        a, b = small_reference[name].dropna(), small_current[name].dropna()
        if name.startswith("category"):
            levels = sorted(set(a) | set(b))
            q, p = (one.value_counts(normalize=True).reindex(levels).to_numpy() for one in (a, b))
            kind = ColumnType.Categorical
            note(
                "PSI (categories)",
                float(population_stability_index(p, q)),
                psi_stat_test.func(a, b, kind, 0.1)[0],
            )
            # Theirs has natural logarithms inside the root, ours is to base 2.
            other = jensenshannon_stat_test.func(a, b, kind, 0.1)[0]
            note("Jensen-Shannon (categories)", float(jensen_shannon(p, q)) * np.sqrt(np.log(2)), other)
        else:
            note("KS p-value", ks_of_columns(b, a).p, ks_stat_test.func(a, b, ColumnType.Numerical, 0.05)[0])
            # Between 0 and 1 and nearly even, so that none of their equal bins is empty.
            a, b = (pd.Series(ndtr(one)) for one in (a, b))
            edges = np.histogram_bin_edges(np.concatenate([a, b]), bins="sturges")
            q, p = (np.histogram(one, edges)[0] / len(one) for one in (a, b))
            note(
                "PSI (numbers)",
                float(population_stability_index(p, q)),
                psi_stat_test.func(a, b, ColumnType.Numerical, 0.1)[0],
            )
    return worst


if __name__ == "__main__":
    main()
