"""The leak audit: what is written after the outcome is held out, what is known before is not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.leak_files import make_file
from scoring.ml.drafting import draft_features
from scoring.ml.leakage import ColumnAudit, apply_audit, audit
from scoring.ml.schema import KnownAt

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
RNG = np.random.default_rng(11)
N = 3000
TARGET = RNG.random(N) < 0.2


def audited(columns: dict[str, Any], target: Any = TARGET, **known: Any) -> dict[str, ColumnAudit]:
    frame = pd.DataFrame(columns, dtype=object)
    draft = draft_features(frame, target)
    return {column.name: column for column in audit(frame, draft.schema, target, **known)}


def one(texts: Any, name: str = "c1", **known: Any) -> ColumnAudit:
    return audited({name: list(texts)}, **known)[name]


def filled(converted: float, other: float, text: str = "K") -> list[str]:
    there = RNG.random(N) < np.where(TARGET, converted, other)
    return [f"{text}{i}" if ok else "" for i, ok in enumerate(there)]


def test_it_holds_out_a_column_filled_only_after_conversion() -> None:
    found = one(filled(0.95, 0.0))
    assert found.held_out
    assert found.known_at is KnownAt.OUTCOME
    assert "filled for 9" in found.reason
    assert "none of the other leads" in found.reason
    assert found.filled_converted is not None
    assert found.filled_other is not None
    assert found.filled_converted.value > 0.9
    assert found.filled_other.value == 0.0
    assert found.filled_converted.n == int(TARGET.sum())


def test_it_holds_out_a_noisy_fill_and_a_reason_of_loss() -> None:
    assert one(filled(0.9, 0.03)).held_out
    assert one(filled(0.01, 0.7)).held_out


def test_it_keeps_a_field_that_serious_leads_fill_in_more_often() -> None:
    found = one([text[1:] for text in filled(0.3, 0.05)])
    assert not found.held_out
    assert found.known_at is KnownAt.CREATION


def test_it_holds_out_the_outcome_in_other_words_even_with_noise() -> None:
    wrong = RNG.random(N) < 0.08
    found = one(np.where(TARGET ^ wrong, "B", "A"))
    assert found.held_out
    assert found.auc is not None
    assert found.auc.low < found.auc.value < found.auc.high


def test_it_keeps_a_source_in_which_one_level_converts_at_ninety_percent() -> None:
    level = np.where(TARGET, RNG.choice(3, N, p=[0.6, 0.1, 0.3]), RNG.choice(3, N, p=[0.7, 0.292, 0.008]))
    names = np.array(["Web", "Import", "Form"])
    form = TARGET[level == 2]
    assert form.mean() > 0.85
    assert not one(names[level]).held_out


def test_it_holds_out_a_level_that_always_converts() -> None:
    tags = np.where(TARGET & (RNG.random(N) < 0.5), "v1", RNG.choice(["v2", "v3", "v4"], N))
    found = one(tags)
    assert found.held_out
    assert any("“v1”" in line for line in found.evidence)


def test_it_holds_out_a_length_whose_short_values_never_convert() -> None:
    length = np.where(TARGET, 120 + RNG.gamma(2, 150, N), RNG.exponential(250, N))
    found = one([f"{value:.0f}" for value in length])
    assert found.held_out
    assert any("smallest values converted" in line for line in found.evidence) or "ranks" in found.reason


@pytest.mark.parametrize("auc_shift", [0.6, 0.9, 1.15])
def test_it_keeps_honest_numbers_up_to_an_auc_of_eighty(auc_shift: float) -> None:
    z = RNG.normal(size=N) + auc_shift * TARGET
    assert not one([f"{np.exp(3 + z_i):.2f}" for z_i in z]).held_out
    assert not one([str(v) for v in RNG.poisson(np.exp(0.5 + 0.5 * z))]).held_out


def test_it_keeps_a_number_for_which_the_middle_is_best() -> None:
    z = np.where(TARGET, RNG.normal(0, 0.5, N), RNG.normal(0, 1.2, N))
    assert not one([f"{np.exp(8 + z_i):.0f}" for z_i in z]).held_out


def test_it_keeps_a_number_with_a_barren_low_end_that_levels_off() -> None:
    """Minutes on a site: hardly anybody converts after half a minute, and after five it makes no difference."""
    draw = np.random.default_rng(5)
    minutes = draw.lognormal(1.0, 1.1, 8000)
    chance = 0.26 / (1.0 + np.exp(-3.5 * (np.log(minutes) - np.log(2.2))))
    target = draw.random(8000) < chance
    found = audited({"c1": [f"{value:.1f}" for value in minutes]}, target)["c1"]
    assert found.auc is not None
    assert found.auc.value > 0.7
    assert not found.held_out


def test_it_holds_out_dates_after_the_creation_and_keeps_the_creation() -> None:
    born = 19_000 + np.sort(400 * RNG.random(N))
    closed = born + 1 + RNG.gamma(3, 10, N)
    columns = {
        "c1": [str(np.datetime64(int(d), "D")) for d in born],
        "c2": [str(np.datetime64(int(d), "D")) for d in closed],
    }
    for known in ({"created": born}, {}):
        found = audited(columns, **known)
        assert found["c2"].held_out
        assert not found["c1"].held_out
    assert "after the creation" in audited(columns)["c2"].reason


def test_it_finds_a_date_that_lies_at_the_conversion() -> None:
    born = 19_000 + 400 * RNG.random(N)
    won = np.where(TARGET, born + RNG.gamma(3, 10, N), np.nan)
    near = np.where(TARGET, won + 1, born - RNG.gamma(2, 10, N))
    found = one([str(np.datetime64(int(d), "D")) for d in near], created=born, converted_at=won)
    assert found.held_out
    assert any("of the conversion" in line for line in found.evidence)


def test_it_finds_days_counted_to_the_export() -> None:
    born = 19_000 + 400 * RNG.random(N)
    days = np.where(TARGET, RNG.gamma(3, 60, N), 19_450 - born)
    found = one([f"{d:.0f}" for d in days], created=born)
    assert found.held_out
    assert any("counts the days" in line for line in found.evidence)


def test_a_telling_name_needs_less_evidence_and_a_meaningless_one_none() -> None:
    texts = np.where(TARGET, RNG.choice(["a", "b"], N, p=[0.7, 0.3]), RNG.choice(["a", "b"], N, p=[0.4, 0.6]))
    assert one(texts, "Contract type").held_out
    assert not one(texts, "Previous contract type").held_out
    assert not one(texts, "c1").held_out
    kept = one(texts, "Lead Stage")
    assert not kept.held_out
    assert kept.known_at is KnownAt.CONTACT
    assert "during the contact" in kept.reason


def test_values_that_speak_of_the_outcome_count_as_well() -> None:
    texts = np.where(
        TARGET,
        RNG.choice(["Closed won", "x"], N, p=[0.4, 0.6]),
        RNG.choice(["Lost to Z", "x"], N, p=[0.3, 0.7]),
    )
    found = one(texts)
    assert found.held_out
    assert "written after the outcome" in found.reason


def test_it_holds_nothing_out_on_noise_in_a_small_file() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        target = rng.random(448) < 0.5
        columns = {f"c{i}": rng.choice(list("abcdefgh")[: 2 + i % 6], 448) for i in range(20)}
        columns |= {f"n{i}": [f"{v:.3f}" for v in rng.normal(size=448)] for i in range(10)}
        assert not any(column.held_out for column in audited(columns, target).values())


def test_it_says_nothing_where_only_one_side_exists() -> None:
    found = audited({"c1": filled(0.5, 0.5)}, np.ones(N, dtype=bool))["c1"]
    assert not found.held_out
    assert found.auc is None
    assert found.filled_other is None


def test_it_applies_what_it_found_and_keeps_what_a_person_decided() -> None:
    frame = pd.DataFrame({"c1": filled(0.95, 0.0), "c2": RNG.choice(["a", "b"], N)}, dtype=object)
    schema = draft_features(frame, TARGET).schema
    applied = apply_audit(schema, audit(frame, schema, TARGET))
    assert applied.by_name["c1"].excluded
    assert applied.by_name["c1"].exclusion_reason.startswith("Held out: Known only after the outcome")
    assert not applied.by_name["c2"].excluded


def test_it_reads_the_words_of_a_free_text() -> None:
    talk = [
        "asked about the price of offer",
        "wants a call back next week about",
        "came from the fair in spring",
    ]
    plain = [f"{talk[i % 3]} {i} and more" for i in range(N)]
    after = [f"{text} welcome pack sent" if won else text for text, won in zip(plain, TARGET, strict=True)]
    assert not one(plain).held_out
    assert one(after).held_out


def test_it_gives_the_same_answer_twice() -> None:
    columns = {"c1": filled(0.95, 0.0), "c2": RNG.choice(["a", "b"], N), "c3": RNG.normal(size=N).astype(str)}
    frame = pd.DataFrame(columns, dtype=object)
    schema = draft_features(frame, TARGET).schema
    first, again = audit(frame, schema, TARGET), audit(frame, schema, TARGET)
    assert [column.to_json() for column in first] == [column.to_json() for column in again]


def test_it_meets_the_bar_on_a_few_generated_files() -> None:
    leaks: list[bool] = []
    honest: list[bool] = []
    for seed in (3001, 3003, 3005, 3008, 3011, 3015):
        file = make_file(seed, largest=2000)
        schema = draft_features(file.frame, file.target, created=file.created).schema
        for column in audit(file.frame, schema, file.target, created=file.created):
            (leaks if column.name in file.leaks else honest).append(column.held_out)
    assert len(leaks) >= 40
    assert np.mean(leaks) >= 0.95
    assert np.mean(honest) <= 0.05


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data files are not here")
@pytest.mark.parametrize("renamed", [False, True])
def test_it_holds_out_duration_of_the_bank_calls_and_nothing_else(renamed: bool) -> None:
    with gzip.open(DATA / "bank-marketing.csv.gz", "rt") as handle:
        frame = pd.read_csv(handle, sep=";", dtype=str, keep_default_na=False).astype(object)
    target = (frame.pop("y") == "yes").to_numpy()
    names = list(frame.columns)
    if renamed:
        frame.columns = pd.Index([f"c{i}" for i in range(len(names))])
    schema = draft_features(frame, target).schema
    found = audit(frame, schema, target)
    held = [names[i] for i, column in enumerate(found) if column.held_out]
    assert held == ["duration"]
    assert "smallest values converted" in found[names.index("duration")].reason


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data files are not here")
def test_it_holds_nothing_out_of_the_deals() -> None:
    with gzip.open(DATA / "b2b-deals.csv.gz", "rt") as handle:
        frame = pd.read_csv(handle, sep=";", dtype=str, keep_default_na=False).astype(object)
    target = (frame.pop("Status") == "Won").to_numpy()
    schema = draft_features(frame, target).schema
    assert not [column.name for column in audit(frame, schema, target) if column.held_out]
