"""A simulated business played through the services, in its own time: leads are scored when they are created, outcomes
reported when they happen, and the watch looks as beat would have it look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from leadscoring.simulation import SimulationConfig, Stream, event_feed, simulate, write_crm_csv
from scoring.contracts import Cause, LeadInput, OutcomeInput, OutcomeKind
from scoring.models import ModelVersion
from scoring.services.imports import ImportOptions, import_file
from scoring.services.outcomes import record_outcome
from scoring.services.releases import activate_version
from scoring.services.scoring import score_leads
from scoring.services.training import train_here

Progress = Callable[[str, float], None]

COLUMNS = ImportOptions(
    converted="Converted",
    id="Lead ID",
    created_at="Created",
    converted_at="Converted At",
    revenue="Revenue (AED)",
    currency="AED",
    owner="Owner",
    stage="Stage",
    # Known only during contact, and leads are scored when they come.
    exclude=("Owner", "First Response (min)", "Email Opens", "Replied"),
)
AT_ONCE = timedelta(minutes=5)
LARGEST_CALL = 200


def begin(
    config: SimulationConfig,
    on: date,
    folder: Path,
    *,
    source: str,
    reason: str,
    timeout_s: int,
    progress: Progress,
) -> ModelVersion | None:
    """Import the business as its CRM shows it on a day, train on it and release the model, all as of that day.

    None when the training was taken by another process.
    """
    as_of = datetime.combine(on, time(), UTC)
    stream = simulate(replace(config, as_of=on))
    path = folder / "leads.csv"
    write_crm_csv(stream, path)
    import_file(path, replace(COLUMNS, source=source), requested_by=None, as_of=as_of, progress=progress)
    _, version = train_here(timeout_s=timeout_s, reason=reason, as_of=as_of, progress=progress)
    if version is not None:
        activate_version(version.pk, expected_open_release_id=None, by=None, reason=reason, as_of=as_of)
    return version


class Player:
    """Sends what a stream's feed holds from a moment on, as far as it is asked to go."""

    def __init__(self, stream: Stream, since: datetime, *, source: str) -> None:
        self._source = source
        self._events = _relevant(stream, since)
        self._next = next(self._events, None)
        self.scored = self.outcomes = 0

    def play(self, until: datetime) -> None:
        """Send all that happened before `until`: leads of the same five minutes in one call, outcomes one by one."""
        waiting: list[LeadInput] = []
        last = until
        while self._next is not None and self._next[0] < until:
            at, event = self._next
            if waiting and (
                at - last >= AT_ONCE or len(waiting) >= LARGEST_CALL or event["kind"] != "created"
            ):
                self._score(waiting, last)
                waiting = []
            if event["kind"] == "created":
                waiting.append(LeadInput(external_id=event["external_id"], attributes=event["attributes"]))
                last = at if len(waiting) == 1 else last
            else:
                self._report(event, at)
            self._next = next(self._events, None)
        if waiting:
            self._score(waiting, last)

    @property
    def over(self) -> bool:
        """Whether nothing is left to send."""
        return self._next is None

    def _score(self, leads: list[LeadInput], at: datetime) -> None:
        score_leads(leads, source_system=self._source, cause=Cause.API, as_of=at)
        self.scored += len(leads)

    def _report(self, event: dict[str, Any], at: datetime) -> None:
        record_outcome(
            OutcomeInput(
                external_id=event["external_id"],
                kind=OutcomeKind(event["kind"]),
                occurred_at=at,
                revenue=str(event["revenue"]) if event.get("revenue") else None,
                currency="AED" if event.get("revenue") else "",
            ),
            source_system=self._source,
            reported_by="replay",
            as_of=at,
        )
        self.outcomes += 1


def _relevant(stream: Stream, since: datetime) -> Iterator[tuple[datetime, dict[str, Any]]]:
    for batch in event_feed(stream):
        for event in batch.records():
            if event["kind"] not in {"created", "converted", "lost"}:
                continue
            at = datetime.fromisoformat(str(event["arrived_at"]))
            if at >= since:
                yield at, event
