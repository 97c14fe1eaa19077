"""Leads as a CSV file that a spreadsheet opens safely."""

from __future__ import annotations

import csv
import io

import pytest

from scoring.models import Lead
from scoring.services import exports
from scoring.services.exports import FIELDS, ExportRefused, columns_offered, export_leads
from tests.factories.rows import NOW, a_feature_set, a_lead, a_version, an_outcome

pytestmark = pytest.mark.django_db
ALL = [column.key for column in FIELDS]


def read(keys: list[str]) -> list[dict[str, str]]:
    text = "".join(export_leads(Lead.objects.all(), keys))
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_it_writes_what_is_known() -> None:
    version = a_version()
    lead = a_lead(
        "L-1", owner="Zoë, “Z”", stage="new\nline", score=7, grade="D", scored_at=NOW, scored_by=version
    )
    an_outcome(lead, revenue="12.50", currency="AED", occurred_at=NOW)
    a_lead("L-2")
    first, second = read(ALL)
    assert first["External id"] == "L-1"
    assert (first["Owner"], first["Stage"]) == ("Zoë, “Z”", "new\nline")
    assert (first["Score"], first["Grade"], first["Scored by version"]) == ("7", "D", "1")
    assert (first["Outcome"], first["Revenue"], first["Currency"]) == ("converted", "12.50", "AED")
    assert first["Scored at"] == "2026-06-01T09:00:00+00:00"
    assert (second["Score"], second["Outcome"], second["Scored by version"]) == ("", "", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_can_run_as_a_formula(start: str) -> None:
    a_feature_set()
    formula = f'{start}HYPERLINK("http://x","y")'
    a_lead(formula, source_system=formula[:60], owner=formula, stage=formula, attributes={"source": formula})
    (row,) = read([*ALL, "attribute:source"])
    for heading in ("External id", "Source", "Owner", "Stage"):
        assert row[heading].startswith(f"'{start}"), heading


def test_it_offers_the_columns_of_the_active_feature_set_and_takes_what_is_missing_as_empty() -> None:
    a_feature_set()
    assert "attribute:pages" in [column.key for column in columns_offered()]
    a_lead("L-1", attributes={"pages": 3})
    a_lead("L-2", attributes={})
    assert [row["Pages visited"] for row in read(["external_id", "attribute:pages"])] == ["3", ""]


@pytest.mark.parametrize("keys", [[], ["password"], ["external_id", "attribute:secret"]])
def test_it_refuses_columns_that_are_not_offered(keys: list[str]) -> None:
    with pytest.raises(ExportRefused):
        export_leads(Lead.objects.all(), keys)


def test_it_reads_chunk_by_chunk_and_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 3)
    for n in (0, 1, 3, 7):
        Lead.objects.all().delete()
        for number in range(n):
            a_lead(f"L-{number}")
        assert [row["External id"] for row in read(["external_id"])] == [f"L-{i}" for i in range(n)]
