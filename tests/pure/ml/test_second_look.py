"""The second look: what it finds with a real training, within its time, and without touching the model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.ml.budget import Budget
from scoring.ml.compile import dump_document
from scoring.ml.document import DocumentError, check_document
from scoring.ml.estimates import Estimate
from scoring.ml.learning import gain_words, nested_subsets, round_number, usable_shares
from scoring.ml.results import HeldOut
from scoring.ml.room import Room
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, KnownAt
from scoring.ml.training import (
    TrainingCancelled,
    TrainingConfig,
    TrainingData,
    TrainingError,
    TrainingResult,
    train,
)
from tests.pure.ml.leads import Leads, mixed_leads

QUICK = TrainingConfig(trials=1, timeout_s=1e5, max_rounds=20, folds=3, max_pairs=2, sample_rows=20)
LEAK = FeatureSpec("duration", "Call duration", Kind.NUMBER, known_at=KnownAt.OUTCOME, excluded=True)
TOKEN = FeatureSpec("contract", "Contract number", Kind.IDENTIFIER, known_at=KnownAt.OUTCOME, excluded=True)
NOISE = FeatureSpec("noise", "Noise", Kind.NUMBER, excluded=True, exclusion_reason="Nobody knows what it is.")
EMPTY = FeatureSpec("empty", "Empty", Kind.CATEGORY, excluded=True)
HELD = (LEAK, TOKEN, NOISE, EMPTY)


class Still:
    """A clock that stands."""

    def __call__(self) -> float:
        return 0.0


def held_out(leads: Leads, specs: tuple[FeatureSpec, ...] = HELD) -> HeldOut:
    rng = np.random.default_rng(0)
    n = len(leads.target)
    columns: dict[str, Any] = {
        "duration": leads.target * 3.0 + rng.normal(0, 1, n),
        "contract": np.where(leads.target & (rng.random(n) < 0.9), "C-1", np.array(None, dtype=object)),
        "noise": rng.normal(0, 1, n),
        "empty": np.full(n, None, dtype=object),
    }
    kept = {spec.name: pd.Series(columns[spec.name], dtype=columns[spec.name].dtype) for spec in specs}
    return HeldOut(specs, pd.DataFrame(kept))


def run(
    leads: Leads, config: TrainingConfig = QUICK, *, held: HeldOut | None = None, **options: Any
) -> TrainingResult:
    specs = (*leads.schema.features, *(held.specs if held else ()))
    data = TrainingData(leads.frame, leads.target, leads.created, "dates", held)
    return train(FeatureSchema(specs), data, config, **{"clock": Still(), **options})


@pytest.fixture(scope="module")
def leads() -> Leads:
    return mixed_leads(1500, seed=1)


@pytest.fixture(scope="module")
def result(leads: Leads) -> TrainingResult:
    return run(leads, held=held_out(leads))


def test_all_four_parts_are_there_and_json(result: TrainingResult) -> None:
    told = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert {"learning_curve", "held_out", "split_spread", "slices"} <= set(told)
    assert not [note for note in result.notes if "Not enough time" in note]


def test_a_leak_is_called_one_and_noise_costs_nothing(result: TrainingResult) -> None:
    held = result.second_look.held_out
    assert held is not None
    by_name = {column.name: column for column in held.columns}
    assert held.columns[0].label == "all of them together"
    assert by_name["duration"].verdict == by_name["contract"].verdict == by_name[""].verdict == "leak"
    assert by_name["duration"].words.startswith("Adding Call duration would lift the AUC from 0.")
    assert by_name["duration"].words.endswith(
        "that is the sign of a leak, it is known only after the outcome."
    )
    assert by_name["duration"].lift is not None
    assert by_name["duration"].lift.low > 0.05
    assert by_name["noise"].verdict in ("nothing", "unclear")
    assert (by_name["empty"].verdict, by_name["empty"].auc) == ("empty", None)
    assert held.without == result.metrics["roc_auc"] or held.without.value == pytest.approx(
        result.metrics["roc_auc"].value, abs=1e-9
    )


def test_no_held_out_column_reaches_the_released_model(leads: Leads, result: TrainingResult) -> None:
    plain = run(leads)
    released = json.dumps({name: part for name, part in result.document.items() if name != "schema"})
    for spec in HELD:
        assert f'"{spec.name}"' not in released
    without_schema = {**result.document, "schema": plain.document["schema"]}
    assert dump_document(without_schema) == dump_document(plain.document), "the second look changes nothing"


def test_a_document_that_reads_a_held_out_column_is_refused(result: TrainingResult) -> None:
    smuggled = json.loads(dump_document(result.document))
    smuggled["encoder"]["columns"][0]["feature"] = "duration"
    with pytest.raises(DocumentError, match="expected the name of a feature that may train"):
        check_document(smuggled)


def test_a_column_that_may_not_train_is_not_read_even_when_it_stands_in_the_frame(leads: Leads) -> None:
    wide = replace(leads, frame=leads.frame.assign(duration=leads.target * 1.0))
    config = TrainingConfig(**{**_fields(QUICK), "second_look": 0.0})
    assert dump_document(run(wide, config).document) == dump_document(run(leads, config).document)


def test_the_learning_curve_grows_to_the_tested_model(leads: Leads, result: TrainingResult) -> None:
    curve = result.second_look.learning_curve
    assert curve is not None
    assert [point.share for point in curve.points] == [0.1, 0.2, 0.35, 0.5, 0.7, 1.0]
    assert [point.leads for point in curve.points] == sorted(point.leads for point in curve.points)
    assert curve.points[-1].leads == result.split.train_leads
    assert curve.points[-1].auc.value == pytest.approx(result.metrics["roc_auc"].value)
    assert curve.points[-1].log_loss.value == pytest.approx(result.metrics["log_loss"].value)
    assert {point.repeats for point in curve.points[:-1]} == {3}
    assert all(point.auc.n == result.split.test_leads for point in curve.points)
    assert curve.points[0].auc.value < curve.points[-1].auc.value
    assert curve.words


def test_repeated_splits_stand_beside_the_test_number(result: TrainingResult) -> None:
    spread = result.second_look.split_spread
    assert spread is not None
    assert len(spread.aucs) == len(set(spread.aucs)) == 10
    assert spread.test_auc == result.metrics["roc_auc"].value
    assert "newest leads" in spread.words


def test_the_same_seed_gives_the_same_second_look_on_any_number_of_threads(
    leads: Leads, result: TrainingResult
) -> None:
    again = run(leads, TrainingConfig(**{**_fields(QUICK), "threads": 1}), held=held_out(leads))
    assert again.second_look.to_json() == result.second_look.to_json()


def test_a_sensitive_column_that_is_held_out_is_looked_at_and_one_known_later_is_not(leads: Leads) -> None:
    early = FeatureSpec("noise", "Age", Kind.NUMBER, excluded=True, sensitive=True)
    late = replace(LEAK, sensitive=True)
    slices = run(leads, held=held_out(leads, (early, late))).second_look.slices
    assert slices is not None
    looked_at = {feature for one in slices.slices for feature in one.features}
    assert "noise" in looked_at
    assert "duration" not in looked_at


def test_what_there_was_no_time_for_is_said_in_notes(leads: Leads) -> None:
    class Slow:
        now = 0.0

        def __call__(self) -> float:
            self.now += 0.6
            return self.now

    config = TrainingConfig(**{**_fields(QUICK), "second_look": 1e-9})
    found = run(leads, config, held=held_out(leads), clock=Slow())
    told = " ".join(found.notes)
    assert "Not enough time for the learning curve" in told
    assert "Not enough time for repeated splits" in told
    assert "Not enough time to try what these held-out columns would have added: all of them together" in told
    assert found.parity.ok
    assert found.second_look.slices is not None


def test_it_can_be_left_out(leads: Leads) -> None:
    found = run(leads, TrainingConfig(**{**_fields(QUICK), "second_look": 0.0}), held=held_out(leads))
    assert found.second_look.to_json() == {}


@pytest.mark.parametrize("part", ["held-out columns", "learning curve", "random splits", "groups of leads"])
def test_it_stops_when_asked_to_in_any_part(leads: Leads, part: str) -> None:
    reached = False

    def progress(message: str, share: float) -> None:
        nonlocal reached
        reached = reached or part in message

    with pytest.raises(TrainingCancelled):
        run(leads, held=held_out(leads), progress=progress, cancelled=lambda: reached)


def test_few_leads_have_no_curve_and_hear_why() -> None:
    found = run(mixed_leads(150, seed=2))
    assert found.second_look.learning_curve is None
    assert any("cannot be cut into the 4 sizes it needs" in note for note in found.notes)


def test_held_out_rows_that_do_not_fit_are_refused(leads: Leads) -> None:
    short = HeldOut((NOISE,), pd.DataFrame({"noise": [1.0, 2.0]}))
    with pytest.raises(TrainingError, match="2 rows of held-out columns for 1500 leads"):
        run(leads, held=short)


def test_nested_parts_hold_one_another_and_keep_the_rate() -> None:
    y = np.arange(1000) % 4 == 0
    rows = np.arange(100, 900)
    parts = nested_subsets(y, rows, (0.1, 0.5, 0.7), seed=3)
    assert [len(part) for part in parts] == [80, 400, 560]
    assert set(parts[0]) < set(parts[1]) < set(parts[2]) < set(rows)
    assert all(y[part].mean() == pytest.approx(0.25) for part in parts)
    assert usable_shares(y, rows) == (0.1, 0.2, 0.35, 0.5, 0.7)
    assert usable_shares(y, np.arange(100)) == (0.7,)


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (
            0.012,
            0.006,
            0.02,
            "Another 5,000 leads of this kind would add about .012 AUC (between .006 and .02).",
        ),
        (0.004, 0.0, 0.01, "would add about .004 AUC (between 0 and .01). Better columns may help more."),
        (0.012, 0.0, 0.03, "The curve is too uncertain to count on it."),
        (0.001, 0.0, 0.003, "More leads of this kind will not help much"),
    ],
)
def test_what_more_leads_would_add_is_said_plainly(value: float, low: float, high: float, words: str) -> None:
    assert words in gain_words(5000, Estimate(value, low, high, 100, "power law"))


@pytest.mark.parametrize(
    ("n", "nearest"), [(1, 100), (140, 100), (2590, 2000), (40_000, 50_000), (7200, 10_000)]
)
def test_numbers_of_leads_are_round(n: float, nearest: int) -> None:
    assert round_number(n) == nearest


def test_a_room_begins_nothing_it_cannot_end_and_drops_what_runs_over() -> None:
    now = 0.0

    def clock() -> float:
        return now

    def job(tick: Any) -> str:
        nonlocal now
        now += 4.0
        return "done"

    budget = Budget(1e9, lambda message, share: None, lambda: False, clock)
    room = Room(budget, seconds=10.0, threads=1, fit_s=1.0)
    assert room.run([(1.0, job)] * 5) == ["done", "done"], "the third would end after 12 s"
    assert room.run([(0.1, job)] * 5) == ["done"] or now <= 12.0
    assert room.run([(1.0, job)]) == []


def _fields(config: TrainingConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}
