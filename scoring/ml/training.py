"""Training: from parsed leads with outcomes to a model document and everything that judges it.

The newest leads are set aside; rungs of the ladder are tuned and compared out of fold on the rest; the
chosen one is tested on the newest; then it is refitted on all leads, and that refit is the document. What the
test number does not say is looked into last, and changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from scoring.ml.budget import Budget, TrainingCancelled
from scoring.ml.compile import ParityReport, compile_document, parity
from scoring.ml.finish import build_document, parsed_rows, profile
from scoring.ml.fitting import Recipe, fit_recipe, ladder_folds, out_of_fold
from scoring.ml.importance import global_importance
from scoring.ml.judging import judge_ordered, judge_random, judge_test, summarise, with_warnings
from scoring.ml.ladder import climb
from scoring.ml.metrics import calibration_curve, gain_curve
from scoring.ml.parallel import run_aside
from scoring.ml.readiness import judge_readiness
from scoring.ml.results import TrainingConfig, TrainingData, TrainingResult
from scoring.ml.schema import FeatureSchema
from scoring.ml.second_look import Trained, look_again
from scoring.ml.selection import Candidate
from scoring.ml.splits import Split, TrainingError, choose_split
from scoring.ml.values import Kind

__all__ = ["TrainingCancelled", "TrainingConfig", "TrainingData", "TrainingError", "TrainingResult", "train"]


IMPORTANCE_ROWS = 1000
ENCODINGS_TO_COME, JUDGING_S = 2.5, 3.0


def train(
    schema: FeatureSchema,
    data: TrainingData,
    config: TrainingConfig | None = None,
    *,
    progress: Callable[[str, float], None] = lambda message, share: None,
    cancelled: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> TrainingResult:
    """Train, judge and document one model.

    `data.frame` is what `parse_frame` returns for `schema`; `progress` gets a message and a share 0..1, at
    least once a second, always on the calling thread; `cancelled` is asked as often. The same data, config
    and seed give the same document unless the time limit cut the search short, which `notes` says.

    Raises TrainingError in words when the leads cannot carry a model, TrainingCancelled when asked to stop.
    """
    config = config or TrainingConfig()
    _check(schema, data)
    budget = Budget(config.timeout_s, progress, cancelled, clock)
    # More threads would fight the fits that already run side by side.
    with threadpool_limits(limits=1):
        return _train(schema, data, config, budget)


def _check(schema: FeatureSchema, data: TrainingData) -> None:
    if not schema.trainable:
        raise TrainingError("no feature may train: all are excluded or identifiers; expected at least one")
    absent = [spec.name for spec in schema.trainable if spec.name not in data.frame.columns]
    if absent:
        raise TrainingError(
            f"the leads have no column “{absent[0]}”; expected every feature of the feature set"
        )
    if len(data.frame) != len(data.target):
        raise TrainingError(f"{len(data.target)} outcomes for {len(data.frame)} leads; expected one per lead")
    if data.held_out is not None and len(data.held_out.frame) != len(data.target):
        raise TrainingError(
            f"{len(data.held_out.frame)} rows of held-out columns for {len(data.target)} leads; expected one per lead"
        )


def _train(
    schema: FeatureSchema, data: TrainingData, config: TrainingConfig, budget: Budget
) -> TrainingResult:
    specs, y = schema.trainable, data.target.astype(np.bool_)
    # Only these columns: whatever else stands in the frame can then reach no model.
    frame = data.frame[[spec.name for spec in specs]].reset_index(drop=True)
    readiness = judge_readiness(
        y, minimum_leads=config.minimum_leads, minimum_conversions=config.minimum_conversions
    )
    budget.report("Choosing the test leads", 0.01)
    dates = frozenset(spec.name for spec in specs if spec.kind is Kind.DATE)
    split = choose_split(
        frame, y, data.order, data.order_kind, share=config.test_share, seed=config.seed, dates=dates
    )
    budget.report("Encoding the leads", 0.03)
    began = budget.elapsed
    first = Recipe(max_pairs=config.max_pairs if readiness.pairs else 0, seed=config.seed)
    folds = ladder_folds(
        specs, frame.iloc[split.train], y[split.train], first, config.folds, config.threads, budget
    )
    # Encoding comes again for the test model, the random folds, the ordered split and the refit.
    reserve_s = ENCODINGS_TO_COME * (budget.elapsed - began) + JUDGING_S
    climbed = climb(folds, y[split.train], readiness.ladder, config, reserve_s, budget)
    del folds
    kind = climbed.chosen.kind
    recipe = first.choosing(kind, climbed.settings.get(kind, {}), climbed.rounds.get(kind, 0))
    budget.report("Testing on leads the models have not met", 0.68)
    tested = run_aside(lambda tick: judge_test(specs, frame, y, split, climbed, recipe, tick), budget)
    budget.report("Judging on random folds", 0.74)
    oof = out_of_fold(specs, frame, y, recipe, config.folds, config.threads, budget)
    others = [run_aside(lambda tick: judge_random(y, oof, config), budget)]
    budget.report("Judging on the newest 30 %", 0.81)
    ordered = run_aside(lambda tick: judge_ordered(specs, frame, y, split, climbed, recipe, tick), budget)
    others += [] if ordered is None else [ordered]
    budget.report("Refitting on all leads", 0.85)
    began = budget.elapsed
    final = run_aside(partial(fit_recipe, specs, frame, y, recipe), budget)
    fit_s = budget.elapsed - began
    document, probabilities = run_aside(
        lambda tick: build_document(schema, frame, y, final, oof, config), budget
    )
    budget.report("Comparing the row scorer with the pipeline", 0.88)
    scorer = compile_document(document)
    report = parity(document, scorer)
    reference = run_aside(lambda tick: profile(schema, frame, document, probabilities), budget)
    rows = parsed_rows(schema, frame, rows=IMPORTANCE_ROWS, seed=config.seed)
    importance = global_importance(scorer, rows)
    trained = Trained(specs, frame, y, split, recipe, tested, oof, importance, fit_s)
    look = look_again(trained, data.held_out, config, budget)
    result = TrainingResult(
        document=document,
        candidates=tested.candidates,
        split=summarise(split, y),
        metrics=tested.metrics,
        left_out=tested.left_out,
        other_splits=with_warnings(others, tested.metrics, split, y),
        calibration_curve=calibration_curve(y[split.test], tested.probabilities),
        gain_curve=gain_curve(y[split.test], tested.probabilities),
        importance=importance,
        reference=reference,
        readiness=readiness,
        notes=(
            *readiness.messages,
            *climbed.notes,
            *_notes(tested.candidates, split, document, report),
            *look.notes,
        ),
        params=_params(recipe, document),
        parity=report,
        second_look=look,
        oof=probabilities,
    )
    budget.report("Trained", 1.0)
    return result


def _notes(
    candidates: Sequence[Candidate], split: Split, document: Mapping[str, Any], report: ParityReport
) -> list[str]:
    notes = [
        (
            "The metrics belong to the model trained without the test leads; the released model has the same "
            "settings and is refitted on all leads."
        ),
        str(document["calibrator"].get("reason", "")),
    ]
    if split.kind != "random":
        notes += _overtaken(candidates)
    if not report.ok:
        notes.append(
            f"The row scorer differs from the reference pipeline by {report.max_difference:.2g} on the "
            "sample: the pipeline will serve instead."
        )
    return [note for note in notes if note]


def _overtaken(candidates: Sequence[Candidate]) -> list[str]:
    """A remark when another rung did clearly better on the newest leads; the choice never looks there."""
    on_test = {c.name: c.test_auc.value for c in candidates if c.test_auc is not None}
    chosen = next(candidate.name for candidate in candidates if candidate.chosen)
    best = max(on_test, key=lambda name: on_test[name], default=chosen)
    if best == chosen or on_test[best] <= on_test[chosen] + 0.01:
        return []
    note = (
        f"On the newest leads {best} did better (AUC {on_test[best]:.3f}) than the chosen {chosen} "
        f"({on_test[chosen]:.3f}): the patterns of the older leads do not all hold any more."
    )
    return [note]


def _params(recipe: Recipe, document: Mapping[str, Any]) -> dict[str, float | int | str]:
    columns = document["encoder"]["columns"]
    return {
        "kind": recipe.kind,
        **recipe.settings,
        **({"rounds": recipe.rounds} if recipe.kind == "boosting" else {}),
        "columns": len(columns),
        "pairs": sum(column["op"] == "pair" for column in columns),
        "seed": recipe.seed,
    }
