"""A second rung of honesty: what the test number alone does not say, within a time of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from scoring.ml.budget import Budget
from scoring.ml.estimators import Bools
from scoring.ml.fitting import OUT_OF_FOLD, Recipe, Specs, Tick
from scoring.ml.held_out import HeldOutColumns, judge_held_out
from scoring.ml.importance import Importance
from scoring.ml.judging import TestVerdict, cross_calibrated
from scoring.ml.learning import LearningCurve, LearningPlan, learning_curve, plan_learning
from scoring.ml.parallel import run_aside
from scoring.ml.pipeline import Floats
from scoring.ml.repeats import SplitSpread, split_jobs, split_spread
from scoring.ml.results import HeldOut, TrainingConfig
from scoring.ml.room import Room
from scoring.ml.slice_words import Slices
from scoring.ml.slices import find_slices
from scoring.ml.splits import Split, stratified_folds
from scoring.ml.values import FeatureSpec, Kind, KnownAt

LEAST_S, MOST_S = 6.0, 300.0
FIT_SHARE = 0.5
"""A fit with known pairs takes at most that part of one that looks for them."""
HELD_OUT_UNTIL, CURVE_UNTIL = 0.45, 0.7
"""Marks within the time of the second look; what one part leaves over goes to the next."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Learning curve, held-out columns, spread over splits, weak slices; None where `notes` say why there is none."""

    learning_curve: LearningCurve | None = None
    held_out: HeldOutColumns | None = None
    split_spread: SplitSpread | None = None
    slices: Slices | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The parts by name; a part that is not there is left out."""
        parts = {
            "learning_curve": self.learning_curve,
            "held_out": self.held_out,
            "split_spread": self.split_spread,
            "slices": self.slices,
        }
        return {name: part.to_json() for name, part in parts.items() if part is not None}


@dataclass(frozen=True, slots=True)
class Trained:
    """What training has come to when the second look begins."""

    specs: Specs
    frame: pd.DataFrame
    y: Bools
    split: Split
    recipe: Recipe
    tested: TestVerdict
    oof_margins: Floats
    importance: Sequence[Importance]
    fit_s: float


def look_again(
    trained: Trained, held_out: HeldOut | None, config: TrainingConfig, budget: Budget
) -> SecondLook:
    """Judge what was trained from four more sides, as far as time allows. Raises TrainingCancelled.

    The fits reuse the recipe of the chosen rung: nothing is searched again and nothing here changes the model.
    """
    if config.second_look == 0:
        return SecondLook()
    if held_out is not None:
        held_out = HeldOut(held_out.specs, held_out.frame.reset_index(drop=True))
    seconds = min(max(config.second_look * budget.elapsed, LEAST_S), MOST_S)
    room = Room(budget, seconds=seconds, threads=config.threads, fit_s=FIT_SHARE * trained.fit_s)
    budget.report("Looking for groups of leads where the model is weak", 0.9)
    slices = run_aside(partial(_slices, trained, held_out, config), budget)
    if trained.recipe.kind == "prior":
        plain = (
            "There is no learning curve, and held-out columns are not tried: the model is the overall rate."
        )
        return SecondLook(slices=slices, notes=(plain,))
    auc = trained.tested.metrics.get("roc_auc")
    if auc is None:
        one_sided = (
            "No learning curve, held-out columns or repeated splits: the test leads have one outcome only."
        )
        return SecondLook(slices=slices, notes=(one_sided,))
    # The pairs of the training part: nothing is searched again, and most of the time of a fit is spared.
    t = replace(trained, recipe=replace(trained.recipe, pairs=trained.tested.pairs))
    notes: list[str] = []
    budget.report("Trying the held-out columns", 0.91)
    added = None
    if held_out is not None:
        added = judge_held_out(
            t.specs,
            t.frame,
            held_out,
            t.y,
            t.split,
            t.recipe,
            t.tested.margins,
            room=room,
            until=HELD_OUT_UNTIL,
        )
        notes += _missed(added)
    budget.report("Drawing the learning curve", 0.93)
    plan = plan_learning(t.specs, t.frame, t.y, t.split, t.recipe)
    curve_jobs = [] if isinstance(plan, str) else plan.jobs
    one_round = 0 if isinstance(plan, str) else len(plan.shares)
    margins = room.run(curve_jobs[:one_round], until=CURVE_UNTIL)
    budget.report("Testing on other random splits", 0.95)
    splits = split_jobs(t.specs, t.frame, t.y, t.recipe, len(t.split.test))
    aucs = room.run(splits)
    if len(margins) == one_round:
        budget.report("Drawing the learning curve again", 0.97)
        margins += room.run(curve_jobs[one_round:])
    curve, why = _curve(t, plan, margins)
    notes += why
    spread = split_spread(
        aucs, len(t.y), test_leads=len(t.split.test), test_auc=auc, newest=t.split.kind != "random"
    )
    if spread is None:
        notes.append(
            "Not enough time for repeated splits; a longer time limit shows how much is luck of the split."
        )
    return SecondLook(curve, added, spread, slices, tuple(notes))


def _curve(
    t: Trained, plan: LearningPlan | str, margins: Sequence[Floats]
) -> tuple[LearningCurve | None, list[str]]:
    if isinstance(plan, str):
        return None, [plan]
    curve = learning_curve(
        plan, margins, t.y, t.split, t.tested.calibrator, t.tested.margins, seed=t.recipe.seed
    )
    late = "Not enough time for the learning curve; a longer time limit shows it."
    return curve, [] if curve is not None else [late]


def _missed(added: HeldOutColumns | None) -> list[str]:
    missed = [] if added is None else [one.label for one in added.columns if one.verdict == "not tried"]
    if not missed:
        return []
    named = ", ".join(missed[:5]) + (f" and {len(missed) - 5} more" if len(missed) > 5 else "")
    return [f"Not enough time to try what these held-out columns would have added: {named}."]


def _slices(trained: Trained, held_out: HeldOut | None, config: TrainingConfig, tick: Tick) -> Slices:
    t = trained
    probabilities = cross_calibrated(t.y, t.oof_margins, config.folds, config.seed)
    fold = stratified_folds(t.y, config.folds, t.recipe.seed + OUT_OF_FOLD)
    sensitive = [] if held_out is None else [spec for spec in held_out.specs if _may_slice(spec)]
    frame = t.frame
    if held_out is not None and sensitive:
        frame = pd.concat([frame, held_out.frame[[spec.name for spec in sensitive]]], axis=1)
    importance = {item.feature: item.share for item in t.importance}
    return find_slices(
        (*t.specs, *sensitive), frame, t.y, probabilities, fold, importance, seed=config.seed, tick=tick
    )


def _may_slice(spec: FeatureSpec) -> bool:
    """Sensitive columns are looked at although no model may use them; what comes later would split by outcome."""
    return spec.sensitive and spec.known_at is KnownAt.CREATION and spec.kind is not Kind.IDENTIFIER
