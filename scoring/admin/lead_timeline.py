"""A lead's timeline: scores, outcomes and changes in one list of sentences, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from leadscoring.common.charts import Mark
from scoring.admin.lead_words import cause_words, reporter_words
from scoring.contracts import Cause, EventKind
from scoring.models import Lead, LeadEvent, Outcome
from scoring.selectors.histories import EVENTS_READ, Point

SHOWN = 40
MARK_SHORT = {
    Mark.DATA: "new data",
    Mark.MODEL: "new model",
    Mark.AGAIN: "scored again by the same version",
    Mark.WAITED: "it had waited for a model",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: when, what in a few words, more in a sentence, by whom, and where it leads."""

    at: datetime
    title: str
    more: str = ""
    by: str = ""
    tone: str = "quiet"
    link: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the timeline; `older` is the address of the next one, empty on the last."""

    entries: tuple[Entry, ...]
    older: str
    newest: str
    without_scores: bool
    toggle: str


def read_before(request: HttpRequest) -> datetime | None:
    """Where the page begins; nothing for what is no moment."""
    try:
        found = parse_datetime(request.GET.get("before", ""))
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def marks(points: Sequence[Point]) -> dict[UUID, Mark]:
    """Why each score was given: another version than the lead's score before it counts as a new model, whatever asked
    for the score. `points` are one lead's, newest first; the oldest shown has none to compare with."""
    found: dict[UUID, Mark] = {}
    for newer, older in zip_longest(points, points[1:]):
        if older is not None and newer.version != older.version:
            found[newer.prediction_id] = Mark.MODEL
        elif newer.cause == Cause.WAITING:
            found[newer.prediction_id] = Mark.WAITED
        elif newer.cause in (Cause.RESCORE, Cause.RELEASE):
            found[newer.prediction_id] = Mark.AGAIN
        else:
            found[newer.prediction_id] = Mark.DATA
    return found


def timeline(
    lead: Lead,
    *,
    names: Mapping[UUID, str],
    labels: Mapping[str, str],
    points: Sequence[Point],
    events: Sequence[LeadEvent],
    outcomes: Sequence[Outcome],
    before: datetime | None,
    without_scores: bool,
) -> Page:
    """One page. `points` and `events` are the newest before the page's beginning, `names` the ids of merged leads."""
    found: list[Entry] = []
    cut = len(events) >= EVENTS_READ
    if not without_scores:
        cause = marks([p for p in points if p.lead_id == lead.pk])
        # A call that brings data and scores is one thing that happened.
        brought = {(e.lead_id, e.happened_at): e for e in events if e.kind == EventKind.ATTRIBUTES}
        told = {(p.lead_id, p.at) for p in points}
        found += [
            _scored(p, cause.get(p.prediction_id, Mark.DATA), names, brought.get((p.lead_id, p.at)), labels)
            for p in points
        ]
        events = [
            e for e in events if brought.get((e.lead_id, e.happened_at)) is not e or _when(e) not in told
        ]
    # The survivor's own row tells of the merge; the merged lead's would say it twice.
    found += [
        _event(event, labels, names)
        for event in events
        if event.lead_id == lead.pk or event.details.get("role") != "merged"
    ]
    found += [_outcome(row, names) for row in outcomes]
    found.append(Entry(lead.first_seen, "First seen here", f"From {lead.source_system}.", tone="info"))
    if lead.created is not None and lead.created != lead.first_seen:
        found.append(Entry(lead.created, "Created at the source", lead.source_system, tone="info"))
    if before is not None:
        found = [entry for entry in found if entry.at < before]
    # Stable: what happened at one moment stays in the order scores, changes, outcomes.
    found.sort(key=lambda entry: entry.at, reverse=True)
    page = found[:SHOWN]
    # What happened at the very moment of the cut comes along: the next page begins before it.
    page += [entry for entry in found[SHOWN:] if entry.at == page[-1].at]
    full = len(found) > len(page) or cut
    query = {"scores": "no"} if without_scores else {}
    older = (
        "?" + urlencode({**query, "before": page[-1].at.isoformat()}) + "#timeline" if page and full else ""
    )
    newest = ("?" + urlencode(query) if before is not None else "") + (
        "#timeline" if before is not None else ""
    )
    return Page(
        tuple(page),
        older,
        newest,
        without_scores,
        "?#timeline" if without_scores else "?scores=no#timeline",
    )


