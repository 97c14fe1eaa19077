"""The truth written down: of each lead, of each week, and what was changed when."""

from __future__ import annotations

import csv
import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from leadscoring.simulation import SCENARIOS, SimulationConfig, change_records, scenario, weeks, write_truth
from leadscoring.simulation.changes import BrokenField, FollowUp, SlowConversions
from leadscoring.simulation.mess import Duplicates
from tests.factories.business import ONSET, business

EVERYTHING = tuple(dial for name in SCENARIOS for dial in scenario(name, ONSET))


def test_weeks_begin_on_monday_and_hold_what_their_leads_hold():
    stream = business(*EVERYTHING, leads=4_000)
    table = weeks(stream)
    assert all(date.fromisoformat(week).weekday() == 0 for week in table["week"])
    truth = stream.truth[~stream.truth["duplicate"]]
    assert table["leads"].sum() == len(truth)
    assert table["conversions"].sum() == truth["converts"].sum()
    row = table.iloc[30]
    monday = pd.Timestamp(row["week"], tz="UTC")
    created = pd.to_datetime(truth["Created"])
    part = truth[(created >= monday) & (created < monday + pd.Timedelta(days=7))]
    assert row["leads"] == len(part)
    assert row["base_rate"] == pytest.approx(part["probability"].mean())
    assert row["base_rate_without_follow_up"] == pytest.approx(part["probability_without_follow_up"].mean())
    assert row["effort"] == pytest.approx(part["effort"].mean())
    assert row["bayes_auc"] == pytest.approx(roc_auc_score(part["converts"], part["probability"]))


def test_the_expected_auc_of_a_week_is_the_mean_over_redrawn_outcomes():
    stream = business(leads=4_000)
    row = weeks(stream).iloc[20]
    created = stream.truth["Created"].str.slice(0, 10).to_numpy().astype("datetime64[D]")
    here = (created >= np.datetime64(row["week"])) & (created < np.datetime64(row["week"]) + 7)
    p = stream.truth["probability"].to_numpy()[here]
    rng = np.random.default_rng(0)
    drawn = [roc_auc_score(y, p) for y in rng.random((600, p.size)) < p if 0 < y.sum() < y.size]
    assert row["expected_bayes_auc"] == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / 24)


def test_a_change_is_told_with_its_days_in_words():
    config = SimulationConfig(
        dials=(
            BrokenField(field="budget", how="unit", source="Website", onset=ONSET, end=date(2025, 9, 1)),
            SlowConversions(size=1.5, onset=date(2025, 3, 4), ramp_days=30),
            Duplicates(),
            FollowUp(size=0.0),
            SlowConversions(onset=date(2027, 3, 4)),
        )
    )
    assert [(record["date"], record["event"], record["words"]) for record in change_records(config)] == [
        ("2025-01-01", "begins", "4 % of the people are entered a second time, from the first day."),
        (
            "2025-03-04",
            "begins",
            "Conversions take 2.5 times as long, from 4 March 2025, growing evenly over 30 days.",
        ),
        (
            "2025-07-01",
            "begins",
            "Budget (AED) of leads from Website comes in 0.001 times its value, from 1 July 2025.",
        ),
        (
            "2025-09-01",
            "ends",
            "Budget (AED) of leads from Website comes in 0.001 times its value: this ends on 1 September 2025.",
        ),
    ]


def test_every_dial_says_in_words_what_it_does():
    for record in change_records(SimulationConfig(dials=EVERYTHING)):
        assert record["words"].endswith("1 July 2025.") or "growing evenly" in record["words"]
        assert record["words"][0].isupper() or record["words"][0].isdigit()


def test_it_is_written_as_csv_and_json_that_read_back(tmp_path: Path):
    stream = business(*EVERYTHING, leads=1_500)
    write_truth(stream, tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {
        "truth.csv", "gone.csv", "weeks.csv", "changes.csv", "truth.json",
    }  # fmt: skip
    truth = pd.read_csv(folder / "truth.csv", keep_default_na=False, na_values=[""])
    assert np.allclose(truth["probability"], stream.truth["probability"], rtol=1e-14, atol=0.0)
    assert truth["dials"].fillna("").tolist() == stream.truth["dials"].tolist()
    assert len(pd.read_csv(folder / "gone.csv")) == len(stream.gone) > 0
    document = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert document["config"]["dials"][0]["dial"] == "covariate-shift"
    assert document["config"]["dials"][0]["onset"] == "2025-07-01"
    assert document["summary"]["leads"] == len(stream.leads)
    assert len(document["weeks"]) == len(weeks(stream))
    with (folder / "changes.csv").open(encoding="utf-8", newline="") as file:
        told = list(csv.DictReader(file))
    assert [row["words"] for row in told] == [change["words"] for change in document["changes"]]


def test_it_is_written_the_same_to_the_byte(tmp_path: Path):
    for name in ("a", "b"):
        write_truth(business(*EVERYTHING, leads=400), tmp_path / name)
    digests = [
        [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((tmp_path / name).iterdir())]
        for name in ("a", "b")
    ]
    assert digests[0] == digests[1]


def test_a_stream_of_one_lead_can_be_written(tmp_path: Path):
    write_truth(business(leads=1), tmp_path)
    document = json.loads((tmp_path / "truth.json").read_text(encoding="utf-8"))
    assert document["summary"]["bayes_auc"] is None
