"""The mess of a CRM: people entered twice, merged, corrected, deleted, and how they can be reached."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leadscoring.simulation.changes import DeadSource
from leadscoring.simulation.mess import Corrections, Deletions, Duplicates, Merges
from tests.factories.business import ONSET, business, created_since, events_of, numbers, plain

MANY = 8_000
LATE = date(2028, 1, 1)


def email_key(cell: str) -> str:
    return cell.strip().lower()


def phone_key(cell: str) -> str:
    digits = re.sub(r"[^0-9+]", "", cell)
    if digits.startswith("+"):
        return digits[1:]
    return digits[2:] if digits.startswith("00") else f"971{digits[1:]}" if digits else ""


def test_every_person_has_an_email_and_a_phone_of_their_own_and_can_be_reached():
    leads = business(leads=MANY).leads
    for cells in (leads["Email"].map(email_key), leads["Phone"].map(phone_key)):
        assert cells[cells != ""].is_unique
    assert ((leads["Email"] != "") | (leads["Phone"] != "")).all()
    assert (leads["Email"] == "").mean() == pytest.approx(0.05, abs=0.01)
    assert leads["Email"][leads["Email"] != ""].str.fullmatch(r"\S+@\S+\.example", case=False).all()
    styles = [
        r"\+\d+ \d+ \d{3} \d{4,5}",
        r"\+\d+",
        r"00\d+",
        r"\+\d+-\d+-\d+-\d+",
        r"\(\+\d+\) \d+ \d+",
        r"05\d \d{3} \d{4}",
    ]
    assert all(leads["Phone"].str.fullmatch(style).sum() > 50 for style in styles)
    assert leads["Phone"].str.fullmatch("|".join(["", *styles])).all()
    assert (leads["Email"] != leads["Email"].str.lower()).mean() > 0.03


def test_as_many_people_as_said_are_entered_twice_within_the_days():
    stream = business(Duplicates(size=0.1, days=20.0, onset=ONSET), leads=MANY)
    second = stream.truth[stream.truth["duplicate"]]
    people = created_since(business(leads=MANY).truth)
    # The last days' second entries come after the end.
    early = people[people["Created"] < "2025-12-10"]
    assert stats.binomtest(int(early["Lead ID"].isin(second["person"]).sum()), len(early), 0.1).pvalue > 1e-4
    assert second["person"].is_unique
    first = stream.truth.set_index("Lead ID").loc[second["person"], "Created"]
    days = (pd.to_datetime(second["Created"]).to_numpy() - pd.to_datetime(first).to_numpy()) / np.timedelta64(
        1, "D"
    )
    assert days.min() > 0
    assert days.max() < 20.1


def test_normalised_email_or_phone_finds_exactly_the_pairs_of_the_truth_and_raw_cells_none():
    stream = business(Duplicates(size=0.1, onset=ONSET), leads=MANY)
    leads, truth = stream.leads, stream.truth
    pairs, raw = set(), 0
    for column, key in (("Email", email_key), ("Phone", phone_key)):
        cells = leads.loc[leads[column] != "", ["Lead ID", column]]
        raw += int(cells[column].duplicated().sum())
        for ids in cells.groupby(cells[column].map(key))["Lead ID"].agg(tuple):
            if len(ids) > 1:
                pairs.add(frozenset(ids))
    second = truth[truth["duplicate"]]
    assert pairs == {frozenset(pair) for pair in zip(second["Lead ID"], second["person"], strict=True)}
    assert len(pairs) > 300
    assert raw == 0


def test_half_of_the_second_entries_come_through_another_source_and_none_converts():
    stream = business(Duplicates(size=0.2, onset=ONSET), leads=MANY, as_of=LATE)
    second = np.flatnonzero(stream.rows.second)
    place = {number: at for at, number in enumerate(stream.rows.number.tolist())}
    first = np.array([place[number] for number in stream.rows.person[second].tolist()])
    other = stream.rows.came_by[second] != stream.rows.came_by[first]
    assert stats.binomtest(int(other.sum()), other.size, 0.5).pvalue > 1e-4
    entries = stream.leads[stream.truth["duplicate"]]
    assert not (entries["Converted"] == "Yes").any()
    assert set(entries["Lost Reason"]) == {"", "Duplicate"}
    assert stream.truth.loc[stream.truth["duplicate"], "probability"].eq(0).all()


def test_second_entries_do_not_count_in_the_best_possible_auc():
    twice, once = business(Duplicates(size=0.3), leads=MANY), business(leads=MANY)
    assert twice.bayes_auc == once.bayes_auc
    assert twice.bayes_by_week()["leads"].sum() == MANY
    pd.testing.assert_frame_equal(twice.bayes_by_month(), once.bayes_by_month())


def test_nobody_is_entered_twice_whose_first_lead_never_came():
    stream = business(DeadSource(source="Google Ads"), Duplicates(size=0.3), leads=MANY)
    assert stream.truth["person"].isin(stream.truth["Lead ID"]).all()


def test_merged_rows_leave_the_table_and_the_first_one_stays():
    stream = business(Duplicates(size=0.2), Merges(size=0.6), leads=MANY, as_of=LATE)
    unmerged = business(Duplicates(size=0.2), leads=MANY, as_of=LATE)
    gone = stream.gone
    assert (gone["merged_into"] == gone["person"]).all()
    assert gone["merged_into"].isin(stream.leads["Lead ID"]).all()
    entries = int(unmerged.truth["duplicate"].sum())
    assert stats.binomtest(len(gone), entries, 0.6).pvalue > 1e-4
    kept = ~unmerged.leads["Lead ID"].isin(gone["Lead ID"])
    pd.testing.assert_frame_equal(stream.leads, unmerged.leads[kept].reset_index(drop=True))


def test_deleted_rows_leave_the_table():
    stream = business(Deletions(size=0.1, onset=ONSET), leads=MANY, as_of=LATE)
    later = created_since(business(leads=MANY, as_of=LATE).truth)
    gone = later["Lead ID"].isin(stream.gone["Lead ID"])
    assert stats.binomtest(int(gone.sum()), len(later), 0.1).pvalue > 1e-4
    assert len(stream.leads) == MANY - len(stream.gone)
    assert (stream.gone["merged_into"] == "").all()


def test_nothing_is_merged_into_a_row_that_is_gone():
    stream = business(Duplicates(size=0.5), Merges(size=1.0), Deletions(size=0.5, days=5.0), leads=MANY)
    into = stream.gone["merged_into"][stream.gone["merged_into"] != ""]
    at = stream.gone.set_index("Lead ID")["gone_at"]
    for target, when in zip(into, stream.gone.loc[into.index, "gone_at"], strict=True):
        assert target not in at.index or at[target] > when


def test_a_corrected_outcome_shows_the_other_one_until_it_is_corrected():
    dial = Corrections(size=0.1, what="outcome", onset=ONSET)
    late, right = business(dial, leads=MANY, as_of=LATE), business(leads=MANY, as_of=LATE)
    # In the end all is corrected.
    pd.testing.assert_frame_equal(late.leads, right.leads)
    outcomes: dict[str, list[str]] = {}
    for event in sorted(events_of(late), key=lambda event: str(event["occurred_at"])):
        if "outcome" in event:
            outcomes.setdefault(str(event["external_id"]), []).append(str(event["outcome"]))
    twice = {lead: told for lead, told in outcomes.items() if len(told) > 1}
    assert all(len(told) == 2 and set(told) == {"converted", "lost"} for told in twice.values())
    closed = right.leads[(right.leads["Converted"] != "") & (right.leads["Created"] >= "2025-07")]
    assert stats.binomtest(len(twice), len(closed), 0.1).pvalue > 1e-4
    final = right.leads.set_index("Lead ID")["Converted"].map({"Yes": "converted", "No": "lost"})
    assert all(told[-1] == final[lead] for lead, told in outcomes.items())
    # On the last day of the year some are still wrong, money and all.
    now, truth = business(dial, leads=MANY), business(leads=MANY)
    wrong = now.leads["Converted"] != truth.leads["Converted"]
    assert 0 < wrong.sum() < len(twice)
    won = now.leads["Converted"] == "Yes"
    assert (won == (now.leads["Revenue (AED)"] != "")).all()
    assert (won == (now.leads["Stage"] == "Closed Won")).all()


def test_a_corrected_field_is_wrong_at_creation_and_right_in_the_end():
    dial = Corrections(size=0.2, what="field", onset=ONSET)
    late, right = business(dial, leads=MANY, as_of=LATE), business(leads=MANY, as_of=LATE)
    pd.testing.assert_frame_equal(late.leads, right.leads)
    cells = right.leads.set_index("Lead ID")
    events = events_of(late)
    first = {e["external_id"]: e["attributes"] for e in events if e["kind"] == "created"}
    fixes = [e for e in events if str(e["event_id"]).endswith(":field")]
    assert len(fixes) == pytest.approx(0.2 * (cells["Created"] >= "2025-07").sum(), rel=0.15)
    columns = {column for fix in fixes for column in fix["attributes"]}
    assert columns == {"Nationality", "Timeline", "Package", "Budget (AED)"}
    for fix in fixes:
        ((column, cell),) = fix["attributes"].items()
        assert cell == cells.loc[fix["external_id"], column]
        assert plain(pd.Series([first[fix["external_id"]][column]]))[0] != plain(pd.Series([cell]))[0]
    budgets = [fix for fix in fixes if "Budget (AED)" in fix["attributes"]]
    right_ones = numbers(pd.Series([fix["attributes"]["Budget (AED)"] for fix in budgets]))
    wrong_ones = numbers(pd.Series([first[fix["external_id"]]["Budget (AED)"] for fix in budgets]))
    ratio = (wrong_ones / right_ones)[right_ones.between(3_000, 900_000)]
    assert ratio.round(1).isin([0.1, 10.0]).all()
