"""How far from the known optimum do learners stay on the simulated business?

    python -m benchmarks.simulation                      # seeds 1–3, 20,000 leads each
    python -m benchmarks.simulation --seeds 1 2 3 4 5 --training
    python -m benchmarks.simulation --scale 1000000      # how long a stream, its truth and its feed take
    python -m benchmarks.simulation --drift              # what each scenario does to a model trained before it

Each seed is its own world. Learners train on the older 80 % and are tested on the newest 20 %; they see
the CSV's creation and contact columns. Bars: the plain logistic regression stays at least .03 AUC below the
optimum, boosting on cross-fitted rates comes within .01. The optimum is the AUC of the true probabilities
on the same test leads; "expected" columns put the true probabilities in the place of the drawn outcomes, so
that only the learner's own error is left.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import combinations
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from leadscoring.simulation import (
    SCENARIOS,
    SimulationConfig,
    Stream,
    event_feed,
    scenario,
    simulate,
    weeks,
    write_crm_csv,
    write_truth,
)
from leadscoring.simulation.columns import CONTACT_COLUMNS, CREATION_COLUMNS, NUMBER_COLUMNS
from leadscoring.simulation.draws import Codes, Flags, Floats, sigmoid
from leadscoring.simulation.measures import ranking_auc

MISSING = ("", "select", "unknown", "-", "n/a")
NUMBERS = [*NUMBER_COLUMNS, "First Response (min)", "Email Opens"]
CATEGORIES = [
    c for c in (*CREATION_COLUMNS, *CONTACT_COLUMNS) if c not in (*NUMBERS, "Created", "Company Name")
]
FOLDS, PAIRS, LEAST_Z = 5, 6, 3.0


def read(leads: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Numbers (NaN where missing) and categories (lower case, "" where missing) of the CRM's cells."""
    clean = leads.apply(lambda cells: cells.str.strip().str.lower())
    clean = clean.mask(clean.isin(MISSING), "")
    numbers = clean[NUMBERS].apply(lambda cells: pd.to_numeric(cells.str.replace(",", ""), errors="coerce"))
    return numbers, clean[CATEGORIES]


def plain_matrix(numbers: pd.DataFrame, levels: pd.DataFrame, train: int) -> Floats:
    """One-hot of levels with a share of at least 1 %, standardised numbers, marks of missing numbers."""
    parts = []
    for name in levels:
        shares = levels[name].iloc[:train].value_counts(normalize=True)
        kept = levels[name].where(levels[name].map(shares).fillna(0.0) >= 0.01, "(rare)")
        parts.append(pd.get_dummies(kept, prefix=name, dtype=float))
    for name in numbers:
        known = numbers[name].iloc[:train]
        # Wild numbers are held to the 1st and 99th percentile: the gap must not come from a few cells.
        filled = numbers[name].clip(known.quantile(0.01), known.quantile(0.99)).fillna(known.median())
        parts.append(((filled - filled.iloc[:train].mean()) / filled.iloc[:train].std()).to_frame())
        parts.append(numbers[name].isna().astype(float).to_frame())
    return pd.concat(parts, axis=1).to_numpy(np.float64)


def plain_logistic(numbers: pd.DataFrame, levels: pd.DataFrame, y: Flags, train: int) -> Floats:
    """The learner that must stay below the optimum: main effects, straight in the numbers."""
    matrix = plain_matrix(numbers, levels, train)
    model = LogisticRegression(C=0.3, max_iter=500).fit(matrix[:train], y[:train])
    return np.asarray(model.predict_proba(matrix[train:])[:, 1])


def hinges(numbers: pd.DataFrame, train: int) -> Floats:
    """max(number - knot, 0) at up to eight quantiles of each number, scaled; 0 where missing."""
    columns = []
    for name in numbers:
        values = numbers[name].to_numpy(np.float64)
        low, *knots, high = np.unique(np.nanquantile(values[:train], np.linspace(0.01, 0.99, 10)))
        held = np.clip(values, low, high)
        scale = np.nanstd(held[:train]) / 3.0
        columns += [np.nan_to_num(np.maximum(held - knot, 0.0) / scale) for knot in knots]
    return np.column_stack(columns)


def log_odds(p: Floats) -> Floats:
    return np.asarray(np.log(p / (1.0 - p)))


