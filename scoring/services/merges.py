"""Merging two leads into one, and undoing it.

Nothing is deleted: the merged lead keeps its row, its scores and its history, points to the one that stands for it,
and leaves the lists. The survivor takes what it lacks; where both say something else, the lead that was updated
last is believed. Merges are undone last one first, so that each undo meets the rows its merge left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.dateparse import parse_datetime

from scoring import signals
from scoring.contracts import Cause, EventKind, MergeRefused, NoModelReleased, ProposalState
from scoring.models import Lead, LeadMerge, MergeProposal, Outcome
from scoring.services import overrides, proposals
from scoring.services.events import note_event
from scoring.services.leads import locked
from scoring.services.merge_plans import PLAIN, Plan, older_first, plan_merge
from scoring.services.scoring import rescore

SCORES = ("score", "grade", "scored_at", "scored_by_id", "awaiting_score")
TIMES = ("created", "updated_at", "scored_at")


def merge_leads(
    *,
    survivor_id: UUID,
    merged_id: UUID,
    by: User | None,
    reason: str,
    as_of: datetime,
    proposal_id: int | None = None,
) -> LeadMerge:
    """Merge one lead into another and score the survivor again where a model serves.

    Raises:
        MergeRefused: they are one row, one of them was merged or the proposal decided meanwhile, or there is no reason;
            nothing changed.
    """
    if not reason.strip():
        raise MergeRefused("Write why the leads are the same: it is what others read later.")
    if survivor_id == merged_id:
        raise MergeRefused("A lead cannot be merged into itself.")
    with transaction.atomic():
        survivor, merged = _both(survivor_id, merged_id)
        proposal = _proposal(survivor, merged, proposal_id)
        plan = plan_merge(survivor, merged)
        before: dict[str, Any] = {
            "survivor": snapshot(survivor),
            "merged": snapshot(merged),
            "newer": str(plan.newer.pk),
        }
        before["outcome"] = _take_outcome(plan, as_of)
        words = f"{merged.external_id} was merged into {survivor.external_id}."
        before["override"] = overrides.move_override(merged, survivor, merge_words=words, as_of=as_of)
        before["repointed"] = [
            str(pk) for pk in Lead.objects.filter(merged_into=merged).values_list("pk", flat=True)
        ]
        # One step to the lead that stands for all, however long the chain grows.
        Lead.objects.filter(merged_into=merged).update(merged_into=survivor)
        changed = _apply(plan, survivor, as_of)
        Lead.objects.filter(pk=merged.pk).update(merged_into=survivor, awaiting_score=False)
        before["proposals"] = proposals.follow_merge(survivor=survivor, merged=merged, as_of=as_of)
        row = LeadMerge.objects.create(
            survivor=survivor,
            merged=merged,
            proposal=_confirmed(proposal, by, reason, as_of),
            reason=reason.strip(),
            merged_by=by,
            merged_at=as_of,
            before=before,
            after=snapshot(survivor),
        )
        _note_merge(row, by, as_of)
    if changed:
        _score_again(survivor.pk, as_of)
    return row


def _both(survivor_id: UUID, merged_id: UUID) -> tuple[Lead, Lead]:
    found = {lead.pk: lead for lead in locked(Lead.objects.filter(pk__in=[survivor_id, merged_id]))}
    if len(found) < 2:
        raise MergeRefused("One of the two leads does not exist any more.")
    for lead in found.values():
        if lead.merged_into_id is not None:
            standing = Lead.objects.get(pk=lead.merged_into_id)
            raise MergeRefused(
                f"Lead {lead.external_id} was merged into {standing.external_id} meanwhile; look at that one."
            )
    return found[survivor_id], found[merged_id]


def _apply(plan: Plan, survivor: Lead, as_of: datetime) -> bool:
    was = survivor.attributes
    survivor.attributes = {line.name: line.result for line in plan.attributes if line.result is not None}
    for line in plan.fields:
        setattr(survivor, line.name, line.result if line.name == "created" else line.result or "")
    waiting = plan.merged.awaiting_score and survivor.score is None
    survivor.awaiting_score = survivor.awaiting_score or waiting
    survivor.updated_at = as_of
    survivor.save(update_fields=["attributes", "created", "owner", "stage", "awaiting_score", "updated_at"])
    return bool(survivor.attributes != was)


def _take_outcome(plan: Plan, as_of: datetime) -> dict[str, int] | None:
    """The merged lead's outcome as the survivor's own; the merged lead's row stays as it was."""
    taken = plan.outcome
    if taken is None:
        return None
    Outcome.objects.filter(lead=plan.survivor, is_current=True).update(is_current=False)
    made = Outcome.objects.create(
        lead=plan.survivor,
        kind=taken.kind,
        occurred_at=taken.occurred_at,
        revenue=taken.revenue,
        currency=taken.currency,
        recorded_at=as_of,
        reported_by=f"{taken.reported_by or 'unknown'} via {plan.merged.external_id}"[:255],
    )
    signals.outcomes_recorded.send(sender=Outcome, ids=[made.pk])
    moved = {"made": made.pk}
    if plan.own_outcome is not None:
        moved["replaced"] = plan.own_outcome.pk
    return moved