def _of(lead_id: UUID, names: Mapping[UUID, str]) -> str:
    return names.get(lead_id, "")


def _when(event: LeadEvent) -> tuple[UUID, datetime]:
    return event.lead_id, event.happened_at


def _scored(
    point: Point, mark: Mark, names: Mapping[UUID, str], brought: LeadEvent | None, labels: Mapping[str, str]
) -> Entry:
    changed = (
        f" {_attributes(brought, labels)[0].capitalize()}: {_attributes(brought, labels)[1]}."
        if brought
        else ""
    )
    why = MARK_SHORT.get(mark, "") if not _of(point.lead_id, names) else cause_words(point.cause)
    return Entry(
        point.at,
        f"Scored {point.score}, grade {point.grade}",
        f"By version {point.version}: {why}.{changed}",
        link=reverse("admin:scoring_prediction_change", args=(point.prediction_id,)),
        of=_of(point.lead_id, names),
    )


def _outcome(row: Outcome, names: Mapping[UUID, str]) -> Entry:
    revenue = f", revenue {row.revenue:,.2f} {row.currency}".rstrip() if row.revenue is not None else ""
    when = f" It happened on {row.occurred_at:%d %b %Y}." if row.occurred_at else ""
    corrected = "" if row.is_current else " Corrected or taken back since."
    return Entry(
        row.recorded_at,
        f"Outcome: {row.kind}{revenue}",
        f"{when}{corrected}".strip(),
        by=reporter_words(row.reported_by),
        tone="good" if row.kind == "converted" else "bad",
        of=_of(row.lead_id, names),
    )


def _event(event: LeadEvent, labels: Mapping[str, str], names: Mapping[UUID, str]) -> Entry:
    title, more, tone = _words(event, labels)
    run = event.details.get("import_run")
    return Entry(
        event.happened_at,
        title,
        more,
        by=event.by,
        tone=tone,
        link=reverse("admin:scoring_importrun_change", args=(run,)) if run else "",
        of=_of(event.lead_id, names),
    )


def _words(event: LeadEvent, labels: Mapping[str, str]) -> tuple[str, str, str]:
    was, now, reason = event.was or "none", event.now or "none", _sentence(event.details.get("reason"))
    match event.kind:
        case EventKind.STAGE | EventKind.OWNER:
            return f"{event.kind.capitalize()}: {was} → {now}", "", "info"
        case EventKind.ATTRIBUTES:
            return _attributes(event, labels)
        case EventKind.OVERRIDDEN:
            machine = f" The machine said {event.was}." if event.was else " The machine had not scored it."
            return f"Set by hand: {event.now}", f"{reason}{machine}".strip(), "warn"
        case EventKind.OVERRIDE_ENDED:
            return f"Override ended: {event.was}", f"{event.now.capitalize()}. {reason}".strip(), "warn"
        case _:
            undone = event.kind == EventKind.MERGE_UNDONE
            return f"{event.was} was merged into {event.now}" + (": undone" if undone else ""), reason, "info"


def _attributes(event: LeadEvent, labels: Mapping[str, str]) -> tuple[str, str, str]:
    names = [labels.get(str(name), str(name)) for name in event.details.get("fields", [])]
    count = int(event.details.get("count", len(names)))
    rest = count - len(names)
    listed = ", ".join(names) + (f" and {rest:,} more" if rest > 0 else "")
    return ("1 field changed" if count == 1 else f"{count:,} fields changed"), listed, "quiet"


def _sentence(reason: object) -> str:
    text = str(reason or "").strip()
    return text if not text or text[-1] in ".!?…" else f"{text}."
