"""Who comes: shifts of the mix, a new source, a dead one, seasons that keep people away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leadscoring.simulation import SimulationConfig, catalogue
from leadscoring.simulation.changes import CovariateShift, DeadSource, NewSource, SeasonalSwing
from leadscoring.simulation.law import build_law
from tests.factories.business import ONSET, business, created_since, plain

MANY = 20_000


def is_share(hits: pd.Series | np.ndarray, share: float) -> bool:
    """Whether so many hits are likely for the share (two-sided, 1 in 10,000)."""
    return bool(stats.binomtest(int(np.sum(hits)), len(hits), share).pvalue > 1e-4)


def test_a_shift_moves_its_share_of_the_leads_and_their_nationality_city_and_contact_follow():
    shifted = business(CovariateShift(field="region", to="Africa", size=0.3, onset=ONSET), leads=MANY)
    before = business(leads=MANY)
    leads, usual = created_since(shifted.leads), created_since(before.leads)
    moved = shifted.truth.loc[leads.index, "dials"] == "covariate-shift:region"
    assert is_share(moved, 0.3)
    african = {name.lower() for name in catalogue.NATIONALITIES["Africa"]}
    known = ~plain(leads["Nationality"]).isin(["", "unknown", "-"])
    # Typos aside, all of the moved and as many of the others as ever.
    assert plain(leads["Nationality"])[moved & known].isin(african).mean() > 0.995
    assert (leads["Nationality"][~moved] == usual["Nationality"][~moved]).all()
    assert (plain(leads["City"][moved]) == "lagos").mean() > 5 * (plain(usual["City"]) == "lagos").mean()


def test_fields_that_depend_on_a_moved_one_have_the_mix_of_its_level():
    shift = CovariateShift(field="sector", to="E-commerce", size=0.5, onset=ONSET)
    shifted = business(shift, leads=MANY)
    rows = np.flatnonzero(shifted.truth["dials"] == shift.label)
    licence = shifted.rows.shown.licence[rows]
    expected = np.array(catalogue.LICENCE_SHARES[catalogue.SECTORS.index("E-commerce")])
    counts = np.bincount(licence[licence >= 0], minlength=6)
    assert stats.chisquare(counts, expected * counts.sum()).pvalue > 1e-4


def test_a_shift_leaves_the_law_alone():
    shifted = business(CovariateShift(field="source", to="Meta Ads", size=0.5, onset=ONSET), leads=MANY)
    rows = shifted.rows
    assert np.allclose(
        shifted.truth["log_odds"], build_law(SimulationConfig(seed=7)).log_odds(rows.shown, rows.created)
    )
    after = created_since(shifted.truth)
    usual = business(leads=MANY).truth.loc[after.index]
    # Meta brings people who buy less.
    assert after["probability"].mean() < usual["probability"].mean() - 0.02


def test_a_shifted_number_is_so_many_times_as_large_for_its_share():
    shift = CovariateShift(field="budget", times=2.0, size=0.4, onset=ONSET)
    shifted, usual = business(shift, leads=MANY), business(leads=MANY)
    rows = created_since(shifted.truth).index
    ratio = shifted.rows.shown.budget[rows] / usual.rows.shown.budget[rows]
    moved = (shifted.truth.loc[rows, "dials"] == shift.label).to_numpy()
    assert is_share(moved, 0.4)
    assert np.nanmean(np.log2(ratio[moved])) == pytest.approx(1.0, abs=0.02)
    assert np.nanmax(np.abs(ratio[~moved] - 1.0)) == 0.0


def test_a_ramp_moves_half_of_the_size_half_way():
    shift = CovariateShift(field="timeline", to="Immediately", size=0.8, onset=ONSET, ramp_days=100)
    truth = business(shift, leads=MANY).truth
    day = (pd.to_datetime(truth["Created"]).dt.tz_localize(None) - pd.Timestamp(ONSET)).dt.days
    for low, high, share in ((0, 20, 0.08), (40, 60, 0.4), (80, 100, 0.72), (110, 190, 0.8)):
        assert is_share(truth["dials"][(day >= low) & (day < high)] == shift.label, share)


def test_a_new_source_takes_its_share_with_its_own_people_and_its_own_effect():
    new = NewSource(
        source="TikTok Ads", size=0.2, effect=-1.2, region="Africa", region_share=0.7, onset=ONSET
    )
    stream = business(new, leads=MANY)
    after = created_since(stream.leads)
    theirs = plain(after["Lead Source"]) == "tiktok ads"
    came = (stream.truth.loc[after.index, "dials"] == new.label).to_numpy()
    assert is_share(came, 0.2)
    # Those whose source is shown are they, but for a typo here and there.
    assert (theirs & ~came).sum() == 0
    assert theirs[came].mean() > 0.97
    assert (after["Campaign"][came] == "").all()
    african = {name.lower() for name in catalogue.NATIONALITIES["Africa"]}
    shares = catalogue.REGION_SHARES[catalogue.SOURCES.index("Meta Ads")]
    expected = 0.7 + 0.3 * shares[catalogue.REGIONS.index("Africa")]
    known = ~plain(after["Nationality"]).isin(["", "unknown", "-"]) & came
    assert plain(after["Nationality"])[known].isin(african).mean() == pytest.approx(expected, abs=0.04)
    # Independent: the law with the source unknown, whose effect (-1.3) gives way to the new one's.
    places = after.index.to_numpy()[came & (stream.rows.shown.source[after.index] >= 0)]
    shown = stream.rows.shown.where(places)
    shown.source[:] = -1
    law = build_law(SimulationConfig(seed=7))
    log_odds = law.log_odds(shown, stream.rows.created[places]) - law.mains["source"][-1] - 1.2
    assert np.allclose(stream.truth["log_odds"].to_numpy()[places], log_odds)


def test_a_dead_source_sends_no_more_and_half_a_dead_one_half():
    usual = business(leads=MANY)
    google = usual.rows.came_by == catalogue.SOURCES.index("Google Ads")
    later = (usual.leads["Created"] >= ONSET.isoformat()).to_numpy()
    dead = business(DeadSource(source="Google Ads", onset=ONSET), leads=MANY)
    assert set(usual.leads["Lead ID"][~(google & later)]) == set(dead.leads["Lead ID"])
    half = business(DeadSource(source="Google Ads", size=0.5, onset=ONSET), leads=MANY)
    assert is_share(~usual.leads["Lead ID"][google & later].isin(half.leads["Lead ID"]), 0.5)
    assert usual.leads["Lead ID"][~(google & later)].isin(half.leads["Lead ID"]).all()


def test_a_seasonal_swing_moves_readiness_and_traffic_by_the_day_of_the_year():
    swing = SeasonalSwing(size=0.9, traffic=0.5)
    stream, usual = business(swing, leads=MANY), business(leads=MANY)
    both = usual.truth.set_index("Lead ID").loc[stream.truth["Lead ID"]]
    day = pd.to_datetime(stream.truth["Created"]).dt.day_of_year.to_numpy()
    expected = 0.9 * np.cos(2 * np.pi * (day - 290) / 365.25)
    moved = stream.truth["log_odds"].to_numpy() - both["log_odds"].to_numpy()
    assert np.abs(moved - expected).max() < 0.03
    stayed = usual.leads["Lead ID"].isin(stream.leads["Lead ID"])
    month = usual.leads["Created"].str.slice(5, 7)
    # Mid-October all come; mid-April half.
    assert stayed[month == "10"].mean() > 0.98
    assert is_share(stayed[usual.leads["Created"].str.slice(5, 10).between("04-12", "04-22")], 0.5)
