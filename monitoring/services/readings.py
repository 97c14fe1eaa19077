"""The one way from a check to alerts: its readings are kept, then judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from leadscoring.common.text import line, plain, stable_key
from monitoring.contracts import RULES, Looked, Reading, RuleKind, Story
from monitoring.models import StoredReading
from monitoring.services.alerts import settle

BATCH = 500
#: Of what is looked at every few minutes, values below this share of the limit are not kept: they would be nearly all
#: rows, and no rule that anybody would set fires on them.
KEPT_FROM = 0.2
_LIMITS = {rule.kind: rule.warning or 0.0 for rule in RULES}
_OFTEN = frozenset(
    {RuleKind.MISSING, RuleKind.UNSEEN, RuleKind.OUT_OF_RANGE, RuleKind.UNREADABLE, RuleKind.VOLUME}
)
KEPT_DAYS = 180
LONGEST_KEY, LONGEST_TITLE, LONGEST_WORDS, LONGEST_LINK = 300, 300, 2000, 500


def record(looked: Looked) -> None:
    """Keep the readings of a check and bring alerts into step. Inside the check's own transaction, so that both are
    there or neither.

    Raises:
        ValueError: a reading of a kind the check does not speak for, or two of one subject.
    """
    looked = replace(looked, readings=tuple(_clean(reading) for reading in looked.readings))
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
            limits=None if reading.limits is None else list(reading.limits),
        )
        for reading in looked.readings
        if _worth_keeping(reading)
    ]
    with transaction.atomic():
        # A check that runs again for its moment says the same.
        StoredReading.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
        settle(looked)


def forget(*, as_of: datetime) -> int:
    """Delete readings older than `KEPT_DAYS`, in batches; returns how many."""
    old = StoredReading.objects.filter(at__lt=as_of - timedelta(days=KEPT_DAYS))
    gone = 0
    while keys := list(old.values_list("pk", flat=True)[:5000]):
        gone += StoredReading.objects.filter(pk__in=keys).delete()[0]
    return gone


def _clean(reading: Reading) -> Reading:
    """Subjects and words hold what leads hold: anything. Made fit for every database and channel here, once."""
    story = reading.story
    link = line(story.link, LONGEST_LINK)
    return replace(
        reading,
        subject=stable_key(reading.subject, LONGEST_KEY),
        cause=stable_key(reading.cause, LONGEST_KEY) if reading.cause else "",
        story=Story(
            title=line(story.title, LONGEST_TITLE),
            what=plain(story.what, LONGEST_WORDS),
            sure=plain(story.sure, LONGEST_WORDS),
            consequence=plain(story.consequence, LONGEST_WORDS),
            next_step=plain(story.next_step, LONGEST_WORDS),
            # A path of this site, and nothing that leads a browser elsewhere.
            link=link if link.startswith("/") and not link.startswith(("//", "/\\")) else "",
        ),
    )


def _worth_keeping(reading: Reading) -> bool:
    if reading.kind not in _OFTEN:
        return True
    return reading.value is not None and (
        reading.sure is not None or reading.value >= KEPT_FROM * _LIMITS[reading.kind]
    )
