from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leadscoring.simulation import SimulationConfig, Stream, api_leads, newest, simulate
from leadscoring.simulation.columns import (
    CONTACT_COLUMNS,
    CREATION_COLUMNS,
    LEAK_COLUMNS,
    NUMBER_COLUMNS,
    OUTCOME_COLUMNS,
)
from leadscoring.simulation.dirt import text_cells, typo
from leadscoring.simulation.draws import count_shares, draw_levels, hashed, stack_groups
from leadscoring.simulation.draws import stream as stream_of

NOTHING = ["", "select", "unknown", "-", "n/a"]


def plain(cells: pd.Series) -> pd.Series:
    return cells.str.strip().str.lower()


def test_every_cell_is_text(stream: Stream):
    assert all(isinstance(cell, str) for cell in stream.leads.iloc[:50].to_numpy().ravel())
    assert not stream.leads.isna().any().any()


def test_large_categories_are_large(stream: Stream):
    assert plain(stream.leads["Nationality"]).nunique() >= 80
    assert plain(stream.leads["Campaign"]).nunique() >= 120
    assert plain(stream.leads["Business Activity"]).nunique() >= 150


def test_missing_is_written_in_several_ways_and_depends_on_the_source(stream: Stream):
    timeline = plain(stream.leads["Timeline"])
    assert {"", "select", "-", "unknown"} <= set(timeline)
    budget = plain(stream.leads["Budget (AED)"]).isin(NOTHING)
    source = plain(stream.leads["Lead Source"])
    table = pd.crosstab(budget, source.isin(["referral", "channel partner"]))
    assert stats.chi2_contingency(table).pvalue < 1e-6
    assert budget[source == "meta ads"].mean() > budget[source == "referral"].mean()


def test_leads_that_never_saw_the_site_have_no_visit(stream: Stream):
    offline = plain(stream.leads["Lead Source"]).isin(
        ["referral", "walk-in", "trade event", "channel partner"]
    )
    assert (stream.leads.loc[offline, ["Pages Viewed", "Minutes on Site", "Device"]] == "").all().all()
    online = plain(stream.leads["Lead Source"]) == "google ads"
    assert (stream.leads.loc[online, "Pages Viewed"] == "").mean() < 0.1


def test_dirt_is_there_and_can_be_switched_off(stream: Stream):
    nationality = stream.leads["Nationality"]
    assert (nationality != nationality.str.strip()).any()
    assert "INDIA" in set(nationality)
    assert stream.leads["Budget (AED)"].str.contains(",").mean() > 0.2
    assert (stream.leads["Visa Quota"] == "99").any()
    clean = simulate(SimulationConfig(seed=11, leads=5000, dirt=0.0)).leads
    assert clean["Nationality"].nunique() <= 100
    assert set(clean["Timeline"]) <= {"", "Immediately", "Within 1 month", "Within 3 months", "Within 6 months",
                                      "Just exploring"}  # fmt: skip
    assert not (clean["Visa Quota"] == "99").any()


def test_fields_depend_on_each_other(stream: Stream):
    for first, second in (
        ("Lead Source", "Nationality"),
        ("Sector", "Licence Type"),
        ("Office Type", "Package"),
    ):
        table = pd.crosstab(plain(stream.leads[first]), plain(stream.leads[second]))
        assert stats.chi2_contingency(table).pvalue < 1e-12
    budget = pd.to_numeric(stream.leads["Budget (AED)"].str.replace(",", ""), errors="coerce")
    middle = budget.groupby(plain(stream.leads["Package"])).median()
    assert middle["starter"] < middle["standard"] < middle["premium"] < middle["elite"]


def test_offices_rest_at_the_weekend_and_screens_do_not(stream: Stream):
    day = pd.to_datetime(stream.leads["Created"]).dt.tz_convert("Asia/Dubai").dt.day_of_week
    weekend = day >= 5
    source = plain(stream.leads["Lead Source"])
    assert weekend[source.isin(["referral", "channel partner"])].mean() < 0.06
    assert weekend[source.isin(["google ads", "meta ads"])].mean() > 0.18


def test_trade_leads_come_in_office_hours_of_the_gulf(stream: Stream):
    hour = pd.to_datetime(stream.leads["Created"]).dt.tz_convert("Asia/Dubai").dt.hour
    trade = plain(stream.leads["Lead Source"]).isin(["referral", "channel partner"])
    assert hour[trade].between(8, 17).mean() > 0.85
    assert hour[~trade].between(8, 17).mean() < 0.75


def test_summer_is_quieter_than_autumn(stream: Stream):
    months = stream.leads["Created"].str.slice(5, 7).value_counts()
    assert months[["10", "11"]].sum() > 1.3 * months[["06", "07"]].sum()


def test_conversions_come_late_and_later_from_partners_than_from_walk_ins(stream: Stream):
    created = pd.to_datetime(stream.truth["Created"]).dt.tz_localize(None)
    days = (pd.to_datetime(stream.truth["converted_at"], unit="s") - created).dt.total_seconds() / 86_400
    assert days.min() >= 0
    assert days.max() <= 181
    source = plain(stream.leads["Lead Source"])
    middle = days.groupby(source).median()
    assert middle["walk-in"] < middle["google ads"] < middle["channel partner"]
    # Log-normal: the logarithm has no skew worth speaking of.
    assert abs(stats.skew(np.log(days[source == "google ads"].dropna()))) < 0.3


def test_delays_do_not_depend_on_the_probability_within_a_source(stream: Stream):
    google = (plain(stream.leads["Lead Source"]) == "google ads") & stream.truth["converts"]
    created = pd.to_datetime(stream.truth["Created"]).dt.tz_localize(None)
    delay = (pd.to_datetime(stream.truth["converted_at"], unit="s") - created).dt.total_seconds()
    assert stats.spearmanr(delay[google], stream.truth["probability"][google]).pvalue > 0.001


