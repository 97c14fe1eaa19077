"""When a lead is ripe: Kaplan-Meier against a published table and SciPy, windows against a known truth."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scoring.ml.intervals import NotEnoughData
from scoring.ml.maturity import MaturityWindow, maturity_window, ripe, windows_by_source
from scoring.ml.survival import kaplan_meier

AS_OF = 20_000.0


def _stream(n: int = 6000, seed: int = 0, days: float = 365.0) -> tuple[np.ndarray, ...]:
    """Leads of a year: 25 % convert after a log-normal time, the others are lost after a shorter one."""
    rng = np.random.default_rng(seed)
    created = AS_OF - days * rng.random(n)
    age = AS_OF - created
    would = rng.random(n) < 0.25
    to_convert, to_lose = rng.lognormal(3.2, 0.9, n), rng.lognormal(2.2, 0.8, n)
    converted = would & (to_convert <= age)
    lost = ~would & (to_lose <= age)
    return created, converted, np.where(converted, created + to_convert, np.nan), lost


TRUE_WINDOW = float(
    stats.lognorm.ppf(0.95 * stats.lognorm.cdf(180, 0.9, scale=math.exp(3.2)), 0.9, scale=math.exp(3.2))
)


def test_the_published_leukaemia_table_comes_out() -> None:
    # Remission in weeks on 6-MP: Freireich et al. (1963); table in Kalbfleisch & Prentice, and Collett.
    weeks = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    relapse = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    curve = kaplan_meier(np.array(weeks, dtype=float), np.array(relapse, dtype=bool))
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.events.tolist() == [3, 1, 1, 1, 1, 1, 1]
    assert curve.survival.round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert (curve.n, curve.followed) == (21, 35.0)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=60))
def test_the_curve_agrees_with_scipy_on_censored_data(rows: list[tuple[int, bool]]) -> None:
    time, event = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    censored = stats.CensoredData(uncensored=time[event], right=time[~event])
    theirs = stats.ecdf(censored).sf
    curve = kaplan_meier(time, event)
    for age in range(13):
        assert 1 - float(curve.converted_by(age)) == pytest.approx(float(theirs.evaluate(age)), abs=1e-12)


def test_without_censoring_the_curve_is_the_plain_share() -> None:
    curve = kaplan_meier(np.array([1.0, 2.0, 2.0, 4.0]), np.ones(4, dtype=bool))
    assert curve.converted_by([0, 1, 2, 3, 4, 9]).tolist() == [0, 0.25, 0.75, 0.75, 1, 1]


def test_a_curve_of_nobody_is_refused() -> None:
    with pytest.raises(NotEnoughData, match="at least 1 row"):
        kaplan_meier(np.array([]), np.array([], dtype=bool))
    for bad in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="number of days"):
            kaplan_meier(np.array([1.0, bad]), np.array([True, False]))
    with pytest.raises(ValueError, match="one length"):
        kaplan_meier(np.array([1.0]), np.array([True, False]))


def test_the_window_finds_the_true_age() -> None:
    windows = [maturity_window(*_stream(seed=seed), as_of=AS_OF, reps=0).days for seed in range(12)]
    assert np.mean(windows) == pytest.approx(TRUE_WINDOW, abs=3)


def test_its_interval_holds_the_true_age_about_as_often_as_promised() -> None:
    held = 0
    for seed in range(40):
        window = maturity_window(*_stream(2000, seed=seed), as_of=AS_OF, seed=seed, reps=100)
        assert window.estimate is not None
        held += window.estimate.low <= TRUE_WINDOW <= window.estimate.high
    assert held >= 34


def test_taking_lost_leads_out_when_lost_would_bias_the_window_upwards() -> None:
    created, converted, converted_at, lost = _stream(20_000)
    kept = maturity_window(created, converted, converted_at, lost, as_of=AS_OF, reps=0).days
    age = np.minimum(np.where(converted, converted_at, AS_OF) - created, 180.0)
    gone = np.random.default_rng(1).lognormal(2.2, 0.8, len(age))
    curve = kaplan_meier(
        np.where(lost, np.minimum(age, gone), age), converted & (converted_at - created <= 180)
    )
    share = 1 - curve.survival
    assert curve.times[np.argmax(share >= 0.95 * share[-1])] > kept + 15


def test_undated_conversions_give_the_horizon_in_words() -> None:
    created, converted, converted_at, lost = _stream()
    converted_at[np.flatnonzero(converted)[:7]] = np.nan
    window = maturity_window(created, converted, converted_at, lost, as_of=AS_OF)
    assert (window.days, window.estimate, window.converted_share) == (180.0, None, None)
    assert window.reason.startswith("7 of ")
    assert "have no date: the window is the horizon, 180 days" in window.reason


def test_few_conversions_give_the_horizon_in_words() -> None:
    window = maturity_window(*(column[:60] for column in _stream()), as_of=AS_OF)
    assert window.days == 180.0
    assert "30 are needed" in window.reason


def test_a_stream_younger_than_the_horizon_gives_the_horizon_in_words() -> None:
    window = maturity_window(*_stream(days=100), as_of=AS_OF)
    assert window.days == 180.0
    assert "the oldest lead is 100 days old" in window.reason


def test_no_leads_at_all_give_the_horizon() -> None:
    empty = np.array([])
    window = maturity_window(empty, empty.astype(bool), empty, empty.astype(bool), as_of=AS_OF, horizon=90)
    assert (window.days, window.n, window.conversions) == (90.0, 0, 0)


def test_what_happened_after_the_day_of_asking_is_not_known() -> None:
    created, converted, converted_at, lost = _stream()
    earlier = AS_OF - 60
    window = maturity_window(created, converted, converted_at, lost, as_of=earlier, reps=0)
    seen = created <= earlier
    known = converted & (converted_at <= earlier)
    again = maturity_window(
        created[seen],
        known[seen],
        np.where(known, converted_at, np.nan)[seen],
        lost[seen],
        as_of=earlier,
        reps=0,
    )
    assert window == again
    assert window.n == seen.sum()


def test_a_conversion_dated_before_its_lead_counts_as_day_zero_and_is_named() -> None:
    created, converted, converted_at, lost = _stream()
    early = np.flatnonzero(converted)[:9]
    on_day_zero = converted_at.copy()
    on_day_zero[early] = created[early]
    converted_at[early] = created[early] - 0.4
    window = maturity_window(created, converted, converted_at, lost, as_of=AS_OF, reps=0)
    assert window.days == maturity_window(created, converted, on_day_zero, lost, as_of=AS_OF, reps=0).days
    assert "9 dated before their lead was created count as day 0" in window.reason


def test_conversions_after_the_horizon_count_as_none() -> None:
    created = np.full(200, AS_OF - 400)
    converted = np.arange(200) < 100
    converted_at = np.where(converted, created + np.where(np.arange(200) < 50, 10.0, 300.0), np.nan)
    window = maturity_window(created, converted, converted_at, ~converted, as_of=AS_OF)
    assert (window.days, window.converted_share) == (10.0, 0.25)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"created": np.array([math.nan, 1.0])}, "creation date"),
        ({"lost": np.array([True, False])}, "both converted and lost"),
        ({"lost": np.array([False])}, "one length"),
        ({"horizon": 0.0}, "horizon above 0"),
        ({"share": 1.5}, "share <= 1"),
    ],
)
def test_impossible_leads_are_refused(change: dict[str, object], words: str) -> None:
    good: dict[str, object] = {
        "created": np.array([1.0, 1.0]),
        "converted": np.array([True, False]),
        "converted_at": np.array([2.0, math.nan]),
        "lost": np.array([False, False]),
        "as_of": AS_OF,
    }
    with pytest.raises(ValueError, match=words):
        maturity_window(**{**good, **change})  # type: ignore[arg-type]


def test_each_source_has_its_window_and_a_thin_one_takes_the_pooled() -> None:
    columns = _stream()
    source = np.array(["web"] * 3000 + ["fair"] * 2960 + ["phone"] * 40, dtype=object)
    columns[2][3000:5960] = columns[0][3000:5960] + (columns[2][3000:5960] - columns[0][3000:5960]) / 4
    windows = windows_by_source(source, *columns, as_of=AS_OF, reps=0)
    assert set(windows) == {"", "web", "fair", "phone"}
    assert windows["fair"].days < windows["web"].days / 2
    assert windows["phone"].days == windows[""].days
    assert "all sources together" in windows["phone"].reason
    assert windows["phone"].n == 40
    assert json.loads(json.dumps(windows["web"].to_json(), allow_nan=False))["days"] == windows["web"].days
    with pytest.raises(ValueError, match="one source per lead"):
        windows_by_source(source[:5], *columns, as_of=AS_OF)


def test_a_source_stays_at_the_horizon_where_nothing_is_known() -> None:
    columns = _stream(days=50)
    windows = windows_by_source(np.full(6000, "web", dtype=object), *columns, as_of=AS_OF)
    assert windows["web"].days == windows[""].days == 180.0


def test_age_alone_makes_a_lead_ripe() -> None:
    created = np.array([AS_OF - 100, AS_OF - 30, AS_OF - 29.9, AS_OF + 1, math.nan])
    assert ripe(created, 30.0, AS_OF).tolist() == [True, True, False, False, False]
    assert ripe(created[:2], np.array([101.0, 10.0]), AS_OF).tolist() == [False, True]
    assert ripe(created, 0.0, AS_OF).tolist() == [True, True, True, False, False]


def test_a_window_says_what_it_rests_on() -> None:
    window = maturity_window(*_stream(), as_of=AS_OF)
    assert isinstance(window, MaturityWindow)
    assert window.estimate is not None
    assert window.estimate.low <= window.days <= window.estimate.high
    assert "95% of the conversions" in window.reason
    assert f"{window.conversions:,} conversions" in window.reason