class Rates:
    """Cross-fitted deviations of a key's levels in log-odds from what is expected of them already."""

    def __init__(self, codes: Codes, y: Flags, expected: Floats, fold: Codes, weight: float) -> None:
        train, size = len(y), int(codes.max()) + 1
        self.cell = codes[:train] * FOLDS + fold
        shape = (size, FOLDS)
        hits = np.bincount(self.cell, y - expected, minlength=size * FOLDS).reshape(shape)
        information = np.bincount(self.cell, expected * (1.0 - expected), minlength=size * FOLDS).reshape(
            shape
        )
        others = np.clip(
            (hits.sum(1, keepdims=True) - hits) / (information.sum(1, keepdims=True) - information + weight),
            -3,
            3,
        )
        everything = np.clip(hits.sum(1) / (information.sum(1) + weight), -3, 3)
        self.column = np.concatenate([others.ravel()[self.cell], everything[codes[train:]]])


def boosting_on_rates(numbers: pd.DataFrame, levels: pd.DataFrame, y: Flags, train: int) -> Floats:
    """The learner that must reach the optimum: small trees on cross-fitted rates of levels and chosen pairs.

    The trees start from a logistic regression on levels, hinges of the numbers and the pairs.
    """
    y = y[:train]
    fold = np.random.default_rng(0).integers(0, FOLDS, train)
    keys: dict[str, Codes] = {name: pd.factorize(levels[name])[0].astype(np.int64) for name in levels}
    rates = [Rates(codes, y, np.full(train, y.mean()), fold, 2.0).column for codes in keys.values()]
    mains = np.column_stack([plain_matrix(numbers, levels, train), hinges(numbers, train)])
    additive = LogisticRegression(C=0.3, max_iter=500).fit(mains[:train], y)
    expected = additive.predict_proba(mains[:train])[:, 1]
    sign = np.where(y, -1.0, 1.0)
    loss = np.logaddexp(0.0, sign * log_odds(expected))
    scored = []
    for a, b in combinations(keys, 2):
        codes = pd.factorize(keys[a] * 1000 + keys[b])[0].astype(np.int64)
        column = Rates(codes, y, expected, fold, 4.0).column
        gain = loss - np.logaddexp(0.0, sign * (log_odds(expected) + 0.7 * column[:train]))
        scored.append((float(gain.mean() / (gain.std() / np.sqrt(train) + 1e-12)), column))
    scored.sort(key=lambda item: -item[0])
    pairs = [column for z, column in scored[:PAIRS] if z >= LEAST_Z]
    both = np.column_stack([mains, *pairs])
    linear = LogisticRegression(C=0.3, max_iter=500).fit(both[:train], y)
    start = linear.decision_function(both)
    design = np.column_stack([*rates, *pairs, numbers.to_numpy(np.float64)])
    settings = {
        "objective": "binary", "learning_rate": 0.03, "num_leaves": 6, "min_data_in_leaf": 80,
        "lambda_l2": 20.0, "feature_fraction": 0.4, "bagging_fraction": 0.8, "bagging_freq": 1,
        "verbose": -1, "num_threads": 2, "seed": 0,
    }  # fmt: skip
    data = lgb.Dataset(design[:train], y, init_score=start[:train])
    trees = lgb.train(settings, data, num_boost_round=60)
    return sigmoid(start[train:] + np.asarray(trees.predict(design[train:], raw_score=True)))


def default_training(stream: Stream, train: int) -> Floats:
    """What `train_model` would make of the older leads, with its default limits."""
    from scoring.ml.compile import reference_probabilities
    from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame
    from scoring.ml.training import TrainingConfig, TrainingData
    from scoring.ml.training import train as train_ladder

    kinds = dict.fromkeys(NUMBERS, Kind.NUMBER) | dict.fromkeys(CATEGORIES, Kind.CATEGORY)
    kinds |= {"Created": Kind.DATE, "Company Name": Kind.TEXT}
    schema = FeatureSchema(
        tuple(
            FeatureSpec(
                name=name,
                label=name,
                kind=kind,
                missing_tokens=MISSING[1:],
                thousands="," if kind is Kind.NUMBER else "",
                date_format="iso" if kind is Kind.DATE else "",
            )
            for name, kind in kinds.items()
        )
    )
    older, newer = stream.leads.iloc[:train], stream.leads.iloc[train:]
    frame = parse_frame(schema, older)
    target = stream.truth["converts"].to_numpy(bool)[:train]
    data = TrainingData(frame, target, frame["Created"].to_numpy(np.float64), "dates")
    result = train_ladder(schema, data, TrainingConfig(seed=0))
    chosen = [candidate.name for candidate in result.candidates if candidate.chosen]
    print("  default training chose", *chosen)
    return np.asarray(reference_probabilities(result.document, newer.reset_index(drop=True)))


def soft_auc(probability: Floats, score: Floats) -> float:
    """Expected AUC of a score when outcomes are redrawn from the true probabilities."""
    _, place = np.unique(score, return_inverse=True)
    wins, losses = np.bincount(place, probability), np.bincount(place, 1.0 - probability)
    below = np.cumsum(losses) - losses
    return float((wins * (below + 0.5 * losses)).sum() / (wins.sum() * losses.sum()))


