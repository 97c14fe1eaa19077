"""The default training against logistic regression, LightGBM, CatBoost and FLAML run by hand, at equal time.

    make peers                                                   # once: installs CatBoost and FLAML
    python -m benchmarks.peers.training --output var/peers.jsonl [--splits 20] [--timeout 15] [--sets bank deals …]

Repeated stratified splits, three quarters to learn from and one to test. Ours is `scoring.ml.training.train` with its
defaults but for the time limit; each of the others gets the seconds that ours took on that split, judging included.
Every learner gets the same parsed columns. One line a split is appended to the output, so a run that was stopped goes
on where it stopped; `--report` prints the table of what is there. Intervals of differences are corrected for splits
that share leads (Nadeau & Bengio, Machine Learning 52 (2003), equation 8).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import train_test_split

from benchmarks.peers.learners import LEARNERS
from benchmarks.training_real_data import bank, deals, simulated
from leadscoring.simulation.measures import ranking_auc
from scoring.ml.compile import compile_document
from scoring.ml.schema import FeatureSchema, Kind
from scoring.ml.training import TrainingConfig, TrainingData, train

TEST_SHARE = 0.25
BAR = -0.005
Set = tuple[FeatureSchema, pd.DataFrame, NDArray[np.bool_]]


def _real(make: Callable[[Path], tuple[FeatureSchema, TrainingData]]) -> Callable[[Path], Set]:
    def read(data: Path) -> Set:
        schema, found = make(data)
        return schema, found.frame, found.target

    return read


def _world(seed: int) -> Callable[[Path], Set]:
    def draw(data: Path) -> Set:
        schema, found, _ = simulated(seed)
        return schema, found.frame, found.target

    return draw


SETS: dict[str, Callable[[Path], Set]] = {
    "bank": _real(bank),
    "deals": _real(deals),
    "world 1": _world(1),
    "world 2": _world(2),
    "world 3": _world(3),
}


def ours(
    schema: FeatureSchema,
    frame: pd.DataFrame,
    y: NDArray[np.bool_],
    rows: Any,
    tests: Any,
    timeout: float,
    seed: int,
) -> tuple[NDArray[np.float64], str]:
    """Probabilities of the released model for the test rows, by the row scorer that would serve."""
    data = TrainingData(frame.iloc[rows].reset_index(drop=True), y[rows], None, "none")
    # The second look at the finished model is no part of finding it.
    result = train(schema, data, TrainingConfig(timeout_s=timeout, seed=seed, second_look=0.0))
    scorer = compile_document(result.document)
    leads: list[dict[str, Any]] = [{} for _ in tests]
    for name in frame:
        for lead, value in zip(leads, frame[name].to_numpy()[tests].tolist(), strict=True):
            lead[name] = None if value is None or value != value else value
    return np.array([one.probability for one in scorer.score_many(leads)]), result.chosen.name


def measure(name: str, found: Set, split: int, timeout: float) -> dict[str, Any]:
    """One split: AUC and seconds of every learner."""
    schema, frame, y = found
    rows, tests = train_test_split(np.arange(len(y)), test_size=TEST_SHARE, stratify=y, random_state=split)
    kept = [spec.name for spec in schema.trainable if spec.kind is not Kind.TEXT]
    began = time.perf_counter()
    probability, chosen = ours(schema, frame, y, rows, tests, timeout, split)
    seconds = time.perf_counter() - began
    row: dict[str, Any] = {
        "set": name,
        "split": split,
        "n_train": len(rows),
        "n_test": len(tests),
        "chosen": chosen,
    }
    row["auc"] = {"ours": ranking_auc(y[tests], probability)}
    row["seconds"] = {"ours": round(seconds, 2)}
    for learner, fit in LEARNERS.items():
        began = time.perf_counter()
        guess = fit(
            frame[kept].iloc[rows].reset_index(drop=True), y[rows], frame[kept].iloc[tests], seconds, split
        )
        row["auc"][learner] = ranking_auc(y[tests], guess)
        row["seconds"][learner] = round(time.perf_counter() - began, 2)
    return row


def corrected(differences: NDArray[np.float64], n_train: int, n_test: int) -> tuple[float, float, float]:
    """Mean of paired differences over repeated splits and its 95 % interval, corrected for shared leads."""
    k, mean = len(differences), float(differences.mean())
    if k < 2:
        return mean, float("nan"), float("nan")
    error = float(np.sqrt((1 / k + n_test / n_train) * differences.var(ddof=1)))
    half = float(stats.t.ppf(0.975, k - 1)) * error
    return mean, mean - half, mean + half


def report(rows: list[dict[str, Any]]) -> None:
    """The table: mean AUC of each, and ours minus the best of the others by its mean."""
    for name in dict.fromkeys(row["set"] for row in rows):
        mine = [row for row in rows if row["set"] == name]
        auc = {who: np.array([row["auc"][who] for row in mine]) for who in mine[0]["auc"]}
        best = max((who for who in auc if who != "ours"), key=lambda who: float(auc[who].mean()))
        mean, low, high = corrected(auc["ours"] - auc[best], mine[0]["n_train"], mine[0]["n_test"])
        seconds = {who: np.mean([row["seconds"][who] for row in mine]) for who in auc}
        rungs = pd.Series([row["chosen"] for row in mine]).value_counts().to_dict()
        print(f"{name}: {len(mine)} splits, {mine[0]['n_train']:,} leads to learn from; ours chose {rungs}")
        for who, values in auc.items():
            spread = values.std(ddof=1) if len(values) > 1 else 0.0
            print(f"  {who:9} AUC {values.mean():.4f} (sd {spread:.4f}), {seconds[who]:.1f} s")
        verdict = "met" if mean >= BAR else "missed"
        print(
            f"  ours - {best}: {mean:+.4f} (95 % {low:+.4f} to {high:+.4f}); bar {BAR:+.3f} on average: {verdict}"
        )


def known(path: Path) -> list[dict[str, Any]]:
    """What an earlier run has written."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    """Measure what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else "")
    parser.add_argument("--output", type=Path, default=Path("var/peers-training.jsonl"))
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--timeout", type=float, default=15.0, help="time limit of ours, in seconds (15)")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[3] / "shared" / "data")
    parser.add_argument("--report", action="store_true", help="only print the table")
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    if not asked.report:
        todo = list(_missing(known(asked.output), asked.sets, asked.splits))
        sets: dict[str, Set] = {}
        for done, (name, split) in enumerate(todo):
            if name not in sets:
                sets[name] = SETS[name](asked.data)
            row = measure(name, sets[name], split, asked.timeout)
            with asked.output.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(
                f"{done + 1} of {len(todo)}: {name}, split {split}: {row['auc']}", file=sys.stderr, flush=True
            )
    report([row for row in known(asked.output) if row["set"] in asked.sets])


def _missing(rows: list[dict[str, Any]], sets: Iterable[str], splits: int) -> Iterable[tuple[str, int]]:
    there = {(row["set"], row["split"]) for row in rows}
    # All sets of one split before the next split: whenever it is stopped, every set has as many.
    return ((name, split) for split in range(1, splits + 1) for name in sets if (name, split) not in there)


if __name__ == "__main__":
    main()
