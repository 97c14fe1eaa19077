"""What a metric will be worth at a number of leads."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.ml.intervals import delong_auc
from scoring.ml.planning import auc_worth, hanley_mcneil


@pytest.mark.parametrize(
    ("auc", "positives", "negatives", "error"), [(0.893, 51, 58, 0.0325), (0.75, 100, 100, 0.0344)]
)
def test_it_gives_the_standard_error_of_hanley_and_mcneil(
    auc: float, positives: int, negatives: int, error: float
) -> None:
    """51 ill and 58 well at .893 have .0325 by the formula; the paper's own rating data gave .0320."""
    assert hanley_mcneil(auc, positives, negatives) == pytest.approx(error, abs=1e-4)


def test_the_width_it_plans_is_a_little_more_than_delong_measures_on_normal_scores() -> None:
    draw = np.random.default_rng(3)
    widths = []
    for _ in range(40):
        y = np.repeat([True, False], [60, 340])
        # Normal scores 0.954 apart have an AUC of .75.
        measured = delong_auc(y, np.where(y, 0.954, 0.0) + draw.normal(size=400))
        widths.append(measured.high - measured.low)
    planned = auc_worth(0.75, 2000, 300)
    assert planned is not None
    assert (planned.test_leads, planned.test_conversions) == (400, 60)
    # Exponential scores, which the formula stands for, spread more.
    assert 1.0 < planned.width / float(np.mean(widths)) < 1.2


def test_more_leads_make_it_narrower_and_it_stays_inside_one() -> None:
    few, many = auc_worth(0.99, 100, 20), auc_worth(0.99, 10_000, 2000)
    assert few is not None
    assert many is not None
    assert few.width > 3 * many.width
    assert few.high < 1.0


@pytest.mark.parametrize(("leads", "conversions"), [(0, 0), (1000, 3), (1000, 999), (9, 4)])
def test_too_few_test_leads_of_an_outcome_are_worth_nothing(leads: int, conversions: int) -> None:
    assert auc_worth(0.75, leads, conversions) is None


@pytest.mark.parametrize("auc", [0.4, 1.0, float("nan")])
def test_an_auc_that_cannot_be_planned_with_is_refused(auc: float) -> None:
    with pytest.raises(ValueError, match="expected an AUC"):
        auc_worth(auc, 1000, 100)