def measure(seed: int, leads: int, *, training: bool) -> dict[str, float]:
    # Read two years after the end, all outcomes are known.
    stream = simulate(SimulationConfig(seed=seed, leads=leads, as_of=date(2028, 1, 1)))
    numbers, levels = read(stream.leads)
    y = stream.truth["converts"].to_numpy(bool)
    p = stream.truth["probability"].to_numpy(np.float64)
    train = int(leads * 0.8)
    outcome, truth = y[train:], p[train:]
    scores = {
        "logistic": plain_logistic(numbers, levels, y, train),
        "boosting": boosting_on_rates(numbers, levels, y, train),
    }
    if training:
        scores["training"] = default_training(stream, train)
    best, expected = ranking_auc(outcome, truth), soft_auc(truth, truth)
    row = {"seed": seed, "rate": float(y.mean()), "optimum": best}
    for name, score in scores.items():
        row[name] = ranking_auc(outcome, score)
        row[f"{name} gap"] = best - row[name]
        row[f"{name} expected gap"] = expected - soft_auc(truth, score)
    return row


def scale(leads: int) -> None:
    """Time the plain business and one with every dial turned: stream and weekly truth, files, feed.

    Seconds are of the clock and, in brackets, of the processor, which a busy machine does not stretch.
    """
    onset = date(2025, 7, 1)
    everything = tuple(dial for name in SCENARIOS for dial in scenario(name, onset))
    for name, dials in (("no dial", ()), (f"{len(everything)} dials", everything)):
        print(f"{leads:,} leads, {name}", flush=True)
        with timed("stream"):
            stream = simulate(SimulationConfig(seed=1, leads=leads, dials=dials))
        with timed("truth of each week"):
            weeks(stream)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "leads.csv"
            with timed("leads.csv"):
                write_crm_csv(stream, path)
            print(f"  sha256 of leads.csv {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}")
            with timed("truth as CSV and JSON"):
                write_truth(stream, folder)
        with timed("feed") as spent:
            events = sum(len(batch) for batch in event_feed(stream))
        print(
            f"  {events:,} events: {events / spent[0]:,.0f} a second ({events / spent[1]:,.0f} of the processor)"
        )
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  most memory so far {memory:,.0f} MB", flush=True)


@contextmanager
def timed(what: str) -> Iterator[list[float]]:
    """Print how long it took; the list holds the seconds of clock and processor afterwards."""
    clock, processor = time.perf_counter(), time.process_time()
    spent: list[float] = []
    yield spent
    spent += [time.perf_counter() - clock, time.process_time() - processor]
    print(f"  {what}: {spent[0]:.1f} s ({spent[1]:.1f} s)", flush=True)


def drift(leads: int) -> None:
    """What each scenario does to a plain logistic regression trained before its onset, in expected AUC."""
    onset = date(2025, 9, 1)
    for name in SCENARIOS:
        config = SimulationConfig(seed=1, leads=leads, as_of=date(2028, 1, 1))
        stream = simulate(config.with_dials(*scenario(name, onset)))
        numbers, levels = read(stream.leads)
        truth = stream.truth
        train = int((truth["Created"] < onset.isoformat()).sum())
        score = plain_logistic(numbers, levels, truth["converts"].to_numpy(bool), train)
        counts = ~truth["duplicate"].to_numpy(bool)[train:]
        after = truth["probability"].to_numpy(np.float64)[train:][counts]
        best, reached = soft_auc(after, after), soft_auc(after, score[counts])
        print(
            f"{name:18} after the onset: {counts.sum():6,} leads, rate {after.mean():.3f}, best AUC {best:.3f}, "
            f"model from before {reached:.3f}, mean of its probabilities {score[counts].mean():.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--training", action="store_true", help="also run the default training of scoring.ml")
    parser.add_argument("--scale", type=int, metavar="LEADS", help="only time this many leads")
    parser.add_argument("--drift", action="store_true", help="only what the scenarios do to a model")
    arguments = parser.parse_args()
    if arguments.scale:
        scale(arguments.scale)
        return
    if arguments.drift:
        drift(arguments.leads)
        return
    rows = []
    for seed in arguments.seeds:
        rows.append(measure(seed, arguments.leads, training=arguments.training))
        print({name: round(value, 4) for name, value in rows[-1].items()}, flush=True)
    print(pd.DataFrame(rows).drop(columns="seed").agg(["mean", "min", "max"]).round(4).T.to_string())


if __name__ == "__main__":
    main()
