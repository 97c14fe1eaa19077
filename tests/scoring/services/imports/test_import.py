"""An import from the first byte to the last row: what it writes, and what stays when it is stopped."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from leadscoring.common import claims
from scoring import signals
from scoring.contracts import FeatureSetState, OutcomeInput, OutcomeKind
from scoring.models import FeatureSet, ImportRun, Lead, Outcome
from scoring.services.features import activate_feature_set
from scoring.services.imports import ImportOptions, ImportSummary, chunks, import_file
from scoring.services.imports.run import ImportStopped
from scoring.services.outcomes import record_outcome
from tests.factories.files import lead_rows, write_leads
from tests.factories.rows import NOW, counts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

OPTIONS = ImportOptions(converted="Converted", id="Lead ID", created_at="Created", source="crm")


def quiet(message: str, share: float) -> None:
    """Nobody watches."""


def run(
    path: Path,
    options: ImportOptions = OPTIONS,
    *,
    as_of: datetime = NOW,
    progress: Callable[[str, float], None] = quiet,
) -> ImportSummary:
    return import_file(path, options, requested_by=None, as_of=as_of, progress=progress)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rows a transaction, so that a small file has several."""
    monkeypatch.setattr(chunks, "CHUNK", 10)


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    """A hundred leads."""
    return write_leads(tmp_path / "leads.csv", lead_rows(100))


def rewritten(path: Path, change: Callable[[dict[str, str]], None], n: int = 100) -> Path:
    """The same leads, told anew."""
    rows = lead_rows(n)
    for row in rows:
        change(row)
    return write_leads(path, rows)


# --- What it writes ----------------------------------------------------------------------------------


def test_it_writes_leads_outcomes_a_feature_set_and_an_account(leads: Path) -> None:
    summary = run(leads)
    converted = sum(row["Converted"] == "1" for row in lead_rows(100))
    assert (summary.created, summary.converted, summary.outcomes_recorded) == (100, converted, converted)
    account = ImportRun.objects.get()
    assert (account.state, account.rows_created, account.source_system) == ("done", 100, "crm")
    assert (account.file_name, len(account.file_digest), account.progress) == ("leads.csv", 64, 1.0)
    feature_set = FeatureSet.objects.get()
    assert account.feature_set == feature_set
    assert (feature_set.state, feature_set.rows_audited) == (FeatureSetState.ACTIVE, 100)
    assert feature_set.activation_reason == "First import: activated as drawn up, suspected leaks held out."
    names = {feature.name: feature for feature in feature_set.features.all()}
    assert set(names) == {"Created", "Source", "Pages", "Budget known", "Country"}
    assert names["Source"].missing_tokens == ["Select"]
    assert all(feature.audit for feature in names.values())


