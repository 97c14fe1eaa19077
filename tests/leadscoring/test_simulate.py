"""`manage.py simulate`: a business in files, without Python and without a database."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

FILES = {"leads.csv", "events.jsonl", "truth.csv", "gone.csv", "weeks.csv", "changes.csv", "truth.json"}


def simulate(folder: Path, *words: str) -> str:
    out = io.StringIO()
    call_command("simulate", "--output", str(folder), "--leads", "400", *words, stdout=out)
    return out.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_writes_leads_events_and_truth_and_says_what_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = simulate(tmp_path / "a" / "b", "--dial", "broken-field:Budget,from=2025-05-01,how=missing")
    folder = tmp_path / "a" / "b"
    assert set(contents(folder)) == FILES
    assert "400 leads" in words
    assert "2025-05-01  Budget (AED) comes in blank, from 1 May 2025." in words
    with (folder / "leads.csv").open(encoding="utf-8", newline="") as file:
        leads = list(csv.DictReader(file))
    assert {row["Budget (AED)"] for row in leads if row["Created"] >= "2025-05"} == {""}
    assert "Writing events.jsonl" in capsys.readouterr().err


def test_the_same_words_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        simulate(tmp_path / name, "--seed", "3", "--scenario", "messy", "--onset", "2025-03-01")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_json_is_one_object_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts: dict[str, Any] = json.loads(simulate(tmp_path, "--json", "--scenario", "new-source"))
    assert facts["leads"] == 400
    assert facts["events"] == len((tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines())
    assert facts["changes"][0]["dial"] == "new-source:TikTok Ads"
    # Without an onset a scenario begins in the middle.
    assert facts["changes"][0]["date"] == "2025-07-02"
    assert not capsys.readouterr().err


def test_files_of_an_earlier_run_never_stand_beside_those_of_a_later_one(tmp_path: Path) -> None:
    simulate(tmp_path)
    simulate(tmp_path, "--no-events", "--seed", "5")
    assert set(contents(tmp_path)) == FILES - {"events.jsonl"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--dial", "broken-field:Bugdet"], "field is 'Bugdet'; expected one of Lead Source"),
        (["--dial", "merges"], "merges: there is nobody to merge"),
        (["--dial", "dead-source:Fax"], "dead-source: source is 'Fax'"),
        (["--onset", "2025-03-01"], "expected --scenario beside it"),
        (["--as-of", "2020-01-01"], "as_of"),
        (["--months", "0"], "months must be at least 1"),
        (["--seed", "-1"], "seed"),
        (["--onset", "soon"], "--onset"),
        (["--scenario", "storm"], "storm"),
    ],
)
def test_bad_words_are_refused_and_nothing_is_written(tmp_path: Path, words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        simulate(tmp_path / "new", *words)
    assert not (tmp_path / "new").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here", encoding="utf-8")
    with pytest.raises(CommandError, match=r"folder .*file cannot be written"):
        simulate(tmp_path / "file")
