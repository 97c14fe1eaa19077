"""Possible duplicates: pairs of leads that share an e-mail address or a number, to be confirmed or dismissed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import combinations
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q

from scoring.contracts import IdentityKind, MergeRefused, ProposalState
from scoring.models import Lead, LeadIdentity, MergeProposal

Progress = Callable[[str, float], None]
Pair = tuple[UUID, UUID]
PAGE = 500
FLAGS = {IdentityKind.EMAIL.value: "same_email", IdentityKind.PHONE.value: "same_phone"}


def propose(
    *, found_by: int | None, most_sharing: int, as_of: datetime, progress: Progress = lambda *_: None
) -> int:
    """Propose every pair that shares a value which 2 to `most_sharing` leads have; returns how many are new.

    `found_by` keeps to values that this search found first; None looks at all. A pair that was dismissed stays
    dismissed, one that was outdated and shares something again opens again. A merged lead's values count for the
    lead that stands for it.
    """
    made = seen = 0
    for kind, digests in _shared(found_by, most_sharing):
        members: dict[str, set[UUID]] = defaultdict(set)
        rows = LeadIdentity.objects.filter(kind=kind, digest__in=digests)
        for digest, lead_id, standing in rows.values_list("digest", "lead_id", "lead__merged_into_id"):
            members[digest].add(standing or lead_id)
        pairs = sorted({pair for leads in members.values() for pair in combinations(sorted(leads), 2)})
        made += _open_pairs(pairs, FLAGS[kind], as_of)
        seen += len(digests)
        progress(f"{seen:,} shared values compared", 0.5)
    return made


def _shared(found_by: int | None, most_sharing: int) -> Iterator[tuple[str, list[str]]]:
    """Pages of digests that several leads have, by kind."""
    for kind in FLAGS:
        last = ""
        while True:
            rows = LeadIdentity.objects.filter(kind=kind, digest__gt=last)
            if found_by is not None:
                newly = LeadIdentity.objects.filter(kind=kind, digest=OuterRef("digest"), found_by=found_by)
                rows = rows.filter(Exists(newly))
            groups = rows.order_by("digest").values("digest").annotate(n=Count("lead_id"))
            page = list(groups.filter(n__gte=2, n__lte=most_sharing).values_list("digest", flat=True)[:PAGE])
            if not page:
                break
            last = page[-1]
            yield kind, page


def _open_pairs(pairs: Sequence[Pair], flag: str, as_of: datetime) -> int:
    made = 0
    for start in range(0, len(pairs), PAGE):
        part = pairs[start : start + PAGE]
        with transaction.atomic():
            known = _known(part)
            MergeProposal.objects.filter(
                pk__in=[known[pair] for pair in part if pair in known], state=ProposalState.OUTDATED.value
            ).update(state=ProposalState.OPEN.value, found_at=as_of, decided_at=None, reason="")
            MergeProposal.objects.filter(
                pk__in=[known[pair] for pair in part if pair in known],
                state=ProposalState.OPEN.value,
                **{flag: False},
            ).update(**{flag: True})
            new = [
                MergeProposal(first_id=first, second_id=second, found_at=as_of, **{flag: True})
                for first, second in part
                if (first, second) not in known
            ]
            MergeProposal.objects.bulk_create(new, ignore_conflicts=True)
            made += len(new)
    return made


def _known(pairs: Iterable[Pair]) -> dict[Pair, int]:
    pairs = list(pairs)
    rows = MergeProposal.objects.filter(
        first_id__in=[first for first, _ in pairs], second_id__in=[second for _, second in pairs]
    )
    return {(first, second): pk for pk, first, second in rows.values_list("pk", "first_id", "second_id")}


def recheck_open(*, most_sharing: int, as_of: datetime, progress: Progress = lambda *_: None) -> int:
    """Bring the evidence of open proposals up to date; those with none left are closed. Returns how many were."""
    closed, last = 0, 0
    while True:
        page = list(
            MergeProposal.objects.filter(state=ProposalState.OPEN.value, pk__gt=last)
            .select_related("first", "second")
            .order_by("pk")[:PAGE]
        )
        if not page:
            return closed
        last = page[-1].pk
        shared = shared_kinds([(row.first_id, row.second_id) for row in page], most_sharing=most_sharing)
        for row in page:
            kinds = shared[row.first_id, row.second_id]
            gone = row.first.merged_into_id is not None or row.second.merged_into_id is not None
            closed += _update_evidence(row, set() if gone else kinds, as_of)
        progress(f"{closed:,} proposals no longer hold", 0.9)


def _update_evidence(row: MergeProposal, kinds: set[str], as_of: datetime) -> int:
    still_open = MergeProposal.objects.filter(pk=row.pk, state=ProposalState.OPEN.value)
    if not kinds:
        return still_open.update(
            state=ProposalState.OUTDATED.value, decided_at=as_of, reason="The leads no longer share anything."
        )
    flags = {flag: kind in kinds for kind, flag in FLAGS.items()}
    if any(getattr(row, flag) is not value for flag, value in flags.items()):
        still_open.update(**flags)
    return 0


def shared_kinds(pairs: Sequence[Pair], *, most_sharing: int) -> dict[Pair, set[str]]:
    """What each pair shares now: kinds of values that at most `most_sharing` leads have."""
    ids = {lead for pair in pairs for lead in pair}
    held: dict[UUID, set[tuple[str, str]]] = defaultdict(set)
    rows = LeadIdentity.objects.filter(Q(lead_id__in=ids) | Q(lead__merged_into_id__in=ids))
    for lead_id, standing, kind, digest in rows.values_list(
        "lead_id", "lead__merged_into_id", "kind", "digest"
    ):
        held[standing or lead_id].add((kind, digest))
    common = {pair: held[pair[0]] & held[pair[1]] for pair in pairs}
    digests = {digest for values in common.values() for _, digest in values}
    counted = LeadIdentity.objects.filter(digest__in=digests).values_list("digest").annotate(n=Count("pk"))
    crowded = {digest for digest, n in counted if n > most_sharing}
    return {
        pair: {kind for kind, digest in values if digest not in crowded} for pair, values in common.items()
    }


def dismiss(*, proposal_id: int, by: User | None, reason: str, as_of: datetime) -> MergeProposal:
    """Say that two leads are not one. The pair is never proposed again.

    Raises:
        MergeRefused: the proposal was decided meanwhile, or there is no reason.
    """
    reason = reason.strip()
    if not reason:
        raise MergeRefused("Write why the leads are not the same: it is what others read later.")
    taken = MergeProposal.objects.filter(pk=proposal_id, state=ProposalState.OPEN.value).update(
        state=ProposalState.DISMISSED.value, decided_at=as_of, decided_by=by, reason=reason
    )
    row = MergeProposal.objects.get(pk=proposal_id)
    if not taken:
        raise MergeRefused(f"This proposal was decided meanwhile: it is {row.state}.")
    return row


def follow_merge(*, survivor: Lead, merged: Lead, as_of: datetime) -> list[int]:
    """After a merge, open proposals of the merged lead become proposals of the one that stands for it. Returns the
    keys of those closed for it, for the undo."""
    touching = Q(first=merged) | Q(second=merged)
    closed = list(MergeProposal.objects.filter(touching, state=ProposalState.OPEN.value).order_by("pk"))
    for row in closed:
        other = row.second_id if row.first_id == merged.pk else row.first_id
        MergeProposal.objects.filter(pk=row.pk).update(
            state=ProposalState.OUTDATED.value,
            decided_at=as_of,
            reason=f"{merged.external_id} was merged into {survivor.external_id}, which is compared instead.",
        )
        if other != survivor.pk:
            first, second = sorted([other, survivor.pk])
            MergeProposal.objects.get_or_create(
                first_id=first,
                second_id=second,
                defaults={"found_at": as_of, "same_email": row.same_email, "same_phone": row.same_phone},
            )
    return [row.pk for row in closed]


def unfollow_merge(closed: Sequence[int]) -> None:
    """Undo `follow_merge`: what was closed for the merge is open again; the next search rechecks the rest."""
    MergeProposal.objects.filter(pk__in=closed, state=ProposalState.OUTDATED.value).update(
        state=ProposalState.OPEN.value, decided_at=None, reason=""
    )