def _proposal(survivor: Lead, merged: Lead, proposal_id: int | None) -> MergeProposal | None:
    """The proposal of this pair: the one named, which must be open still, or the one there is."""
    first, second = sorted([survivor.pk, merged.pk])
    row = MergeProposal.objects.select_for_update().filter(first_id=first, second_id=second).first()
    if proposal_id is not None:
        if row is None or row.pk != proposal_id:
            raise MergeRefused("The proposal is about other leads; open it again.")
        if not row.is_open:
            raise MergeRefused(f"This proposal was decided meanwhile: it is {row.state}.")
    return row


def _confirmed(
    row: MergeProposal | None, by: User | None, reason: str, as_of: datetime
) -> MergeProposal | None:
    if row is not None:
        row.state, row.decided_at, row.decided_by = ProposalState.CONFIRMED.value, as_of, by
        row.reason = reason.strip()
        row.save(update_fields=["state", "decided_at", "decided_by", "reason"])
    return row


def _note_merge(row: LeadMerge, by: User | None, as_of: datetime) -> None:
    about = {"merge": row.pk, "reason": row.reason[:500]}
    into, away = row.survivor, row.merged
    for lead, role in ((into, "survivor"), (away, "merged")):
        note_event(
            lead.pk,
            EventKind.MERGED,
            by=str(by or "program"),
            person=by,
            as_of=as_of,
            was=away.external_id,
            now=into.external_id,
            details={**about, "role": role},
        )


def _score_again(lead_id: UUID, as_of: datetime) -> None:
    # After the merge and not within it: without a model it stands all the same.
    try:
        rescore([lead_id], cause=Cause.RESCORE, as_of=as_of)
    except NoModelReleased:
        return


def snapshot(lead: Lead) -> dict[str, Any]:
    """Everything a merge may touch, as JSON."""
    return {
        "attributes": lead.attributes,
        "merged_into_id": None if lead.merged_into_id is None else str(lead.merged_into_id),
        **{name: getattr(lead, name) for name in PLAIN},
        **{name: _written(getattr(lead, name)) for name in (*SCORES, "created", "updated_at")},
    }


