"""Counts of calls as web processes write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from monitoring.models import RequestTally
from monitoring.stats.latencies import bucket_of, merged


def a_tally(
    at: datetime,
    *,
    route: str = "score-lead",
    kind: str = "ok",
    process: str = "1-a",
    times: Sequence[float] = (20.0,),
    **fields: Any,
) -> RequestTally:
    """The calls of one process within one minute, with these times in ms."""
    buckets = merged([{bucket_of(ms): 1} for ms in times])
    return RequestTally.objects.create(
        process=process,
        minute=at.replace(second=0, microsecond=0),
        route=route,
        kind=kind,
        count=len(times),
        total_ms=sum(times),
        buckets={str(bucket): n for bucket, n in buckets.items()},
        **fields,
    )
