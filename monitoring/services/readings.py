"""The one way from a check to alerts: its readings are kept, then judged."""

from __future__ import annotations

from django.db import transaction

from monitoring.contracts import RULES, Looked, Reading
from monitoring.models import StoredReading

BATCH = 500
#: Of what is looked at every few minutes, values below this share of the limit are not kept: they would be nearly all
#: rows, and no rule that anybody would set fires on them.
KEPT_FROM = 0.2
_LIMITS = {rule.kind: rule.warning or 0.0 for rule in RULES}


def record(looked: Looked) -> None:
    """Keep the readings of a check. Inside the check's own transaction, so that both are there or neither.

    Raises:
        ValueError: a reading of a kind the check does not speak for, or two of one subject.
    """
    seen: set[tuple[str, str]] = set()
    for reading in looked.readings:
        key = (reading.kind.value, reading.subject)
        if reading.kind not in looked.kinds:
            raise ValueError(f"{reading.kind.value} of {reading.subject}: the check does not speak for it")
        if key in seen:
            raise ValueError(f"{reading.kind.value} of {reading.subject}: read twice")
        seen.add(key)
    rows = [
        StoredReading(
            kind=reading.kind.value,
            subject=reading.subject,
            at=looked.at,
            value=reading.value,
            n=reading.n,
            p=reading.p,
            sure=reading.sure.value if reading.sure else "",
            cause=reading.cause,
        )
        for reading in looked.readings
        if _worth_keeping(reading)
    ]
    with transaction.atomic():
        # A check that runs again for its moment says the same.
        StoredReading.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def _worth_keeping(reading: Reading) -> bool:
    return reading.value is not None and (
        reading.sure is not None or reading.value >= KEPT_FROM * _LIMITS[reading.kind]
    )
