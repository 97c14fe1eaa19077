"""Which leads train: ripe ones with the values they were scored with; the others are counted by reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from scoring.contracts import OutcomeKind, TrainingRefused
from scoring.ml.schema import KnownAt
from scoring.models import FeatureSet, Lead, MaturityWindow, Outcome, TrainingPolicy
from scoring.services.training import collect
from scoring.services.training import data as training_data
from tests.factories.learned import day, some_leads
from tests.factories.rows import NOW, a_feature_set, a_lead, a_prediction, a_version, an_outcome, days_ago
from tests.factories.trained import SPECS

pytestmark = pytest.mark.django_db


@pytest.fixture
def feature_set() -> FeatureSet:
    return a_feature_set(SPECS)


def window(days: float | None, source: str = "crm") -> None:
    MaturityWindow.objects.create(source_system=source, set_days=days)


def test_it_gives_parsed_features_outcomes_and_an_account(feature_set: FeatureSet) -> None:
    leads = some_leads(200)
    window(0)
    found = collect(feature_set, as_of=NOW)
    assert (found.rows, len(found.data.frame), len(found.data.target)) == (200, 200, 200)
    assert list(found.data.frame.columns) == ["Source", "Pages", "Budget known", "Country"]
    assert (
        found.conversions == int(found.data.target.sum()) == Outcome.objects.filter(kind="converted").count()
    )
    assert found.data.frame["Pages"].dtype == np.float64
    assert found.data.frame["Source"].isna().sum() == sum(
        lead.attributes["Source"] == "Select" for lead in leads
    )
    assert (found.first, found.last) == (
        leads[0].created.date().isoformat(),  # type: ignore[union-attr]
        leads[-1].created.date().isoformat(),  # type: ignore[union-attr]
    )
    assert found.account()["rows"] == 200


def test_held_out_columns_stand_beside_the_frame_and_never_in_it(feature_set: FeatureSet) -> None:
    leads = some_leads(60)
    window(0)
    signed = [number % 3 == 0 for number in range(60)]
    for lead, yes in zip(leads, signed, strict=True):
        lead.attributes = {**lead.attributes, "Contract": "yes" if yes else "no"}
    Lead.objects.bulk_update(leads, ["attributes"])
    found = collect(feature_set, as_of=NOW)
    assert "Contract" not in found.data.frame.columns
    assert found.data.held_out is not None
    assert [spec.name for spec in found.data.held_out.specs] == ["Contract"]
    assert found.data.held_out.frame["Contract"].tolist() == [float(yes) for yes in signed]


def test_dates_order_the_leads_whatever_the_order_of_arrival(feature_set: FeatureSet) -> None:
    some_leads(100)
    Lead.objects.filter(external_id="L-00000").update(created=days_ago(0.5))
    window(0)
    found = collect(feature_set, as_of=NOW)
    assert found.data.order_kind == "dates"
    assert found.data.order is not None
    assert (np.diff(found.data.order) >= 0).all()
    assert found.data.order[-1] == pytest.approx(day(days_ago(0.5)))


def test_without_dates_the_rows_of_one_file_are_the_order(feature_set: FeatureSet) -> None:
    some_leads(60, dated=False)
    found = collect(feature_set, as_of=NOW)
    assert found.data.order_kind == "file"
    assert list(found.data.order) == list(range(60))  # type: ignore[arg-type]


def test_two_files_without_dates_have_no_order(feature_set: FeatureSet) -> None:
    some_leads(60, dated=False)
    some_leads(60, dated=False, prefix="more-")
    found = collect(feature_set, as_of=NOW)
    assert (found.data.order_kind, found.data.order) == ("none", None)


def test_young_leads_are_left_out_and_counted_even_when_they_converted(feature_set: FeatureSet) -> None:
    leads = some_leads(200, days=400)
    window(100)
    found = collect(feature_set, as_of=NOW)
    young = sum(NOW - lead.created < timedelta(days=100) for lead in leads)  # type: ignore[operator]
    assert young > 0
    assert (found.rows, found.left_out) == (200 - young, {"not ripe": young})
    assert f"{young:,} leads were left out: younger than their source's maturity window." in found.notes


def test_each_source_has_its_own_window(feature_set: FeatureSet) -> None:
    some_leads(100, days=90)
    some_leads(100, days=90, source_system="fair")
    window(0)
    window(80, "fair")
    found = collect(feature_set, as_of=NOW)
    assert found.windows["crm"]["days"] == 0
    assert found.windows["fair"]["days"] == 80
    assert found.windows["fair"]["note"] == "Set by hand."
    assert 100 < found.rows < 120


def test_a_window_is_estimated_and_kept_for_people_to_see(feature_set: FeatureSet) -> None:
    some_leads(400, days=800)
    found = collect(feature_set, as_of=NOW)
    row = MaturityWindow.objects.get()
    assert row.estimated_days == pytest.approx(10, abs=1), "every conversion comes after ten days"
    assert (row.set_days, row.estimated_at, row.days) == (None, NOW, row.estimated_days)
    assert found.windows["crm"]["days"] == row.estimated_days


def test_a_window_set_by_hand_is_not_overwritten(feature_set: FeatureSet) -> None:
    some_leads(400, days=800)
    window(33)
    collect(feature_set, as_of=NOW)
    row = MaturityWindow.objects.get()
    assert (row.set_days, row.days) == (33, 33)
    assert row.estimated_days == pytest.approx(10, abs=1)


def test_where_nothing_can_be_estimated_the_horizon_counts(feature_set: FeatureSet) -> None:
    TrainingPolicy.objects.create(horizon_days=200)
    some_leads(100, days=400)
    Outcome.objects.update(occurred_at=None)
    found = collect(feature_set, as_of=NOW)
    assert found.windows["crm"]["days"] == 200
    assert found.left_out == {"not ripe": 49}, "a lead exactly as old as the window is ripe"


def test_open_leads_that_are_ripe_count_as_not_converted(feature_set: FeatureSet) -> None:
    leads = some_leads(100, days=400)
    window(50)
    open_lead = leads[0]
    Outcome.objects.filter(lead=open_lead).delete()
    found = collect(feature_set, as_of=NOW)
    assert not found.data.target[0]
    assert found.rows == 100 - found.left_out["not ripe"]


def test_open_leads_without_a_date_are_left_out_and_counted(feature_set: FeatureSet) -> None:
    some_leads(100, dated=False)
    Outcome.objects.filter(lead__external_id__in=["L-00001", "L-00002"]).delete()
    found = collect(feature_set, as_of=NOW)
    assert found.left_out == {"open, without a date": 2}
    assert (
        "2 leads were left out: open and without a date, so nobody can say whether they are ripe."
        in found.notes
    )
    assert "Leads without a date of creation count as ripe once their outcome is known." in found.notes


def test_leads_of_another_list_are_left_out_and_counted(feature_set: FeatureSet) -> None:
    some_leads(100, dated=False)
    for number in range(3):
        an_outcome(a_lead(f"other-{number}", attributes={"Colour": "red"}))
    assert collect(feature_set, as_of=NOW).left_out == {"other fields": 3}


def test_a_lead_trains_with_the_values_it_was_scored_with(feature_set: FeatureSet) -> None:
    leads = some_leads(100, dated=False)
    version = a_version(feature_set=feature_set)
    first = a_prediction(
        leads[7], scored_at=days_ago(5), values={"Source": "fair", "Pages": "2"}, version=version
    )
    a_prediction(leads[7], scored_at=days_ago(3), values={"Source": "mail", "Pages": "9"}, version=version)
    Lead.objects.filter(pk=leads[7].pk).update(attributes={"Source": "referral", "Pages": "11"})
    row = collect(feature_set, as_of=NOW).data.frame.iloc[7]
    assert (row["Source"], row["Pages"]) == (first.values["Source"], 2.0)


def test_a_correction_counts_and_the_older_outcome_does_not(feature_set: FeatureSet) -> None:
    leads = some_leads(100, dated=False)
    before = collect(feature_set, as_of=NOW)
    Outcome.objects.filter(lead=leads[0]).update(is_current=False)
    flipped = OutcomeKind.LOST if before.data.target[0] else OutcomeKind.CONVERTED
    an_outcome(leads[0], flipped)
    after = collect(feature_set, as_of=NOW)
    assert after.data.target[0] != before.data.target[0]
    assert (after.data.target[1:] == before.data.target[1:]).all()


def test_what_was_told_later_than_asked_for_is_not_known(feature_set: FeatureSet) -> None:
    leads = some_leads(100, until=days_ago(10))
    window(0)
    Outcome.objects.filter(lead=leads[0]).update(recorded_at=days_ago(1))
    a_lead("late", attributes={"Source": "web"}, first_seen=NOW, created=days_ago(300))
    as_of = days_ago(5)
    found = collect(feature_set, as_of=as_of)
    assert found.rows == 100
    assert not found.data.target[0]


def test_the_same_leads_have_the_same_fingerprint_and_others_another(feature_set: FeatureSet) -> None:
    leads = some_leads(50, dated=False)
    first = collect(feature_set, as_of=NOW).fingerprint
    assert first == collect(feature_set, as_of=NOW + timedelta(days=1)).fingerprint
    assert len(first) == 64
    leads[3].attributes = {**leads[3].attributes, "Pages": "77"}
    leads[3].save()
    assert collect(feature_set, as_of=NOW).fingerprint != first


def test_held_out_columns_do_not_train(feature_set: FeatureSet) -> None:
    some_leads(50, dated=False)
    Lead.objects.update(attributes={"Source": "web", "Contract": "yes"})
    assert "Contract" not in collect(feature_set, as_of=NOW).data.frame.columns


def test_leads_are_read_in_pages_without_losing_any(
    feature_set: FeatureSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_leads(103, dated=False)
    whole = collect(feature_set, as_of=NOW)
    monkeypatch.setattr(training_data, "BATCH", 10)
    paged = collect(feature_set, as_of=NOW)
    assert (paged.rows, paged.fingerprint) == (103, whole.fingerprint)


def test_features_known_only_during_contact_are_pointed_out() -> None:
    feature_set = a_feature_set((replace(SPECS[0], known_at=KnownAt.CONTACT), *SPECS[1:]))
    some_leads(50, dated=False)
    [note, *_] = collect(feature_set, as_of=NOW).notes
    assert note.startswith("Known only during contact: Source.")


# --- Nothing to learn from ---------------------------------------------------------------------------


def refused(feature_set: FeatureSet) -> str:
    with pytest.raises(TrainingRefused) as told:
        collect(feature_set, as_of=NOW)
    return told.value.detail


def test_no_leads_says_how_to_get_some(feature_set: FeatureSet) -> None:
    assert refused(feature_set) == (
        "There are no leads yet. Import a file first: in the admin under Imports, or by import_leads."
    )


def test_no_ripe_lead_says_why_each_was_left_out(feature_set: FeatureSet) -> None:
    some_leads(30, days=20)
    window(100)
    a_lead("open", attributes={"Source": "web"})
    a_lead("other", attributes={"Colour": "red"})
    words = refused(feature_set)
    assert words.startswith("No lead is ripe for training: 30 not ripe")
    assert "1 other fields" in words
    assert "1 open, without a date" in words


@pytest.mark.parametrize(("kind", "words"), [("converted", "converted"), ("lost", "did not convert")])
def test_one_kind_of_outcome_teaches_nothing(feature_set: FeatureSet, kind: str, words: str) -> None:
    some_leads(30, dated=False)
    Outcome.objects.update(kind=kind)
    assert refused(feature_set) == f"All 30 ripe leads {words}; expected both kinds."


def test_a_set_that_holds_everything_out_teaches_nothing() -> None:
    feature_set = a_feature_set((replace(SPECS[0], excluded=True),))
    assert refused(feature_set).endswith("holds every column out; nothing is left to learn from.")