def test_it_tells_how_far_it_is_in_ever_larger_shares(leads: Path, small_chunks: None) -> None:
    told: list[float] = []
    run(leads, progress=lambda message, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_suspected_leaks_are_held_out_with_their_reason(tmp_path: Path) -> None:
    def leak(row: dict[str, str]) -> None:
        row["Contract signed on"] = "2026-05-01" if row["Converted"] == "1" else ""

    summary = run(rewritten(tmp_path / "leads.csv", leak, 400))
    [held] = summary.held_out
    assert held["feature"] == "Contract signed on"
    assert held["reason"]
    feature = FeatureSet.objects.get().features.get(name="Contract signed on")
    assert (feature.excluded, feature.known_at) == (True, "outcome")
    assert feature.exclusion_reason == held["reason"]


def test_a_column_excluded_by_hand_says_so(leads: Path) -> None:
    run(leads, replace(OPTIONS, exclude=("Country",)))
    feature = FeatureSet.objects.get().features.get(name="Country")
    assert (feature.excluded, feature.exclusion_reason) == (True, "Left out on request at import.")


def test_another_file_with_the_same_columns_uses_the_active_set(tmp_path: Path, leads: Path) -> None:
    run(leads)
    more = write_leads(tmp_path / "more.csv", lead_rows(120, seed=9))
    summary = run(more)
    assert (summary.feature_set, summary.feature_set_state) == (1, "active; the file has its columns")
    assert FeatureSet.objects.count() == 1


def test_a_file_with_other_columns_becomes_a_draft_once(tmp_path: Path, leads: Path) -> None:
    run(leads)
    more = rewritten(tmp_path / "more.csv", lambda row: row.update({"Campaign": "spring " + row["Country"]}))
    summary = run(more)
    assert summary.feature_set == 2
    assert summary.feature_set_state == "a draft, because the file's columns differ from the active one's"
    assert summary.feature_set_waits
    assert [s.state for s in FeatureSet.objects.order_by("number")] == ["active", "draft"]
    run(more, as_of=NOW + timedelta(hours=1))
    assert FeatureSet.objects.count() == 2
    activate_feature_set(FeatureSet.objects.get(number=2).pk, by=None, reason="campaigns matter", as_of=NOW)
    assert run(more).feature_set_state == "active; the file has its columns"


# --- Changes and corrections -------------------------------------------------------------------------


def test_a_changed_row_updates_its_lead_and_no_other(tmp_path: Path, leads: Path) -> None:
    run(leads)
    later = NOW + timedelta(days=1)

    def change(row: dict[str, str]) -> None:
        if row["Lead ID"] == "L-00007":
            row["Pages"] = "99"

    summary = run(rewritten(tmp_path / "again.csv", change), as_of=later)
    assert (summary.updated, summary.unchanged, summary.created) == (1, 99, 0)
    assert list(Lead.objects.filter(updated_at=later).values_list("external_id", flat=True)) == ["L-00007"]
    assert Lead.objects.get(external_id="L-00007").attributes["Pages"] == "99"


def test_a_cell_that_is_blank_now_keeps_what_was_known(tmp_path: Path, leads: Path) -> None:
    run(leads)
    run(rewritten(tmp_path / "again.csv", lambda row: row.update({"Country": ""})))
    assert not Lead.objects.filter(attributes__Country__isnull=True).exists()


def test_a_lead_that_converted_later_gets_its_outcome(tmp_path: Path, leads: Path) -> None:
    run(leads)
    open_lead = next(row for row in lead_rows(100) if row["Converted"] == "0")["Lead ID"]

    def convert(row: dict[str, str]) -> None:
        if row["Lead ID"] == open_lead:
            row["Converted"] = "1"

    summary = run(rewritten(tmp_path / "again.csv", convert))
    assert (summary.updated, summary.outcomes_recorded) == (1, 1)
    assert Outcome.objects.get(lead__external_id=open_lead).kind == OutcomeKind.CONVERTED


def test_a_corrected_outcome_keeps_the_older_row(tmp_path: Path) -> None:
    def amount(text: str) -> Callable[[dict[str, str]], None]:
        return lambda row: row.update({"Revenue": text if row["Converted"] == "1" else ""})

    options = replace(OPTIONS, revenue="Revenue", currency="AED")
    run(rewritten(tmp_path / "one.csv", amount("100")), options)
    converted = Outcome.objects.count()
    summary = run(rewritten(tmp_path / "two.csv", amount("250.50")), options)
    assert summary.outcomes_recorded == converted
    assert Outcome.objects.filter(is_current=False).count() == converted
    lead = Outcome.objects.filter(is_current=True).first().lead  # type: ignore[union-attr]
    assert [(str(o.revenue), o.is_current) for o in lead.outcomes.order_by("id")] == [
        ("100.00", False),
        ("250.50", True),
    ]


def test_a_conversion_taken_back_by_the_file_is_withdrawn(tmp_path: Path, leads: Path) -> None:
    run(leads)
    summary = run(
        rewritten(
            tmp_path / "again.csv",
            lambda row: row.update({"Converted": "1" if row["Lead ID"] < "L-00003" else "0"}),
        )
    )
    assert summary.updated > 0
    assert set(Outcome.objects.filter(is_current=True).values_list("lead__external_id", flat=True)) == {
        "L-00000",
        "L-00001",
        "L-00002",
    }


def test_a_file_does_not_take_back_what_somebody_else_reported(tmp_path: Path, leads: Path) -> None:
    run(leads)
    open_lead = next(row for row in lead_rows(100) if row["Converted"] == "0")["Lead ID"]
    told = OutcomeInput(external_id=open_lead, kind=OutcomeKind.CONVERTED)
    record_outcome(told, source_system="crm", reported_by="key:sales", as_of=NOW)
    summary = run(leads)
    assert (summary.updated, summary.unchanged) == (0, 100)
    assert Outcome.objects.get(lead__external_id=open_lead, is_current=True).reported_by == "key:sales"


def test_leads_without_a_word_about_the_outcome_are_open(tmp_path: Path) -> None:
    summary = run(
        rewritten(
            tmp_path / "leads.csv",
            lambda row: row.update({"Converted": "" if row["Country"] == "AE" else row["Converted"]}),
        )
    )
    open_ones = sum(row["Country"] == "AE" for row in lead_rows(100))
    assert summary.open == open_ones
    assert Lead.objects.filter(outcomes__isnull=True).count() == open_ones
    assert Outcome.objects.filter(kind="lost").exists(), "beside blank ones, a no is final"


def test_the_same_ids_in_two_systems_are_two_leads(leads: Path) -> None:
    run(leads)
    run(leads, replace(OPTIONS, source="other"))
    assert Lead.objects.filter(external_id="L-00001").count() == 2


def test_receivers_hear_of_the_outcomes_in_the_transaction_that_wrote_them(
    leads: Path, small_chunks: None
) -> None:
    heard: list[int] = []

    def receiver(ids: list[int], **kwargs: Any) -> None:
        assert Outcome.objects.filter(pk__in=ids).count() == len(ids)
        heard.extend(ids)

    signals.outcomes_recorded.connect(receiver)
    try:
        run(leads)
        assert sorted(heard) == sorted(Outcome.objects.values_list("pk", flat=True))
        heard.clear()
        run(leads)
        assert heard == []
    finally:
        signals.outcomes_recorded.disconnect(receiver)


# --- Stopped half-way --------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for Ctrl-C and anything else that ends a process politely."""


def stop_at(share: float, how: Callable[[], None]) -> Callable[[str, float], None]:
    def progress(message: str, done: float) -> None:
        if message.startswith("Writing") and done >= share:
            how()

    return progress


def die() -> None:
    raise Killed


def test_an_import_stopped_half_way_says_so_and_a_rerun_doubles_nothing(
    leads: Path, small_chunks: None
) -> None:
    with pytest.raises(Killed):
        run(leads, progress=stop_at(0.7, die))
    stopped = ImportRun.objects.get()
    kept = Lead.objects.count()
    assert 0 < kept < 100
    assert stopped.state == "failed"
    assert stopped.error.startswith(f"Stopped after {kept} rows; those are kept")
    assert stopped.rows_created == kept
    summary = run(leads)
    assert (summary.unchanged, summary.created) == (kept, 100 - kept)
    assert Lead.objects.count() == 100
    assert Outcome.objects.count() == sum(row["Converted"] == "1" for row in lead_rows(100))


def test_a_rerun_without_ids_doubles_nothing_either(tmp_path: Path, small_chunks: None) -> None:
    options = replace(OPTIONS, id=None, created_at=None)
    rows = [{key: row[key] for key in ("Source", "Budget known", "Converted")} for row in lead_rows(100)]
    path = write_leads(tmp_path / "leads.csv", rows)
    with pytest.raises(Killed):
        run(path, options, progress=stop_at(0.7, die))
    assert 0 < Lead.objects.count() < 100
    run(path, options)
    assert Lead.objects.count() == 100


def test_a_receiver_that_fails_undoes_its_chunk(leads: Path, small_chunks: None) -> None:
    calls: list[int] = []

    def receiver(ids: list[int], **kwargs: Any) -> None:
        calls.append(len(ids))
        if len(calls) == 3:
            raise RuntimeError("no room in the outbox")

    signals.outcomes_recorded.connect(receiver)
    try:
        with pytest.raises(RuntimeError):
            run(leads)
    finally:
        signals.outcomes_recorded.disconnect(receiver)
    assert Lead.objects.count() % 10 == 0, "chunks are whole or not there"
    assert Outcome.objects.count() == sum(calls[:2])
    assert "RuntimeError: no room in the outbox" in ImportRun.objects.get().error


def test_a_person_can_stop_an_import_within_a_chunk(leads: Path, small_chunks: None) -> None:
    def ask() -> None:
        claims.request_cancel(ImportRun, ImportRun.objects.get().pk)

    with pytest.raises(ImportStopped, match="Stopped after"):
        run(leads, progress=stop_at(0.6, ask))
    stopped = ImportRun.objects.get()
    assert stopped.state == "cancelled"
    assert stopped.message.startswith("Stopped after ")
    # Asked after the first chunk past 60 %: the next one is the last.
    assert Lead.objects.count() == stopped.rows_created == 50


def test_a_file_that_shrinks_while_it_is_read_is_told_in_words(tmp_path: Path, small_chunks: None) -> None:
    path = tmp_path / "leads.csv.gz"
    whole = write_leads(tmp_path / "leads.csv", lead_rows(3000)).read_bytes()
    path.write_bytes(gzip.compress(whole))
    before = counts()

    def cut() -> None:
        path.write_bytes(gzip.compress(whole)[:2000])

    with pytest.raises(ImportStopped, match="ended before the end-of-stream marker"):
        run(path, progress=lambda message, share: cut() if message.startswith("Auditing") else None)
    assert counts()["ImportRun"] == before["ImportRun"] + 1
    assert ImportRun.objects.get().state == "failed"