def test_only_converted_leads_have_revenue_and_it_grows_with_the_package(stream: Stream):
    won = stream.leads["Converted"] == "Yes"
    revenue = pd.to_numeric(stream.leads["Revenue (AED)"])
    assert revenue[won].min() > 0
    assert revenue[~won].isna().all()
    middle = revenue.groupby(plain(stream.leads["Package"])).median()
    assert middle["starter"] < middle["standard"] < middle["premium"] < middle["elite"]


def test_leak_columns_are_filled_after_the_outcome_alone(stream: Stream):
    leads = stream.leads
    won, lost, still_open = (leads["Converted"] == value for value in ("Yes", "No", ""))
    assert (leads.loc[won, "Licence Number"] != "").mean() > 0.9
    assert (leads.loc[~won, ["Licence Number", "Contract Signed"]] == "").all().all()
    assert (leads.loc[lost, "Lost Reason"] != "").mean() > 0.85
    assert (leads.loc[~lost, "Lost Reason"] == "").all()
    assert (leads.loc[still_open, list(LEAK_COLUMNS)] == "").all().all()
    assert (leads.loc[still_open, "Converted At"] == "").all()


def test_what_happens_during_contact_adds_nothing_to_the_truth(stream: Stream):
    # Within tenths of the true probability, a reply is no likelier among converted leads.
    old = stream.leads["Created"] < "2025-11"
    tenth = pd.qcut(stream.truth["probability"], 10, labels=False)
    replied = stream.leads["Replied"] == "Yes"
    z = []
    for _, rows in stream.truth[old].groupby(tenth[old]):
        table = pd.crosstab(replied[rows.index], rows["converts"]).to_numpy()
        if table.shape == (2, 2) and table.min() > 0:
            z.append(
                np.log(table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0])) / np.sqrt((1 / table).sum())
            )
    assert len(z) >= 5
    assert abs(sum(z)) / np.sqrt(len(z)) < 3.5


def test_api_leads_carry_what_is_known_at_creation_and_nothing_later(stream: Stream):
    sent = list(api_leads(newest(stream, 300)))
    assert len(sent) == 300
    assert [lead["external_id"] for lead in sent] == stream.leads["Lead ID"].tolist()[-300:]
    later = {*CONTACT_COLUMNS, *OUTCOME_COLUMNS, *LEAK_COLUMNS}
    for lead in sent:
        attributes = lead["attributes"]
        assert set(attributes) <= set(CREATION_COLUMNS)
        assert not set(attributes) & later
        assert "" not in attributes.values()
    assert json.loads(json.dumps(sent, allow_nan=False)) == sent


def test_api_leads_send_numbers_as_numbers(stream: Stream):
    sent = [lead["attributes"] for lead in api_leads(newest(stream, 300))]
    for name in NUMBER_COLUMNS:
        values = [attributes[name] for attributes in sent if name in attributes]
        assert any(isinstance(value, int | float) for value in values)
        assert all(value in {"-", "n/a"} for value in values if isinstance(value, str))


@pytest.mark.parametrize(("word", "wrong"), [("India", "Inida"), ("A", "A"), ("aaaa", "aaaa")])
def test_a_typo_swaps_two_letters_where_that_shows(word, wrong):
    assert typo(word) == wrong


def test_clean_cells_are_the_levels_and_blanks():
    cells = text_cells(stream_of(1, "x"), np.array([0, -1, 1]), ("a", "b"), {"": 0.5, "-": 0.5}, 0.0)
    assert cells.tolist() == ["a", "", "b"]


def test_levels_are_drawn_with_the_shares_of_their_row():
    rows = np.repeat([0, 1], 20_000)
    drawn = draw_levels(stream_of(3, "x"), rows, [[1, 1, 2], [0, 3, 1]])
    first, second = np.bincount(drawn[:20_000], minlength=3), np.bincount(drawn[20_000:], minlength=3)
    assert stats.chisquare(first, [5000, 5000, 10_000]).pvalue > 0.001
    assert second[0] == 0
    assert stats.chisquare(second[1:], [15_000, 5000]).pvalue > 0.001


def test_stacked_groups_name_each_level_once():
    names, owners = stack_groups([["a", "b"], [], ["b", "c"]])
    assert names == ("a", "b", "c")
    assert owners.tolist() == [0, 0, 2]


def test_counts_have_the_shares_of_the_negative_binomial():
    means = np.array([0.0, 2.6, 6.5])
    expected = stats.nbinom.pmf(np.arange(81), 1.6, 1.6 / (1.6 + np.maximum(means, 1e-9)[:, None]))
    assert np.allclose(count_shares(means, 1.6, 80), expected, rtol=1e-10)
    # What lies beyond the table is next to nothing.
    assert count_shares(means, 1.6, 80).sum(axis=1) == pytest.approx(1.0, abs=1e-6)


def test_hashed_uniforms_are_even_unrelated_and_a_matter_of_their_key_alone():
    keys = np.arange(1, 50_001)
    first, second, other = hashed(1, "a", keys), hashed(1, "b", keys), hashed(2, "a", keys)
    assert stats.kstest(first, "uniform").pvalue > 0.001
    for a, b in ((first, second), (first, other), (first[1:], first[:-1])):
        assert abs(stats.pearsonr(a, b).statistic) < 0.02
    assert np.array_equal(hashed(1, "a", keys[::-7]), first[::-7])
    assert first.min() > 0.0
    assert first.max() < 1.0
