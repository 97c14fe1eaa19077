"""When there will be enough: a middle with bounds, or the reason why no time can be named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from scoring.ml.pace import HORIZON_WEEKS, WEEKS_READ, Flow, Forecast, Have, When, fit_pace, forecast
from scoring.ml.pace_words import pace_words, when_words

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DELAYS = np.linspace(1.0, 28.0, 40)


def a_flow(per_week: float = 20.0, *, window: float = 28.0, **fields: object) -> Flow:
    """Leads that arrive evenly, those of the last four weeks not ripe yet."""
    age = np.arange(0.5, window)
    empty: dict[str, object] = {
        "window": window,
        "weekly": np.full(WEEKS_READ, per_week),
        "pending_age": age,
        "pending_leads": np.full(len(age), per_week / 7),
        "pending_converted": np.zeros(len(age)),
    }
    return Flow(**{**empty, **fields})  # type: ignore[arg-type]


HAVE = Have(leads=500, conversions=60, recent_leads=400, recent_conversions=48)


def asked(
    *flows: Flow, have: Have = HAVE, leads: int = 1000, rarer: int = 120, silent: bool = False
) -> Forecast:
    return forecast(flows or (a_flow(),), have, DELAYS, need_leads=leads, need_rarer=rarer, silent=silent)


def test_at_twenty_leads_a_week_five_hundred_more_take_twenty_five_weeks() -> None:
    when = asked().leads
    assert when.low is not None
    assert when.middle == pytest.approx(25 * 7, rel=0.05)
    assert when.high is not None
    assert when.low < 25 * 7 < when.high


def test_the_rarer_outcome_of_the_two_is_waited_for() -> None:
    fresh = a_flow(pending_leads=np.zeros(28))
    few = asked(fresh).rarer
    many = asked(fresh, have=Have(500, 440, 400, 352)).rarer
    assert few.middle == pytest.approx(60 / 0.12 / 20 * 7 + 28, rel=0.1)
    assert many.middle == pytest.approx(few.middle, rel=0.05)


def test_both_come_no_earlier_than_the_later_of_them() -> None:
    found = asked(leads=600)
    assert found.both.middle is not None
    assert found.leads.middle is not None
    assert found.leads.middle < found.both.middle
    assert found.both.middle == pytest.approx(found.rarer.middle)


def test_what_is_there_already_is_enough_now() -> None:
    found = asked(leads=500, rarer=60)
    assert (found.leads.reached, found.rarer.reached, found.both.reached) == (True, True, True)
    assert when_words(found.both, as_of=NOW) == "enough now"


def test_a_longer_window_makes_one_wait_longer() -> None:
    short, long = asked(a_flow(window=7.0)).leads.middle, asked(a_flow(window=140.0)).leads.middle
    assert short is not None
    assert long is not None
    # Nothing arrives sooner; the same leads are pending in both, so only later ones differ.
    assert short <= long + 7


def test_leads_that_wait_for_their_window_count_without_any_new_ones() -> None:
    waiting = a_flow(
        0.0, pending_age=np.array([20.0]), pending_leads=np.array([600.0]), pending_converted=np.array([80.0])
    )
    found = asked(waiting, silent=True)
    assert found.pace is None
    assert found.leads.high is not None
    assert found.leads.high <= 14
    assert found.rarer.high is not None
    assert found.rarer.high <= 14


def test_without_new_leads_it_is_not_at_this_pace() -> None:
    found = asked(a_flow(0.0, pending_leads=np.zeros(28)), silent=True)
    said = "not at this pace: no lead was created in the last 60 days"
    assert when_words(found.leads, as_of=NOW) == said
    assert when_words(found.both, as_of=NOW) == said


@pytest.mark.parametrize(
    ("have", "why"),
    [
        (Have(500, 0, 400, 0), "none of the 400 leads that became ripe lately converted"),
        (Have(500, 500, 400, 400), "all 400 leads that became ripe lately converted"),
        (Have(0, 0, 0, 0), "no lead became ripe lately, so the share that converts is not known"),
    ],
)
def test_it_names_no_date_when_the_share_that_converts_is_not_known(have: Have, why: str) -> None:
    found = asked(have=have)
    assert (found.rarer.middle, found.rarer.low, found.rarer.high) == (None, None, None)
    assert found.rarer.why == why
    assert found.both.why == why
    assert found.leads.middle is not None, "the leads themselves can be told"
    assert found.ahead == ()


def test_what_takes_longer_than_three_years_has_no_date() -> None:
    when = asked(a_flow(0.5), leads=100_000).leads
    assert when == When(None, None, None)
    assert when_words(when, as_of=NOW) == "not within three years at this pace"


def test_a_growing_business_gets_there_earlier_than_a_shrinking_one() -> None:
    trend = np.exp(0.03 * np.arange(WEEKS_READ))
    growing = asked(a_flow(weekly=np.round(10 * trend)))
    shrinking = asked(a_flow(weekly=np.round(10 * trend)[::-1]))
    assert growing.pace is not None
    assert shrinking.pace is not None
    assert growing.pace.growth > 0.015
    assert shrinking.pace.growth < -0.015
    assert growing.leads.middle is not None
    assert growing.leads.middle < (shrinking.leads.middle or np.inf)


def test_uneven_weeks_make_the_bounds_wider() -> None:
    uneven = np.tile([2.0, 38.0], WEEKS_READ // 2)
    even = asked().leads
    rough = asked(a_flow(weekly=uneven)).leads
    assert even.high is not None
    assert even.low is not None
    assert rough.low is not None
    assert (rough.high or np.inf) - rough.low > 1.5 * (even.high - even.low)


def test_the_pace_is_read_from_the_first_lead_on() -> None:
    weekly = np.concatenate([np.zeros(20), np.full(6, 12.0)])
    pace = fit_pace(weekly)
    assert pace is not None
    assert (pace.weeks, round(pace.per_week)) == (6, 12)
    assert pace.low < 12 < pace.high
    assert fit_pace(np.zeros(WEEKS_READ)) is None


def test_sources_keep_their_windows() -> None:
    fast, slow = a_flow(10.0, window=7.0), a_flow(10.0, window=600.0, pending_leads=np.zeros(600))
    found = asked(fast, slow, have=replace(HAVE, leads=0), leads=400).leads
    # Until the slow source ripens, only ten a week do.
    assert found.middle is not None
    assert found.middle > 30 * 7


def test_the_same_seed_gives_the_same_answer() -> None:
    assert asked() == asked()


def test_the_counts_ahead_start_now_and_never_fall() -> None:
    rows = np.array(asked().ahead)
    assert rows[0].tolist() == [0.0, 60.0, 60.0, 60.0]
    assert (np.diff(rows, axis=0) >= 0).all()
    assert (rows[:, 2] <= rows[:, 1]).all()
    assert (rows[:, 1] <= rows[:, 3]).all()
    assert len(rows) <= HORIZON_WEEKS + 1


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (When(42.0, 28.0, 63.0), "about 6 weeks, between 4 and 9 (29 Jun to 3 Aug 2026)"),
        (When(5.0, 3.0, 9.0), "about 5 days, between 3 and 9 (4 Jun to 10 Jun 2026)"),
        (When(7.0, 0.2, 9.0), "about 7 days, between 1 and 9 (1 Jun to 10 Jun 2026)"),
        (When(900.0, 700.0, 1000.0), "about 30 months, between 23 and 33 (1 May 2028 to 25 Feb 2029)"),
        (
            When(70.0, 56.0, None),
            "about 10 weeks, at the earliest 8 (27 Jul 2026); how late at most cannot be told",
        ),
        (When(None, 700.0, None), "not before 100 weeks (1 May 2028), more likely later than three years"),
    ],
)
def test_times_are_told_in_the_unit_that_fits(when: When, words: str) -> None:
    assert when_words(when, as_of=NOW) == words


def test_the_pace_is_told_with_its_bounds_and_its_trend() -> None:
    pace = fit_pace(np.full(WEEKS_READ, 20.0))
    assert pace is not None
    assert pace_words(pace).startswith("About 20 new leads a week (")
    assert "steady, read from the last 26 weeks" in pace_words(pace)
    assert "growing by about 3.0 % a week" in pace_words(replace(pace, growth=0.03))
    assert pace_words(None) == "No lead was created in the last 60 days."
