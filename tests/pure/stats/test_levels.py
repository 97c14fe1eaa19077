"""From measures to levels: large, and too unlikely to be chance among all that were looked at."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from monitoring.stats.drift import Drift, Window, compare, rows_needed
from monitoring.stats.levels import Level, Limits, judge, level_of_one

LIMITS = Limits()


def found(psi: float | None, p: float | None, n: int = 1000) -> Drift:
    return Drift(n, 10_000, 10, psi=psi, p=p, problem="" if p is not None else "too few rows")


def levels(*drifts: Drift, needs: int = 100, looks: float = 1.0) -> list[Level]:
    return [
        one.level
        for one in judge(drifts, [LIMITS] * len(drifts), [needs] * len(drifts), looks_per_week=looks)
    ]


def test_a_drift_must_be_large_and_unlikely_to_be_chance() -> None:
    assert levels(found(0.6, 1e-9)) == [Level.CRITICAL]
    assert levels(found(0.3, 1e-9)) == [Level.WARNING]
    assert levels(found(0.6, 0.005)) == [Level.WARNING], "large, and not certain enough to be critical"
    assert levels(found(0.6, 0.05)) == [Level.QUIET], "large by chance"
    assert levels(found(0.1, 1e-30)) == [Level.QUIET], "certain, and small"


def test_among_forty_features_a_p_value_counts_for_less() -> None:
    others = [found(0.01, 0.5)] * 39
    assert levels(found(0.3, 0.002), *others)[0] is Level.QUIET
    assert levels(found(0.3, 0.0002), *others)[0] is Level.WARNING


def test_a_daily_check_asks_for_seven_times_the_certainty_of_a_weekly_one() -> None:
    assert levels(found(0.6, 0.0005)) == [Level.CRITICAL]
    assert levels(found(0.6, 0.0005), looks=7) == [Level.WARNING]


def test_too_few_rows_are_never_called_no_drift() -> None:
    assert levels(found(0.05, 0.5, n=99)) == [Level.UNKNOWN]
    assert levels(found(0.05, 0.5, n=100)) == [Level.QUIET]
    assert levels(found(None, None)) == [Level.UNKNOWN]
    [judged] = judge([found(0.05, 0.5)], [LIMITS], [None])
    assert (judged.level, judged.needs) == (Level.UNKNOWN, None)


def test_few_rows_that_show_a_very_large_drift_count() -> None:
    assert levels(found(3.0, 1e-12, n=40)) == [Level.CRITICAL]


def test_rows_that_could_not_be_compared_do_not_weaken_the_others() -> None:
    assert levels(found(0.3, 0.005), *[found(None, None)] * 30)[0] is Level.WARNING


def test_limits_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="0 < warning <= critical"):
        Limits(0.5, 0.25)
    with pytest.raises(ValueError, match="one limit"):
        judge([found(0.1, 0.5)], [], [10])


def test_the_rows_needed_are_those_at_which_a_drift_of_the_limit_starts_to_warn() -> None:
    reference = np.full(10, 1000)
    alone = level_of_one(40, looks_per_week=7)
    needs = rows_needed(reference, psi=LIMITS.warning, p=alone)
    assert needs is not None
    others = [found(0.01, 0.5)] * 39
    for n, level in ((needs, Level.WARNING), (needs - 2, Level.UNKNOWN)):
        effective = n * 10_000 / (n + 10_000)

        drift = Drift(n, 10_000, 10, psi=0.25, p=float(special.chdtrc(9, 0.25 * effective)))
        judged = judge([drift, *others], [LIMITS] * 40, [needs] * 40, looks_per_week=7)
        assert judged[0].level is level


def test_a_quiet_week_of_a_busy_business_is_quiet() -> None:
    rng = np.random.default_rng(1)
    share = np.full(11, 1 / 11)
    drifts = [
        compare(Window(rng.multinomial(20_000, share)), Window(rng.multinomial(15_000, share)), ordered=10)
        for _ in range(40)
    ]
    assert {one.level for one in judge(drifts, [LIMITS] * 40, [200] * 40)} == {Level.QUIET}
