"""From readings to alerts: one for each cause, opened, changed and cleared in the transaction of the check.

Two checks of the same kinds queue up on the rules' rows; whoever comes with an older or the same moment finds that a
newer one was judged and changes nothing. A row of an alert is held by raising its fence before it is read, so that
checks of different kinds with one cause, and people pressing buttons, work on what the other left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from monitoring.contracts import AlertLevel, AlertState, HappenedKind, Looked, MessageKind, RuleKind
from monitoring.models import Alert, AlertEvent, AlertRule
from monitoring.services.deliveries import announce
from monitoring.services.judging import (
    Key,
    Limits,
    Part,
    Seen,
    Standing,
    advance,
    judge,
    level_of_all,
    speaker,
)
from monitoring.services.rules import ensure_rules

STANDING = (AlertState.OPEN.value, AlertState.HELD.value)


def settle(looked: Looked) -> None:
    """Judge the readings of a check and bring alerts into step with them. Inside the check's transaction."""
    with transaction.atomic():
        rules = _take_turn(looked)
        if not rules:
            return
        seen = [
            judge(reading, limits_of(rules[reading.kind]))
            for reading in looked.readings
            if reading.kind in rules
        ]
        rows = _held(rules, seen)
        standing: Standing = {fingerprint: parts_of(row) for fingerprint, row in rows.items()}
        before = {fingerprint: dict(parts) for fingerprint, parts in standing.items()}
        advance(standing, rules, seen, {kind.value: rule.quiet_checks for kind, rule in rules.items()})
        moved = _places(standing)
        # In one order everywhere: two checks that open the same alerts wait for each other, never in a ring.
        for fingerprint in sorted(standing):
            parts = list(standing[fingerprint].values())
            row = rows.get(fingerprint)
            if row is None:
                _open(fingerprint, parts, at=looked.at)
            elif row.is_open:
                _change(row, before[fingerprint], parts, at=looked.at, seen=seen, moved=moved)
            else:
                _follow_held(row, parts, at=looked.at)


def limits_of(rule: AlertRule) -> Limits:
    """The rule as the judging code wants it."""
    return Limits(rule.enabled, rule.warning, rule.critical, rule.quiet_checks)


def parts_of(alert: Alert) -> dict[Key, Part]:
    """The readings an alert consists of."""
    return {part.key: part for part in map(Part.of, alert.parts)}


def hold(alert_id: int) -> Alert:
    """The row, nobody else's until the transaction ends: the UPDATE takes it, and the reading follows."""
    Alert.objects.filter(pk=alert_id).update(fence=F("fence") + 1)
    return Alert.objects.select_related("owner").get(pk=alert_id)


def note(alert: Alert, kind: HappenedKind, text: str, *, at: datetime, by: User | None = None) -> AlertEvent:
    """A line in the alert's history."""
    return AlertEvent.objects.create(alert=alert, at=at, kind=kind.value, level=alert.level, text=text, by=by)


def _take_turn(looked: Looked) -> dict[RuleKind, AlertRule]:
    """Rules of the kinds this check may still speak for; their rows stay taken until the transaction ends."""
    ensure_rules(looked.kinds)
    fresh = []
    for kind in sorted(looked.kinds):
        newer = AlertRule.objects.filter(
            Q(judged_at__isnull=True) | Q(judged_at__lt=looked.at), kind=kind.value
        )
        if newer.update(judged_at=looked.at):
            fresh.append(kind)
    rules = AlertRule.objects.filter(kind__in=[kind.value for kind in fresh])
    return {RuleKind(rule.kind): rule for rule in rules}


def _held(rules: Mapping[RuleKind, AlertRule], seen: Iterable[Seen]) -> dict[str, Alert]:
    """Standing alerts that this check may change, by fingerprint, each of them held."""
    fired = {one.fingerprint for one in seen if one.part is not None}
    kinds = {kind.value for kind in rules}
    known = Alert.objects.filter(state__in=STANDING).order_by("pk").values_list("pk", "fingerprint", "parts")
    wanted = [
        pk
        for pk, fingerprint, parts in known
        if fingerprint in fired or any(part["kind"] in kinds for part in parts)
    ]
    rows = (hold(pk) for pk in wanted)
    # Between the list and the hold somebody may have closed one.
    return {row.fingerprint: row for row in rows if row.state in STANDING}


def _places(standing: Standing) -> dict[Key, str]:
    return {key: fingerprint for fingerprint, parts in standing.items() for key in parts}


