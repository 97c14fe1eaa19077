"""Columns that go wrong in the file, while the people and the law stay who they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leadscoring.simulation.changes import BrokenField
from leadscoring.simulation.names import HEADERS
from tests.factories.business import ONSET, business, created_since, numbers, plain

MANY = 8_000


def pair(dial: BrokenField) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The leads since the onset, broken and whole."""
    broken, whole = business(dial, leads=MANY), business(leads=MANY)
    pd.testing.assert_frame_equal(broken.truth.drop(columns="dials"), whole.truth.drop(columns="dials"))
    header = HEADERS[dial.field]
    pd.testing.assert_frame_equal(broken.leads.drop(columns=header), whole.leads.drop(columns=header))
    return created_since(broken.leads), created_since(whole.leads)


def test_a_missing_field_is_blank_in_every_lead():
    broken, whole = pair(BrokenField(field="timeline", onset=ONSET))
    assert (broken["Timeline"] == "").all()
    assert (whole["Timeline"] == "").mean() < 0.1


def test_a_field_may_break_for_one_source_and_for_a_share():
    broken, whole = pair(BrokenField(field="sector", source="Website", size=0.4, onset=ONSET))
    website = plain(whole["Lead Source"]) == "website"
    lost = (broken["Sector"] == "") & (whole["Sector"] != "")
    assert not lost[~website & (plain(whole["Lead Source"]).str.len() > 7)].any()
    filled = website & (whole["Sector"] != "")
    assert stats.binomtest(int(lost[filled].sum()), int(filled.sum()), 0.4).pvalue > 1e-4


@pytest.mark.parametrize(
    ("field", "factor", "usual"), [("budget", None, 0.001), ("minutes", None, 60.0), ("pages", 3.0, 3.0)]
)
def test_a_broken_unit_multiplies_what_is_a_number_and_leaves_what_is_none(field, factor, usual):
    broken, whole = pair(BrokenField(field=field, how="unit", factor=factor, onset=ONSET))
    header = HEADERS[field]
    now, then = numbers(broken[header]), numbers(whole[header])
    # Blanks, tokens and the wild numbers that stand for "nothing" stay as they are.
    same = broken[header] == whole[header]
    assert np.allclose(now[~same], then[~same] * usual)
    assert (~same).mean() > 0.4
    assert then[same & then.notna()].isin([0.0, 1.0, 99_999_999.0, 1440.0, -1.0, 999.0]).all()


def test_one_level_may_be_renamed():
    dial = BrokenField(field="source", how="renamed", level="Google Ads", to="google_cpc", onset=ONSET)
    broken, whole = pair(dial)
    renamed = broken["Lead Source"] == "google_cpc"
    assert (plain(whole["Lead Source"])[renamed].str.len() == len("Google Ads")).all()
    assert not (plain(broken["Lead Source"]) == "google ads").any()
    assert (broken["Lead Source"][~renamed] == whole["Lead Source"][~renamed]).all()


def test_all_levels_may_become_codes_that_still_tell_them_apart():
    broken, whole = pair(BrokenField(field="package", how="renamed", onset=ONSET))
    shown = ~plain(whole["Package"]).isin(["", "select", "-", "unknown"])
    assert broken["Package"][shown].str.fullmatch(r"PA-0[1-4]").all()
    clean = whole["Package"].isin(["Starter", "Standard", "Premium", "Elite"])
    assert (
        len(pd.crosstab(broken["Package"][clean], whole["Package"][clean]).stack().loc[lambda n: n > 0]) == 4
    )
    assert (broken["Package"][~shown] == whole["Package"][~shown]).all()
