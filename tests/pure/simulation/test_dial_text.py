"""Dials written as text on a command line."""

from __future__ import annotations

from datetime import date

import pytest

from leadscoring.simulation.changes import (
    BrokenField,
    ChangedLaw,
    CovariateShift,
    DeadSource,
    FollowUp,
    NewSource,
    SeasonalSwing,
)
from leadscoring.simulation.dial_text import KINDS, parse_dial
from leadscoring.simulation.follow_up import ByHunch
from leadscoring.simulation.mess import Corrections, LateEvents

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


@pytest.mark.parametrize(
    ("text", "dial"),
    [
        (
            "broken-field:Budget,from=2026-05-01,how=missing,until=2026-06-01",
            BrokenField(field="budget", how="missing", onset=MAY, end=JUNE),
        ),
        (
            " broken-field : budget (aed) , how = unit , factor = 0.01 , source = website ",
            BrokenField(field="budget", how="unit", factor=0.01, source="Website"),
        ),
        (
            "broken-field:Lead Source,how=renamed,level=google ads,to=google ads",
            BrokenField(field="source", how="renamed", level="Google Ads", to="google ads"),
        ),
        (
            "covariate-shift:Region,to=south asia,size=0.2,from=2026-05-01,ramp=14",
            CovariateShift(field="region", to="South Asia", size=0.2, onset=MAY, ramp_days=14),
        ),
        ("covariate-shift:minutes,times=2", CovariateShift(field="minutes", times=2.0)),
        ("changed-law:flipped,effects=timeline/source", ChangedLaw(how="flipped", effects=("timeline", "source"))),
        ("changed-law", ChangedLaw()),
        ("new-source:Radio,like=meta ads,region=gulf,effect=0.5", NewSource(source="Radio", region="Gulf", effect=0.5)),
        ("dead-source:walk-in", DeadSource(source="Walk-in")),
        ("seasonal-swing,traffic=0.3", SeasonalSwing(traffic=0.3)),
        ("follow-up,effort=1/0.5/0/-1,blur=0.2", FollowUp(policy=ByHunch(blur=0.2, effort=(1.0, 0.5, 0.0, -1.0)))),
        ("corrections:field", Corrections(what="field")),
        ("late-events,hours=3", LateEvents(hours=3.0)),
    ],
)  # fmt: skip
def test_it_reads_what_people_write(text, dial):
    assert parse_dial(text) == dial


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no ''; expected one of covariate-shift"),
        ("storm:Budget", "there is no 'storm'"),
        ("broken-field", "the field is missing; expected broken-field:FIELD"),
        ("broken-field:Bugdet", r"field is 'Bugdet'; expected one of Lead Source, .*, Region"),
        ("broken-field:Region", "field is 'region'; expected one of source"),
        ("broken-field:Budget,how", "'how' is no value; expected key=value of from, until, ramp, size"),
        ("broken-field:Budget,colour=red", "'colour=red' is no value"),
        ("broken-field:Budget,policy=x", "'policy=x' is no value"),
        ("broken-field:Budget,size=1,size=2", "size is given twice"),
        ("broken-field:Budget,field=Sector", "field is given twice"),
        ("broken-field:Budget,size=all", "size is 'all'; expected a number"),
        ("broken-field:Budget,size=nan", "size is nan; expected a number from 0 to 1"),
        ("broken-field:Budget,from=1.5.2026", "onset is '1.5.2026'; expected a date such as 2026-05-01"),
        ("broken-field:Budget,ramp=1.5", "ramp_days is '1.5'; expected a whole number"),
        ("slow-conversions:Budget", "slow-conversions takes no target"),
        ("covariate-shift:region,to=Atlantis", "to is 'Atlantis'; expected one of South Asia"),
        ("follow-up,effort=1/2", "expected four numbers for grades A to D"),
        ("follow-up,effort=1/a/0/0", "effort is 'a'; expected a number"),
    ],
)
def test_it_says_what_is_wrong_with_the_text(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        parse_dial(text)
    assert str(caught.value).startswith(f"dial {text!r}")


def test_every_kind_can_be_named():
    assert len(KINDS) == 14
    targets = {"covariate-shift": ":budget", "broken-field": ":Budget", "dead-source": ":LinkedIn"}
    for name in KINDS:
        assert parse_dial(f"{name}{targets.get(name, '')},size=0.5,from=2026-05-01").onset == MAY
