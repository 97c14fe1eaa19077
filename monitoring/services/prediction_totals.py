"""Keeps the totals of all predictions but the newest, so that a new web process need not count them."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic

from django.db import transaction

from monitoring.models import PredictionTotal
from monitoring.selectors.prediction_totals import count_predictions, kept_totals
from scoring.models import Prediction

CLOSED_AFTER = timedelta(hours=1)
"""Rows carry the time of the request and are committed within seconds; a long import within minutes."""
STEP = timedelta(days=1)
BUDGET_S = 240.0


def advance(*, as_of: datetime) -> int:
    """Count on to an hour ago, a day at a time; what the time does not suffice for is left to the next call. Returns
    how many steps were kept."""
    until = as_of - CLOSED_AFTER
    end = monotonic() + BUDGET_S
    steps = 0
    while monotonic() < end:
        totals, begin = kept_totals()
        if begin is None:
            begin = (
                Prediction.objects.order_by("scored_at").values_list("scored_at", flat=True).first() or until
            )
        if begin >= until:
            return steps
        stop = min(begin + STEP, until)
        totals.add(count_predictions(begin, stop))
        if not _keep(begin, stop, totals.as_json()):
            return steps
        steps += 1
    return steps


def _keep(begin: datetime, stop: datetime, totals: dict[str, object]) -> bool:
    """Whether nobody else counted this step meanwhile."""
    with transaction.atomic():
        if PredictionTotal.objects.filter(until=begin).update(until=stop, totals=totals):
            return True
        if PredictionTotal.objects.exists():
            return False
        # One key for all: of two first counts the second is refused by the database.
        _, is_new = PredictionTotal.objects.get_or_create(pk=1, defaults={"until": stop, "totals": totals})
        return is_new
