"""The search for duplicates: reads what identifies leads, and proposes pairs that share it.

A search is a row. It can be stopped, and go on after a killed worker where it was; running one twice changes
nothing. Leads are read by key, those changed in a closed interval of `updated_at` for a nightly search.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet

from leadscoring.common import claims
from leadscoring.common.queue import enqueue
from scoring.contracts import FeatureSetState, IdentityKind
from scoring.ml.identity import Contact, contact_kind, normal
from scoring.models import FeatureSet, IdentityScan, Lead, LeadIdentity, MergePolicy
from scoring.services import proposals

logger = structlog.get_logger(__name__)

LEASE_SECONDS = 120
BATCH = 2000
SAMPLE = 1000
LEAST_SEEN = 3
RETRY_SECONDS = 30
# A lead is stamped when its change begins and seen when it is committed: an import may lie hours between.
OVERLAP = timedelta(hours=24)
READING_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which attributes hold what, and how numbers are read."""

    fields: dict[str, Contact]
    country_code: str
    most_sharing: int

    def digest(self) -> str:
        """Changes with every setting that changes what matches, the key of the digests included."""
        said = json.dumps([sorted(self.fields.items()), self.country_code, self.most_sharing])
        return digest_of("settings", said)


def request_scan(*, full: bool, requested_by: User | None, as_of: datetime) -> IdentityScan:
    """Queue a search, or return the one that waits or runs."""
    with transaction.atomic():
        under_way = IdentityScan.objects.filter(state__in=claims.OPEN).order_by("id").first()
        if under_way is not None:
            return under_way
        scan = IdentityScan.objects.create(full=full, requested_by=requested_by)
        enqueue("scoring.tasks.run_identity_scan", scan.pk)
    return scan


def cancel_scan(scan_id: int) -> bool:
    """Ask for a search to stop. False when it was over already."""
    return claims.request_cancel(IdentityScan, scan_id)


def run_scan(scan_id: int, *, as_of: datetime) -> None:
    """Do the search, if nobody else does."""
    held = claims.claim(IdentityScan, scan_id, lease_seconds=LEASE_SECONDS)
    if held is None:
        return
    lease = claims.Lease(IdentityScan, held, lease_seconds=LEASE_SECONDS)
    try:
        _search(scan_id, lease, as_of)
    except claims.Cancelled:
        claims.cancel(IdentityScan, held, message="Stopped on request. What was found by then stays.")
    except claims.LostClaim:
        logger.warning("duplicates.lost_claim", scan=scan_id)
    except Exception as error:
        claims.fail(IdentityScan, held, f"{type(error).__name__}: {error}", retry_in=RETRY_SECONDS)
        raise


def _search(scan_id: int, lease: claims.Lease, as_of: datetime) -> None:
    scan, wanted = _begun(scan_id, lease, as_of)
    if not wanted.fields:
        words = (
            "No attribute of the leads holds e-mail addresses or telephone numbers. If one does, name it in the "
            "duplicate search settings."
        )
        claims.finish(IdentityScan, lease.claim, message=words)
        return
    _read_leads(scan, wanted, lease)

    def told(message: str, share: float) -> None:
        lease.progress(message, READING_SHARE + share * (0.99 - READING_SHARE))
        lease.stop_if_cancelled()

    made = proposals.propose(
        found_by=None if scan.full else scan.pk, most_sharing=wanted.most_sharing, as_of=as_of, progress=told
    )
    closed = proposals.recheck_open(most_sharing=wanted.most_sharing, as_of=as_of, progress=told)
    scan.refresh_from_db()
    named = ", ".join(wanted.fields)
    claims.finish(
        IdentityScan,
        lease.claim,
        message=f"{scan.leads_read:,} leads read ({named}); {made:,} new possible duplicates, {closed:,} no longer.",
        # A search that went on after a killed worker keeps what was found before.
        proposals_made=F("proposals_made") + made,
        proposals_closed=F("proposals_closed") + closed,
    )


def _begun(scan_id: int, lease: claims.Lease, as_of: datetime) -> tuple[IdentityScan, Wanted]:
    """The row with its interval and settings fixed: by the first attempt, and kept by every later one."""
    scan = IdentityScan.objects.get(pk=scan_id)
    if scan.until is not None:
        used = scan.fields_used
        return scan, Wanted(dict(used["fields"]), used["country_code"], used["most_sharing"])
    wanted = settings_in_force()
    last = (
        IdentityScan.objects.filter(state=claims.WorkState.DONE, until__isnull=False)
        .exclude(pk=scan_id)
        .order_by("-id")
        .first()
    )
    full = scan.full or last is None or last.settings_digest != wanted.digest()
    since = None if full or last is None or last.until is None else last.until - OVERLAP
    _keep(
        lease,
        full=full,
        since=since,
        until=as_of,
        settings_digest=wanted.digest(),
        fields_used={
            "fields": wanted.fields,
            "country_code": wanted.country_code,
            "most_sharing": wanted.most_sharing,
        },
    )
    scan.refresh_from_db()
    return scan, wanted


