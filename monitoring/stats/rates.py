"""How two counts of events compare, each over a length of time."""

from __future__ import annotations

import math

from scoring.ml.estimates import Estimate
from scoring.ml.proportions import clopper_pearson


def rate_ratio(now: int, time_now: float, before: int, time_before: float) -> Estimate | None:
    """The rate of one period divided by that of another, with its exact conditional 95 % interval.

    Given their sum, the first of two Poisson counts is binomial; the Clopper-Pearson bounds of its share are carried
    over. Source: Przyborowski & Wilenski (1940), Biometrika 31:313-323. The interval knows the chance of independent
    arrivals only. None where either count is 0: the ratio then has no finite interval on one side.

    >>> ratio = rate_ratio(20, 1.0, 40, 4.0)
    >>> round(ratio.value, 2), round(ratio.low, 2), round(ratio.high, 2), ratio.n
    (2.0, 1.11, 3.5, 60)
    """
    if min(now, before) < 0 or min(time_now, time_before) <= 0:
        raise ValueError(
            f"expected counts of at least 0 over times above 0, got {now} over {time_now}, {before} over {time_before}"
        )
    if now == 0 or before == 0:
        return None
    share = clopper_pearson(now, now + before)
    scale = time_before / time_now

    def ratio(p: float) -> float:
        return p / (1.0 - p) * scale

    if not math.isfinite(share.high) or share.high >= 1.0:
        return None
    return Estimate(
        now / before * scale, ratio(share.low), ratio(share.high), now + before, "exact ratio of two rates"
    )
