"""Performance before labels beside NannyML: the car-loan set of its wheel, chunk by chunk.

make watch-peers && .venv-watch/bin/python -m benchmarks.peers.estimation
"""

from __future__ import annotations

import argparse
import json
import warnings
from time import perf_counter
from typing import Any

import numpy as np

from monitoring.stats.estimation import estimated_auc
from scoring.ml.delong import delong_auc

CHUNK = 5_000
BAR = 0.005


def main() -> None:
    """Print a row for each chunk, and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = compare()
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print("| chunk | leads | NannyML | ours (95 % interval) | difference | realised AUC |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in found["chunks"]:
        print(
            f"| {row['chunk']} | {row['n']:,} | {row['theirs']:.4f} | {row['ours']:.4f} ({row['low']:.4f} to "
            f"{row['high']:.4f}) | {row['difference']:+.4f} | {row['realised']:.4f} |"
        )
    print(
        f"\nLargest difference {found['largest']:.4f}; bar {BAR}. NannyML {found['their_seconds']:.1f} s to fit and "
        f"estimate, ours {found['our_seconds']:.3f} s. Realised AUC inside our interval in {found['covered']} of "
        f"{len(found['chunks'])}."
    )


def compare() -> dict[str, Any]:
    """Both estimates of every chunk on the probabilities as they are in the set."""
    warnings.simplefilter("ignore")
    import nannyml

    reference, analysis, target = nannyml.load_synthetic_car_loan_dataset()
    begin = perf_counter()
    estimator = nannyml.CBPE(
        problem_type="classification_binary",
        y_pred_proba="y_pred_proba",
        y_pred="y_pred",
        y_true="repaid",
        metrics=["roc_auc"],
        chunk_size=CHUNK,
    )
    estimator.fit(reference)
    table = estimator.estimate(analysis).filter(period="analysis").to_df()
    theirs = table["roc_auc"]["value"].to_numpy()
    their_seconds = perf_counter() - begin
    recalibrated = bool(estimator.needs_calibration)
    p = analysis["y_pred_proba"].to_numpy(float)
    if recalibrated:
        p = np.asarray(estimator.calibrator.calibrate(p), dtype=float)
    y = target["repaid"].to_numpy().astype(bool)
    rows = []
    our_seconds = 0.0
    for place, start in enumerate(range(0, len(p), CHUNK)):
        mine = slice(start, start + CHUNK)
        begin = perf_counter()
        ours = estimated_auc(p[mine])
        our_seconds += perf_counter() - begin
        rows.append(
            {
                "chunk": place,
                "n": len(p[mine]),
                "theirs": float(theirs[place]),
                "ours": ours.value,
                "low": ours.low,
                "high": ours.high,
                "difference": ours.value - float(theirs[place]),
                "realised": delong_auc(y[mine], p[mine]).value,
            }
        )
    return {
        "chunks": rows,
        "largest": max(abs(row["difference"]) for row in rows),
        "recalibrated": recalibrated,
        "their_seconds": their_seconds,
        "our_seconds": our_seconds,
        "covered": sum(row["low"] <= row["realised"] <= row["high"] for row in rows),
    }


if __name__ == "__main__":
    main()
