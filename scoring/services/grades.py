"""Giving leads the grade their score has under new limits. Predictions keep the grade that was said."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, CharField, Q, QuerySet, Value, When

from leadscoring.common import claims
from leadscoring.common.queue import enqueue
from scoring.contracts import GradeLimits
from scoring.models import GradeBand, Lead, Regrade
from scoring.services.leads import locked
from scoring.services.tallies import request_tally

logger = structlog.get_logger(__name__)
LEASE_SECONDS = 60
BATCH = 5000
# Web workers follow new limits within two seconds; a call that was under way, or a worker that stood still, may
# write a grade by the old ones some time later.
MEND_FOR = timedelta(minutes=10)


def request_regrade(band: GradeBand, *, by: User | None) -> Regrade:
    """Have a worker grade every scored lead by new limits; call it in the transaction that sets them.

    A pass for older limits that is still under way is told to stop.
    """
    older = list(Regrade.objects.filter(state__in=claims.OPEN).values_list("pk", flat=True))
    for regrade_id in older:
        claims.request_cancel(Regrade, regrade_id)
    regrade = Regrade.objects.create(grade_band=band, requested_by=by)
    enqueue("scoring.tasks.run_regrade", regrade.pk)
    return regrade


def run_regrade(regrade_id: int) -> int | None:
    """Claim and run one pass; returns how many leads got another grade, None when it was not to be had.

    It goes through the leads by key, each batch its own transaction that also notes where it ended: a pass that
    was killed goes on there.
    """
    held = claims.claim(Regrade, regrade_id, lease_seconds=LEASE_SECONDS)
    if held is None:
        return None
    try:
        return _pass(regrade_id, held)
    except claims.LostClaim:
        logger.warning("regrade.lost_claim", regrade=regrade_id)
        return None
    except claims.Cancelled:
        claims.cancel(Regrade, held, message="Stopped: newer limits were set, or a person asked for it.")
        return None
    except Exception as error:
        claims.fail(Regrade, held, f"{type(error).__name__}: {error}", retry_in=10.0)
        raise


def _pass(regrade_id: int, held: claims.Claim) -> int:
    row = Regrade.objects.select_related("grade_band").get(pk=regrade_id)
    limits = row.grade_band.limits()
    scored = Lead.objects.filter(score__isnull=False, merged_into__isnull=True)
    total = row.leads_total or scored.count()
    after, seen, changed = row.after_lead, row.leads_seen, row.leads_changed
    while True:
        keys = _next_keys(scored, after)
        if not keys:
            break
        with transaction.atomic():
            # First the claim: from here to the commit nobody can take the row over.
            stop = claims.renew(
                Regrade,
                held,
                lease_seconds=LEASE_SECONDS,
                progress=min(seen / max(total, 1), 0.99),
                message=f"{seen:,} of about {total:,} leads looked at, {changed:,} have another grade.",
            )
            if stop:
                raise claims.Cancelled
            page = scored.filter(pk__gte=keys[0], pk__lte=keys[-1])
            changed += _apply(page, limits)
            after, seen = keys[-1], seen + len(keys)
            Regrade.objects.filter(pk=regrade_id).update(
                after_lead=after, leads_seen=seen, leads_changed=changed, leads_total=total
            )
    with transaction.atomic():
        claims.finish(
            Regrade,
            held,
            message=f"{seen:,} scored leads looked at; {changed:,} have another grade now.",
            leads_total=seen,
            leads_seen=seen,
            leads_changed=changed,
        )
        # What the pages of the limits counted before holds the old grades.
        request_tally()
    return changed


def _next_keys(scored: QuerySet[Lead], after: UUID | None) -> list[UUID]:
    rows = scored if after is None else scored.filter(pk__gt=after)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _apply(leads: QuerySet[Lead], limits: GradeLimits) -> int:
    """Write the grade where it differs; call it inside a transaction.

    Locked in the order of scoring, so that the two queue up instead of deadlocking; the grade comes from the score
    the row has then.
    """
    grade = _grade_of(limits)
    keys = list(locked(leads.filter(~Q(grade=grade))).values_list("pk", flat=True)[:BATCH])
    return Lead.objects.filter(pk__in=keys, score__isnull=False).update(grade=grade) if keys else 0


def _grade_of(limits: GradeLimits) -> Case:
    return Case(
        When(score__gte=limits.a, then=Value("A")),
        When(score__gte=limits.b, then=Value("B")),
        When(score__gte=limits.c, then=Value("C")),
        default=Value("D"),
        output_field=CharField(),
    )


def mend_grades(*, as_of: datetime) -> int:
    """For some minutes after new limits: grade anew what a worker that had not seen them yet wrote since.

    Returns how many leads it mended.
    """
    band = GradeBand.objects.filter(is_current=True, set_at__gt=as_of - MEND_FOR).first()
    if band is None or Regrade.objects.filter(state__in=claims.OPEN).exists():
        return 0
    late = Lead.objects.filter(score__isnull=False, scored_at__gte=band.set_at)
    mended = 0
    while True:
        with transaction.atomic():
            done = _apply(late, band.limits())
        mended += done
        if done < BATCH:
            return mended
