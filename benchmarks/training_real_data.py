"""Training with defaults on the two real files, on made-up pairs and on the simulated stream.

    python -m benchmarks.training_real_data [bank] [deals] [pairs] [simulated] [--timeout 90] [--seeds 1 2 3]

Prints ROC-AUC with 95 % intervals for each split, the rung that was chosen and the seconds it took. The real
files are read from ../shared/data (or --data); a file that is not there is skipped with that word.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scoring.ml.intervals import Estimate, delong_auc
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame
from scoring.ml.training import TrainingConfig, TrainingData, TrainingResult, train

NUMBERS = {"age", "balance", "day", "campaign", "pdays", "previous"}
FLAGS = {"default", "housing", "loan"}


def bank(data: Path) -> tuple[FeatureSchema, TrainingData]:
    """Bank marketing without `duration`, which is known only after the call."""
    raw = pd.read_csv(data / "bank-marketing.csv.gz", sep=";", dtype=str)
    y = (raw.pop("y") == "yes").to_numpy()
    specs = []
    for name in raw.columns.drop("duration"):
        kind = Kind.NUMBER if name in NUMBERS else Kind.YES_NO if name in FLAGS else Kind.CATEGORY
        tokens = ("-1",) if name == "pdays" else ("unknown",) if kind is Kind.CATEGORY else ()
        specs.append(FeatureSpec(name, name.capitalize(), kind, missing_tokens=tokens))
    schema = FeatureSchema(tuple(specs))
    return schema, TrainingData(parse_frame(schema, raw), y, None, "file")


def deals(data: Path) -> tuple[FeatureSchema, TrainingData]:
    """B2B deals: 448 rows, all categories."""
    raw = pd.read_csv(data / "b2b-deals.csv.gz", sep=";", dtype=str)
    y = (raw.pop("Status") == "Won").to_numpy()
    schema = FeatureSchema(
        tuple(FeatureSpec(name, name, Kind.CATEGORY, missing_tokens=("Unknown",)) for name in raw.columns)
    )
    return schema, TrainingData(parse_frame(schema, raw), y, None, "file")


def pairs() -> tuple[FeatureSchema, TrainingData]:
    """8,000 leads whose signal sits in pairs of two categories, one with 450 levels."""
    from tests.pure.ml.leads import paired_leads

    leads = paired_leads()
    return leads.schema, TrainingData(leads.frame, leads.target, leads.created, "dates")


def simulated(seed: int) -> tuple[FeatureSchema, TrainingData, np.ndarray[Any, np.dtype[np.float64]]]:
    """20,000 leads of the simulated business, what is known at creation, and their true probabilities."""
    from leadscoring.simulation import SimulationConfig, simulate
    from leadscoring.simulation.columns import CREATION_COLUMNS
    from scoring.ml.drafting import draft_features

    stream = simulate(SimulationConfig(seed=seed, leads=20_000))
    raw = stream.leads[[name for name in CREATION_COLUMNS if name != "Lead ID"]]
    y = stream.truth["converts"].to_numpy(bool)
    created = pd.to_datetime(stream.leads["Created"], utc=True).dt.tz_localize(None)
    days = created.to_numpy().astype("datetime64[s]").astype(np.float64) / 86_400
    schema = draft_features(raw, y, created=days).schema
    data = TrainingData(parse_frame(schema, raw), y, days, "dates")
    return schema, data, stream.truth["probability"].to_numpy(np.float64)


def line(name: str, estimate: Estimate | None) -> str:
    """One estimate with its interval and sample."""
    if estimate is None:
        return f"  {name:34} not measured"
    return (
        f"  {name:34} {estimate.value:.4f}  ({estimate.low:.4f} to {estimate.high:.4f}, n = {estimate.n:,})"
    )


def report(title: str, result: TrainingResult, seconds: float) -> None:
    """Print one run."""
    print(f"{title}: {seconds:.0f} s, {result.chosen.name}, {json.dumps(dict(result.params))}")
    print(line(f"test, {result.split.kind}", result.metrics.get("roc_auc")))
    for other in result.other_splits:
        print(line(other.name, other.metrics.get("roc_auc")))
        if other.warning:
            print(f"    {other.warning}")
    for candidate in result.candidates:
        print(line(f"out of fold: {candidate.name}", candidate.auc))
    for note in result.notes:
        print(f"  - {note}")


def main() -> None:
    """Run what was asked for and print it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("which", nargs="*", default=["bank", "deals", "pairs", "simulated"])
    parser.add_argument("--timeout", type=float, default=90.0)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    asked = parser.parse_args()
    config = TrainingConfig(timeout_s=asked.timeout)
    for name, make in (("bank", bank), ("deals", deals)):
        if name in asked.which:
            if not asked.data.exists():
                print(f"{name}: skipped, {asked.data.name}/ is not there")
                continue
            schema, data = make(asked.data)
            began = time.perf_counter()
            report(name, train(schema, data, config), time.perf_counter() - began)
    if "pairs" in asked.which:
        schema, data = pairs()
        began = time.perf_counter()
        report("pairs", train(schema, data, config), time.perf_counter() - began)
    for seed in asked.seeds if "simulated" in asked.which else []:
        schema, data, probability = simulated(seed)
        began = time.perf_counter()
        result = train(schema, data, config)
        report(f"simulated, seed {seed}", result, time.perf_counter() - began)
        assert data.order is not None
        newest = np.argsort(data.order, kind="stable")[-result.split.test_leads :]
        best = delong_auc(data.target[newest], probability[newest])
        print(line("known optimum on the same test leads", best))
        print(f"  distance to the optimum            {best.value - result.metrics['roc_auc'].value:.4f}")


if __name__ == "__main__":
    main()
