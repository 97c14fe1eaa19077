"""What was known of leads at a moment: corrections made later, withdrawn outcomes and undone merges as they were."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from monitoring.selectors.columns import Bools, Floats, Keys, coded, days_of, keys_of, row_chunks
from scoring.contracts import OutcomeKind
from scoring.models import LeadMerge, Outcome


@dataclass(frozen=True, slots=True, eq=False)
class KnownOutcomes:
    """What was known of leads at a moment; arrays of shape n, `key` rising.

    `occurred` is NaN where the source told no time, `recorded` is when we learnt of it; both in days. `revenue` is NaN
    where unknown or not in `currency`, the most frequent one. `corrected` leads were said to be something else before,
    `withdrawn` ones have no outcome any more and are not among the rows.
    """

    key: Keys
    converted: Bools
    occurred: Floats
    recorded: Floats
    revenue: Floats
    currency: str
    other_currency: int
    corrected: int
    withdrawn: int

    @property
    def told(self) -> Floats:
        """When each outcome happened, at the latest: a date without a time may mean any hour of its day; where the
        source tells no time, when we learnt of it."""
        date_only = np.isclose(self.occurred, np.round(self.occurred), rtol=0.0, atol=1e-6)
        end_of_day = np.minimum(self.occurred + 1.0, np.maximum(self.recorded, self.occurred))
        latest = np.where(date_only, end_of_day, self.occurred)
        return np.asarray(np.where(np.isnan(latest), self.recorded, latest))

    def places(self, keys: Keys) -> tuple[NDArray[np.int64], Bools]:
        """Where each key stands, and whether it is there at all."""
        at = np.searchsorted(self.key, keys)
        if not len(self.key):
            return at, np.zeros(len(keys), dtype=np.bool_)
        at = np.minimum(at, len(self.key) - 1)
        return at, np.asarray(self.key[at] == keys)


def known_outcomes(*, since: datetime, as_of: datetime) -> KnownOutcomes:
    """The outcome of each lead that came since `since`, or has no date, as it was known at `as_of`.

    A correction adds a row and the older one stays, so what was known is the newest row recorded by then. A row that is
    not current although none followed it was withdrawn: when is kept only for those that an undone merge took back; for
    others they count as withdrawn at any time.
    """
    undone = list(LeadMerge.objects.filter(undone_at__isnull=False).values_list("undone_at", "before"))
    made = {
        before["outcome"]["made"]: at
        for at, before in undone
        if at is not None and before.get("outcome") and "made" in before["outcome"]
    }
    rows = (
        Outcome.objects.filter(Q(lead__created__gte=since) | Q(lead__created__isnull=True))
        .order_by("lead_id", "recorded_at", "id")
        .values_list(
            "lead_id", "kind", "occurred_at", "recorded_at", "revenue", "currency", "is_current", "id"
        )
    )
    reader = _OutcomeReader(as_of, made)
    for chunk in row_chunks(rows):
        for row in chunk:
            reader.read(row)
        reader.fold()
    return reader.close()


class _OutcomeReader:
    """Folds rows in order of lead and time into the one that was known."""

    def __init__(self, as_of: datetime, made: dict[Any, datetime]) -> None:
        self.as_of, self.made = as_of, made
        self.lead: UUID | None = None
        self.known: tuple[Any, ...] | None = None
        self.before = False
        self.later = False
        self.open: list[tuple[Any, ...]] = []
        self.parts: list[tuple[Any, ...]] = []
        self.money: Counter[str] = Counter()
        self.codes: dict[str, int] = {}
        self.corrected = self.withdrawn = 0

    def read(self, row: tuple[Any, ...]) -> None:
        if row[0] != self.lead:
            self._end()
            self.lead = row[0]
        if row[3] > self.as_of:
            self.later = True
            return
        undone = self.made.get(row[7])
        if undone is not None and undone <= self.as_of:
            return
        if self.known is not None and self.known[1] != row[1]:
            self.before = True
        self.known = row

    def _end(self) -> None:
        row, known_then = self.known, self.later
        if row is not None:
            if row[6] or known_then or row[7] in self.made:
                self.open.append(row)
                self.corrected += self.before
            else:
                self.withdrawn += 1
        self.known, self.before, self.later = None, False, False

    def fold(self) -> None:
        """Turn what is complete into arrays."""
        if not self.open:
            return
        lead, kind, occurred, recorded, revenue, currency, _, _ = zip(*self.open, strict=True)
        self.money.update(word for word, amount in zip(currency, revenue, strict=True) if amount is not None)
        self.parts.append(
            (
                keys_of(lead),
                np.array([one == OutcomeKind.CONVERTED.value for one in kind], dtype=np.bool_),
                days_of(occurred),
                days_of(recorded),
                np.array([np.nan if one is None else float(one) for one in revenue], dtype=np.float64),
                coded(currency, self.codes),
            )
        )
        self.open = []

    def close(self) -> KnownOutcomes:
        self._end()
        self.fold()
        kinds = (np.dtype("S16"), np.bool_, np.float64, np.float64, np.float64, np.int32)
        key, converted, occurred, recorded, revenue, currency = (
            np.concatenate([part[at] for part in self.parts]) if self.parts else np.zeros(0, dtype=kinds[at])
            for at in range(6)
        )
        main = self.money.most_common(1)[0][0] if self.money else ""
        other = (currency != self.codes.get(main, -1)) & ~np.isnan(revenue)
        return KnownOutcomes(
            key,
            converted,
            occurred,
            recorded,
            np.where(other, np.nan, revenue),
            main,
            int(other.sum()),
            self.corrected,
            self.withdrawn,
        )