def _keep(lease: claims.Lease, **changes: Any) -> None:
    """Write to the row while it is held; in a transaction, a lost claim undoes the batch."""
    held = IdentityScan.objects.filter(
        pk=lease.claim.pk, fence=lease.claim.fence, state=claims.WorkState.RUNNING
    )
    if not held.update(**changes):
        raise claims.LostClaim(f"Search {lease.claim.pk} went to another worker.")


def settings_in_force() -> Wanted:
    """The attributes that people named, else those that look like it; and the other settings."""
    policy = MergePolicy.objects.first() or MergePolicy()
    fields: dict[str, Contact] = {}
    if policy.email_fields or policy.phone_fields:
        fields |= dict.fromkeys(policy.email_fields, "email")
        fields |= dict.fromkeys(policy.phone_fields, "phone")
    else:
        fields = guess_fields()
    return Wanted(fields, policy.country_code, policy.most_sharing)


def guess_fields() -> dict[str, Contact]:
    """Attributes of the newest leads that hold e-mail addresses or numbers. What a model learns from is none."""
    feature_set = (
        FeatureSet.objects.filter(state=FeatureSetState.ACTIVE.value).prefetch_related("features").first()
    )
    learned = {spec.name for spec in feature_set.schema().trainable} if feature_set is not None else set()
    columns: dict[str, Counter[str]] = {}
    for attributes in Lead.objects.order_by("-id").values_list("attributes", flat=True)[:SAMPLE]:
        for name, value in attributes.items():
            if name not in learned and isinstance(value, str | int) and not isinstance(value, bool):
                columns.setdefault(name, Counter())[str(value)] += 1
    found = {
        name: contact_kind(name, counts)
        for name, counts in sorted(columns.items())
        if counts.total() >= LEAST_SEEN
    }
    return {name: kind for name, kind in found.items() if kind is not None}


def digest_of(kind: str, value: str) -> str:
    """32 hexadecimal figures; without the installation's key nobody can try numbers against it."""
    key = hashlib.sha256(f"leadscoring identity {settings.SECRET_KEY}".encode()).digest()
    return hashlib.blake2b(f"{kind}:{value}".encode(), key=key, digest_size=16).hexdigest()


def _read_leads(scan: IdentityScan, wanted: Wanted, lease: claims.Lease) -> None:
    leads = Lead.objects.filter(updated_at__lte=scan.until)
    if scan.since is not None:
        leads = leads.filter(updated_at__gt=scan.since)
    total = max(leads.order_by().count(), 1)
    cursor, read = scan.cursor, scan.leads_read
    while True:
        page = leads if cursor is None else leads.filter(id__gt=cursor)
        batch = list(page.order_by("id").values_list("id", "attributes")[:BATCH])
        if not batch:
            return
        cursor, read = batch[-1][0], read + len(batch)
        with transaction.atomic():
            found = _replace_identities(batch, wanted, scan.pk)
            _keep(lease, cursor=cursor, leads_read=read, values_found=F("values_found") + found)
        lease.progress(f"{read:,} of {total:,} leads read", min(read / total, 1.0) * READING_SHARE)
        lease.stop_if_cancelled()


def _replace_identities(batch: Sequence[tuple[UUID, Any]], wanted: Wanted, scan_id: int) -> int:
    """Make the stored identities of these leads what their attributes say; rows that stay are not written."""
    now: set[tuple[UUID, str, str]] = set()
    for lead_id, attributes in batch:
        for name, kind in wanted.fields.items():
            value = normal(kind, attributes.get(name), country_code=wanted.country_code)
            if value is not None:
                now.add((lead_id, IdentityKind(kind).value, digest_of(kind, value)))
    stored: QuerySet[LeadIdentity] = LeadIdentity.objects.filter(
        lead_id__gte=batch[0][0], lead_id__lte=batch[-1][0], lead_id__in=[pk for pk, _ in batch]
    )
    known = {(row.lead_id, row.kind, row.digest): row.pk for row in stored}
    gone = [pk for key, pk in known.items() if key not in now]
    if gone:
        LeadIdentity.objects.filter(pk__in=gone).delete()
    new = [
        LeadIdentity(lead_id=lead_id, kind=kind, digest=digest, found_by=scan_id)
        for lead_id, kind, digest in sorted(now - known.keys())
    ]
    # Another search at the same time may have written the same.
    LeadIdentity.objects.bulk_create(new, batch_size=500, ignore_conflicts=True)
    return len(now)