def _open(fingerprint: str, parts: list[Part], *, at: datetime, why: str = "") -> None:
    if not parts:
        return
    alert = Alert(fingerprint=fingerprint, onset=at, last_seen=at)
    _write(alert, parts)
    alert.highest_level = alert.level
    try:
        with transaction.atomic():
            alert.save(force_insert=True)
    except IntegrityError:
        # A check of other kinds opened it for the same cause in between: its alert takes these readings too.
        row = hold(Alert.objects.get(fingerprint=fingerprint, state__in=STANDING).pk)
        before = parts_of(row)
        after = {**before, **{part.key: part for part in parts}}
        if row.is_open:
            _change(row, before, list(after.values()), at=at, seen=(), moved={})
        else:
            _follow_held(row, list(after.values()), at=at)
        return
    event = note(alert, HappenedKind.ONSET, why or alert.title, at=at)
    announce(alert, event, MessageKind.TRIGGER)


def _change(
    row: Alert,
    before: Mapping[Key, Part],
    parts: list[Part],
    *,
    at: datetime,
    seen: Iterable[Seen],
    moved: Mapping[Key, str],
) -> None:
    if not parts:
        _clear(row, before, at=at, seen=seen, moved=moved)
        return
    old, new = AlertLevel(row.level), level_of_all(parts)
    keys = {part.key for part in parts}
    # Another object, though perhaps equal: this check found it.
    if any(before.get(part.key) is not part and not part.quiet for part in parts):
        row.last_seen = max(row.last_seen, at)
    _write(row, parts)
    if new.rank > AlertLevel(row.highest_level).rank:
        row.highest_level = new.value
    snoozed = row.snoozed_until is not None and row.snoozed_until > at
    if new.rank > old.rank:
        row.snoozed_until = None
    row.save()
    if new.rank > old.rank:
        event = note(row, HappenedKind.WORSE, f"From {old.value} to {new.value}: {row.title}", at=at)
        announce(row, event, MessageKind.UPDATE)
    elif new.rank < old.rank:
        event = note(row, HappenedKind.BETTER, f"From {old.value} to {new.value}: {row.title}", at=at)
        if not snoozed:
            announce(row, event, MessageKind.UPDATE)
    elif keys != set(before):
        joined = _named([part for part in parts if part.key not in before])
        left = _named([part for key, part in before.items() if key not in keys])
        words = [f"Joined: {joined}." if joined else "", f"Left: {left}." if left else ""]
        note(row, HappenedKind.UPDATED, " ".join(word for word in words if word), at=at)


def _named(parts: list[Part]) -> str:
    names = [part.subject for part in parts]
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _clear(
    row: Alert,
    before: Mapping[Key, Part],
    *,
    at: datetime,
    seen: Iterable[Seen],
    moved: Mapping[Key, str],
) -> None:
    row.state = AlertState.CLOSED.value
    row.closed_at = at
    row.save()
    if any(key in moved for key in before):
        text = "It has one cause with others now, and goes on in their alert."
    elif {(one.kind, one.subject) for one in seen} & set(before):
        text = "The condition is over: the newest check found nothing."
    else:
        text = "What it was about is no longer measured."
    event = note(row, HappenedKind.CLEARED, text, at=at)
    announce(row, event, MessageKind.RESOLVE)


def _follow_held(row: Alert, parts: list[Part], *, at: datetime) -> None:
    """An alert that a person closed while its condition was there: silent until that is over, or worse than it was."""
    if not parts:
        row.state = AlertState.CLOSED.value
        row.parts = []
        row.save(update_fields=["state", "parts"])
        note(row, HappenedKind.GONE, "The condition is over; if it comes back, a new alert opens.", at=at)
        return
    new = level_of_all(parts)
    if new.rank <= AlertLevel(row.level).rank:
        row.parts = [part.document() for part in parts]
        row.save(update_fields=["parts"])
        return
    row.state = AlertState.CLOSED.value
    row.save(update_fields=["state"])
    note(row, HappenedKind.GONE, f"It got worse than it was when it was closed ({new.value}).", at=at)
    _open(
        row.fingerprint,
        parts,
        at=at,
        why=f"Alert {row.pk} was closed by hand at level {row.level}; now it is {new.value}.",
    )


def _write(alert: Alert, parts: list[Part]) -> None:
    """The words and numbers of the reading that speaks, and all readings with theirs, heaviest first."""
    first = speaker(parts)
    level = level_of_all(parts)
    alert.kind, alert.subject, alert.cause = first.kind, first.subject, first.cause
    alert.level, alert.level_rank = level.value, level.rank
    alert.value, alert.limit, alert.n, alert.p = first.value, first.limit, first.n, first.p
    story = first.story
    alert.title, alert.what, alert.sure = story.title, story.what, story.sure
    alert.consequence, alert.next_step, alert.link = story.consequence, story.next_step, story.link
    ordered = sorted(parts, key=lambda part: (-part.weight, -part.level.rank, part.subject))
    alert.parts = [part.document() for part in ordered]
