"""Simulated businesses for tests: one of each dial, and streams that are drawn once."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import date
from functools import lru_cache

import pandas as pd

from leadscoring.simulation import SimulationConfig, Stream, event_feed, simulate
from leadscoring.simulation.changes import (
    BrokenField,
    ChangedLaw,
    CovariateShift,
    DeadSource,
    FollowUp,
    NewSource,
    SeasonalSwing,
    SlowConversions,
)
from leadscoring.simulation.dials import Dial
from leadscoring.simulation.mess import (
    Corrections,
    Deletions,
    Duplicates,
    LateEvents,
    Merges,
    RepeatedEvents,
)

ONSET = date(2025, 7, 1)
# The dial alone, or the dial last: what comes before it stands in both businesses that are compared.
DIALS: dict[str, tuple[type[Dial], dict[str, object]]] = {
    "region": (CovariateShift, {"field": "region", "to": "Africa"}),
    "source": (CovariateShift, {"field": "source", "to": "Referral"}),
    "timeline": (CovariateShift, {"field": "timeline", "to": "Immediately"}),
    "budget": (CovariateShift, {"field": "budget", "times": 1.5}),
    "pages": (CovariateShift, {"field": "pages", "times": 2.0}),
    "redrawn": (ChangedLaw, {"how": "redrawn"}),
    "flipped": (ChangedLaw, {"how": "flipped"}),
    "new source": (NewSource, {}),
    "missing": (BrokenField, {"field": "timeline"}),
    "unit": (BrokenField, {"field": "budget", "how": "unit", "source": "Website"}),
    "renamed": (BrokenField, {"field": "nationality", "how": "renamed"}),
    "dead source": (DeadSource, {"source": "Google Ads"}),
    "slow": (SlowConversions, {}),
    "season": (SeasonalSwing, {"traffic": 0.4}),
    "follow-up": (FollowUp, {}),
    "duplicates": (Duplicates, {}),
    "merges": (Merges, {}),
    "corrections": (Corrections, {}),
    "deletions": (Deletions, {}),
    "late": (LateEvents, {}),
    "repeated": (RepeatedEvents, {}),
}


def dials(name: str, **values: object) -> tuple[Dial, ...]:
    """The dial of a name, from ONSET on unless said otherwise; merges with the duplicates they need."""
    kind, usual = DIALS[name]
    before = (Duplicates(),) if name == "merges" else ()
    return (*before, kind(**{"onset": ONSET, **usual, **values}))  # type: ignore[arg-type]


@lru_cache(maxsize=24)
def business(*turned: Dial, seed: int = 7, leads: int = 1_500, as_of: date | None = None) -> Stream:
    """A stream of 2025; asked for again, the same object: nobody may change it."""
    return simulate(SimulationConfig(seed=seed, leads=leads, as_of=as_of, dials=turned))


def events_of(stream: Stream) -> list[dict[str, object]]:
    """The feed, in the order of arrival."""
    return [event for batch in event_feed(stream) for event in batch.records()]


def written(stream: Stream) -> str:
    """All there is to see of a stream, as one digest: two streams are the same if these are."""
    out = io.StringIO()
    for table in (stream.leads, stream.truth, stream.gone):
        table.to_csv(out, index=False)
    for event in events_of(stream):
        out.write(json.dumps(event))
    return hashlib.sha256(out.getvalue().encode()).hexdigest()


def created_before(table: pd.DataFrame, day: date) -> pd.DataFrame:
    """Rows created before a day."""
    return table[table["Created"] < day.isoformat()].reset_index(drop=True)


def created_since(table: pd.DataFrame, day: date = ONSET) -> pd.DataFrame:
    """Rows created on a day or later, under their places in the table."""
    return table[table["Created"] >= day.isoformat()]


def plain(cells: pd.Series) -> pd.Series:
    """Cells as a careful reader takes them: no spaces around, lower case."""
    return cells.str.strip().str.lower()


def numbers(cells: pd.Series) -> pd.Series:
    """Cells as numbers, what is none missing."""
    return pd.to_numeric(cells.str.replace(",", ""), errors="coerce")