def _written(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(name: str, value: Any) -> Any:
    return parse_datetime(value) if name in TIMES and value is not None else value


def undo_merge(*, merge_id: int, by: User | None, reason: str, as_of: datetime) -> LeadMerge:
    """Take a merge back: both leads become what they were. What came to the survivor after it stays there.

    Raises:
        MergeRefused: it was undone already, a later merge of the same lead stands on it, or there is no reason.
    """
    if not reason.strip():
        raise MergeRefused("Write why the merge is undone: it is what others read later.")
    with transaction.atomic():
        named = LeadMerge.objects.get(pk=merge_id)
        leads = {
            lead.pk: lead for lead in locked(Lead.objects.filter(pk__in=[named.survivor_id, named.merged_id]))
        }
        # Read again under the lock: another person may have undone it while this one waited.
        row = LeadMerge.objects.get(pk=merge_id)
        refuse_undo(row)
        survivor, merged = leads[row.survivor_id], leads[row.merged_id]
        stayed, changed = _restore_survivor(survivor, row, as_of)
        _restore_merged(merged, row)
        Lead.objects.filter(pk__in=[UUID(pk) for pk in row.before["repointed"]]).update(merged_into=merged)
        stayed += _give_back_outcome(row, survivor, as_of)
        if row.before["override"]:
            overrides.move_back(row.before["override"], merge_words="The merge was undone.", as_of=as_of)
        proposals.unfollow_merge(row.before["proposals"])
        if row.proposal_id is not None:
            MergeProposal.objects.filter(pk=row.proposal_id).update(
                state=ProposalState.DISMISSED.value, decided_at=as_of, decided_by=by, reason=reason.strip()
            )
        row.undone_at, row.undone_by, row.undo_reason = as_of, by, reason.strip()
        row.undo_note = (
            f"Stayed with {survivor.external_id}, because it came after the merge: {'; '.join(stayed)}."
            if stayed
            else "Nothing had come after the merge; both leads are as they were before."
        )
        row.save(update_fields=["undone_at", "undone_by", "undo_reason", "undo_note"])
        for lead in (survivor, merged):
            note_event(
                lead.pk,
                EventKind.MERGE_UNDONE,
                by=str(by or "program"),
                person=by,
                as_of=as_of,
                was=merged.external_id,
                now=survivor.external_id,
                details={"merge": row.pk, "reason": row.undo_reason[:500]},
            )
    if changed:
        _score_again(row.survivor_id, as_of)
    return row


def refuse_undo(row: LeadMerge) -> None:
    """Whether a merge may be undone as things are.

    Raises:
        MergeRefused: in words what stands in the way, and what to undo first.
    """
    if row.undone_at is not None:
        raise MergeRefused(f"This merge was undone already, on {row.undone_at:%d %b %Y, %H:%M} UTC.")
    later = (
        LeadMerge.objects.filter(
            Q(survivor_id=row.survivor_id, pk__gt=row.pk) | Q(merged_id=row.survivor_id),
            undone_at__isnull=True,
        )
        .select_related("survivor", "merged")
        .order_by("-pk")
        .first()
    )
    if later is not None:
        raise MergeRefused(
            f"A later merge stands on this one: {later.merged.external_id} into {later.survivor.external_id} on "
            f"{later.merged_at:%d %b %Y, %H:%M} UTC. Undo that one first."
        )


def _restore_survivor(survivor: Lead, row: LeadMerge, as_of: datetime) -> tuple[list[str], bool]:
    """Put back what the merge changed and nobody has touched since. Returns what stayed, in words, and whether the
    attributes changed."""
    before, after = row.before["survivor"], row.after
    was = survivor.attributes
    survivor.attributes, kept = _three_way(before["attributes"], after["attributes"], was)
    untouched = survivor.updated_at == _read("updated_at", after["updated_at"])
    for name in (*PLAIN, "created"):
        value = getattr(survivor, name)
        if value == _read(name, after[name]):
            setattr(survivor, name, _read(name, before[name]))
        else:
            kept.append(name)
    if survivor.scored_at == _read("scored_at", after["scored_at"]):
        for name in SCORES:
            setattr(survivor, name, _read(name, before[name]))
    survivor.updated_at = _read("updated_at", before["updated_at"]) if untouched else as_of
    survivor.save(
        update_fields=["attributes", "created", *PLAIN, "score", "grade", "scored_at", "scored_by", "awaiting_score",
                       "updated_at"]
    )  # fmt: skip
    words = [f"the values of {', '.join(kept[:12])}"] if kept else []
    scored = survivor.scored_at is not None and survivor.scored_at > row.merged_at
    if scored:
        words.append("the scores given since")
    return words, survivor.attributes != was


def _three_way(
    before: Mapping[str, Any], after: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """What was before, but for names whose value is no longer the one the merge left; and those names."""
    kept = [name for name in sorted(after.keys() | now.keys()) if after.get(name) != now.get(name)]
    result = {name: value for name, value in before.items() if name not in kept}
    result.update({name: now[name] for name in kept if name in now})
    return result, kept


def _restore_merged(merged: Lead, row: LeadMerge) -> None:
    before = row.before["merged"]
    merged.merged_into = None
    for name in ("attributes", *PLAIN, "created", *SCORES, "updated_at"):
        setattr(merged, name, _read(name, before[name]))
    merged.save()


def _give_back_outcome(row: LeadMerge, survivor: Lead, as_of: datetime) -> list[str]:
    moved = row.before["outcome"]
    current = Outcome.objects.filter(lead=survivor, is_current=True).first()
    if moved is None:
        return ["an outcome reported since"] if current and current.recorded_at > row.merged_at else []
    if current is None or current.pk != moved["made"]:
        return ["an outcome reported since"]
    Outcome.objects.filter(pk=moved["made"]).update(is_current=False)
    if "replaced" in moved:
        Outcome.objects.filter(pk=moved["replaced"]).update(is_current=True)
    return []


def merge_safe(
    *, proposal_ids: Sequence[int], by: User | None, reason: str, as_of: datetime
) -> tuple[int, list[str]]:
    """Merge proposals that share e-mail and number, the older lead standing. Each for itself: returns how many were
    merged, and in words why others were not."""
    done, refused = 0, []
    for row in (
        MergeProposal.objects.filter(
            pk__in=proposal_ids, state=ProposalState.OPEN.value, same_email=True, same_phone=True
        )
        .select_related("first", "second")
        .order_by("pk")
    ):
        survivor, merged = older_first(row.first, row.second)
        try:
            merge_leads(
                survivor_id=survivor.pk,
                merged_id=merged.pk,
                by=by,
                reason=reason,
                as_of=as_of,
                proposal_id=row.pk,
            )
        except MergeRefused as error:
            refused.append(error.detail)
        else:
            done += 1
    return done, refused
