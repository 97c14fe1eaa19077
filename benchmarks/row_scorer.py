"""The row scorer against the reference pipeline, and how long it takes.

    python -m benchmarks.row_scorer [--rows 10000] [--trees 100] [--leaves 31]

Trains on made-up leads, then scores rows with missing values and unseen levels both ways. Prints the largest
difference of probabilities, of contributions from the margin, and the times of one row and of a batch of 500.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import pandas as pd

from scoring.ml.compile import RowScorer, compile_document, dump_document, reference_probabilities
from scoring.ml.finish import build_document
from scoring.ml.fitting import Recipe, fit_recipe
from scoring.ml.results import TrainingConfig
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame, parse_row

BATCH = 500


def made_up(n: int, seed: int) -> tuple[FeatureSchema, pd.DataFrame, np.ndarray[Any, np.dtype[np.bool_]]]:
    """A schema of 16 columns, raw rows with 10 % missing, and outcomes."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 8)).round(3)
    levels = [rng.integers(0, size, n) for size in (5, 12, 40, 200, 800)]
    day = rng.uniform(20_000, 20_300, n)
    effects = np.random.default_rng(0)
    margin = numbers[:, 0] - np.abs(numbers[:, 1]) + numbers[:, 2] * numbers[:, 3] - 1.0
    for codes in levels:
        margin = margin + effects.normal(0, 0.5, int(codes.max()) + 1)[codes]
    columns: dict[str, list[object]] = {f"number {i}": numbers[:, i].tolist() for i in range(8)}
    columns |= {f"level {i}": [f"L{code}" for code in codes] for i, codes in enumerate(levels)}
    columns["flag"] = (rng.random(n) < 0.4).tolist()
    columns["day"] = [str(np.datetime64("1970-01-01") + np.timedelta64(int(value), "D")) for value in day]
    columns["note"] = [" ".join(["word"] * count) for count in rng.integers(0, 30, n)]
    kinds = {"flag": Kind.YES_NO, "day": Kind.DATE, "note": Kind.TEXT}
    specs = tuple(
        FeatureSpec(
            name,
            name.capitalize(),
            kinds.get(name, Kind.NUMBER if name.startswith("number") else Kind.CATEGORY),
        )
        for name in columns
    )
    raw = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    for name in columns:
        raw.loc[rng.random(n) < 0.1, name] = None
    return FeatureSchema(specs), raw, rng.random(n) < 1 / (1 + np.exp(-margin))


def per_call_ms(scorer: RowScorer, values: list[dict[str, Any]], repeats: int) -> tuple[float, float]:
    """Median and 95th percentile of single scores, in milliseconds."""
    times = []
    for i in range(repeats):
        began = time.perf_counter()
        scorer.score(values[i % len(values)])
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times)), float(np.quantile(times, 0.95))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--leaves", type=int, default=31)
    parser.add_argument("--depth", type=int, default=8, help="the search goes no deeper than 8")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    schema, raw, y = made_up(20_000, 1)
    frame = parse_frame(schema, raw)
    settings: dict[str, float | int] = {
        "learning_rate": 0.05,
        "num_leaves": asked.leaves,
        "max_depth": asked.depth,
        "min_data_in_leaf": 20,
        "penalty": 10.0,
    }
    recipe = Recipe(24, 0).choosing("boosting", settings, asked.trees)
    model = fit_recipe(schema.trainable, frame, y, recipe, lambda: None)
    document = build_document(schema, frame, y, model, model.margins(frame), TrainingConfig())[0]
    scorer = compile_document(document)
    _, fresh, _ = made_up(asked.rows, 2)
    rng = np.random.default_rng(3)
    for name in ("level 0", "level 3", "level 4"):
        fresh.loc[rng.random(asked.rows) < 0.05, name] = "never seen"
    values = [parse_row(schema, record)[0] for record in fresh.to_dict("records")]
    scored = scorer.score_many(values)
    compiled = np.array([one.probability for one in scored])
    slow = reference_probabilities(document, fresh)
    off = max(abs(one.base + sum(one.contributions.values()) - one.margin) for one in scored)
    busy = time.process_time()
    median, tail = per_call_ms(scorer, values, 1000)
    row_cpu = time.process_time() - busy
    began, busy = time.perf_counter(), time.process_time()
    scorer.score_many(values[:BATCH])
    batch, batch_cpu = time.perf_counter() - began, time.process_time() - busy
    found = {
        "rows": asked.rows,
        "rows with an unseen level": sum(bool(one.unseen) for one in scored),
        "columns": len(document["encoder"]["columns"]),
        "trees x leaves": f"{asked.trees} x {asked.leaves}",
        "document MB": round(len(dump_document(document)) / 1e6, 2),
        "largest difference to the pipeline": float(np.abs(compiled - slow).max()),
        "largest difference of contributions to the margin": off,
        "one row with contributions, ms (median)": round(median, 3),
        "one row with contributions, ms (95 %)": round(tail, 3),
        "one row with contributions, ms of CPU": round(row_cpu, 3),
        f"{BATCH} rows with contributions, s": round(batch, 3),
        f"{BATCH} rows with contributions, s of CPU": round(batch_cpu, 3),
    }
    if asked.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:52} {value}")


if __name__ == "__main__":
    main()
