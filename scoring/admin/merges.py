"""Possible duplicates: compared side by side, confirmed or dismissed with a reason."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import DayRangeFilter, ReadOnlyPage, choice_filter, page_action
from leadscoring.common.admin.confirm import ReasonForm, confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.words import badge, count, moment, person
from scoring.admin.merge_tables import compare
from scoring.contracts import MergeRefused, ProposalState
from scoring.models import Lead, LeadMerge, MergePolicy, MergeProposal
from scoring.services.merge_plans import older_first, plan_merge
from scoring.services.merges import merge_leads, merge_safe
from scoring.services.proposals import dismiss, shared_kinds

SAFE_SHOWN = 200
STATE_TONES = {"open": "info", "confirmed": "good", "dismissed": "quiet", "outdated": "quiet"}
STATES = tuple((s.value, s.value) for s in ProposalState)


class EvidenceFilter(SimpleListFilter):
    """What the two leads share."""

    title = "they share"
    parameter_name = "shared"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("both", "e-mail and number"), ("email", "e-mail only"), ("phone", "number only")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MergeProposal]) -> QuerySet[MergeProposal]:
        flags = {"both": (True, True), "email": (True, False), "phone": (False, True)}.get(self.value() or "")
        return queryset if flags is None else queryset.filter(same_email=flags[0], same_phone=flags[1])


class SurvivorForm(ReasonForm):
    """Which lead stands for both, and why they are one."""

    survivor = forms.ChoiceField(label="The lead that stands for both", widget=forms.HiddenInput())

    field_order = ("survivor", "reason")

    def __init__(self, *args: Any, leads: tuple[Lead, Lead], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["survivor"].choices = [(str(lead.pk), lead.external_id) for lead in leads]  # type: ignore[attr-defined]


def _leads(row: MergeProposal, wanted: str | None) -> tuple[Lead, Lead]:
    """Who would stand for both: the one asked for, else the one known longer."""
    if wanted == str(row.first_id):
        return row.first, row.second
    if wanted == str(row.second_id):
        return row.second, row.first
    return older_first(row.first, row.second)


@admin.register(MergeProposal)
class MergeProposalAdmin(ReadOnlyPage[MergeProposal]):
    """Pairs that share something, newest first."""

    empty_words = "A search for duplicates proposes pairs of leads here. None was found yet."
    list_display = (
        "pair_shown",
        "shared_shown",
        "sources_shown",
        "state_shown",
        "found_shown",
        "decided_shown",
    )
    list_select_related = ("first", "second", "decided_by")
    list_filter = (
        choice_filter("state", "state", STATES),
        EvidenceFilter,
        ("found_at", DayRangeFilter),
    )
    list_filter_submit = True
    ordering: ClassVar[Any] = ["-id"]
    search_fields = ("first__external_id",)
    search_help_text = "Start of the external id of either lead"
    change_form_template = "scoring/admin/merge_proposal.html"
    actions_list = ("search_again", "merge_safe_ones")
    actions_detail = ("merge", "dismiss_pair")
    fields = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[MergeProposal]:
        return super().get_queryset(request).select_related("first", "second", "decided_by")

    def has_merge_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.merge_lead")

    def offers(self, row: MergeProposal, action: str) -> bool:
        return row.is_open

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.replace("\x00", "").strip()
        if not term:
            return queryset, False
        leads = Lead.objects.filter(external_id__startswith=term).order_by().values("pk")
        return queryset.filter(Q(first__in=leads) | Q(second__in=leads)), False

    @admin.display(description="Leads")
    def pair_shown(self, row: MergeProposal) -> SafeString:
        return format_html("{} and {}", row.first.external_id, row.second.external_id)

    @admin.display(description="They share")
    def shared_shown(self, row: MergeProposal) -> SafeString:
        email = badge("e-mail", "good") if row.same_email else ""
        phone = badge("number", "good") if row.same_phone else ""
        return format_html("{} {}", email, phone)

    @admin.display(description="Sources")
    def sources_shown(self, row: MergeProposal) -> str:
        return ", ".join(dict.fromkeys((row.first.source_system, row.second.source_system)))

    @admin.display(description="State", ordering="state")
    def state_shown(self, row: MergeProposal) -> SafeString:
        return badge(row.state, STATE_TONES.get(row.state, "quiet"))

    @admin.display(description="Found", ordering="found_at")
    def found_shown(self, row: MergeProposal) -> str:
        return moment(row.found_at)

    @admin.display(description="Decided")
    def decided_shown(self, row: MergeProposal) -> str:
        return moment(row.decided_at)

    def page_context(self, request: HttpRequest, row: MergeProposal) -> dict[str, Any]:
        survivor, merged = _leads(row, request.GET.get("survivor"))
        plan = plan_merge(survivor, merged)
        facts, known = compare(plan)
        merge = LeadMerge.objects.filter(proposal=row, undone_at__isnull=True).first()
        return {
            "survivor": survivor,
            "merged": merged,
            "facts": facts,
            "known": known,
            "plan": plan,
            "still": self._still(row) if row.is_open else "",
            "merge": merge,
            "state_badge": self.state_shown(row),
            "decided_by": person(row.decided_by),
        }

    def _still(self, row: MergeProposal) -> str:
        policy = MergePolicy.objects.first() or MergePolicy()
        pair = (row.first_id, row.second_id)
        kinds = shared_kinds([pair], most_sharing=policy.most_sharing)[pair]
        return (
            "" if kinds else "Since it was found, what they shared has changed: they share nothing any more."
        )

    @page_action("Merge them", permission="merge", icon="merge", tone="primary")
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if not row.is_open:
            return _decided(request, row)
        wanted = request.POST.get("survivor") or request.GET.get("survivor")
        survivor, merged = _leads(row, wanted)
        form = SurvivorForm(
            request.POST if request.method == "POST" else None,
            leads=(survivor, merged),
            initial={"survivor": str(survivor.pk)},
        )
        if request.method == "POST" and form.is_valid():
            try:
                done = merge_leads(
                    survivor_id=UUID(form.cleaned_data["survivor"]),
                    merged_id=merged.pk,
                    by=signed_in(request),
                    reason=form.cleaned_data["reason"],
                    as_of=timezone.now(),
                    proposal_id=row.pk,
                )
            except MergeRefused as error:
                refused(form, error)
            else:
                note_change(
                    request,
                    row,
                    f"{merged.external_id} was merged into {survivor.external_id}. It can be undone.",
                )
                return HttpResponseRedirect(reverse("admin:scoring_lead_change", args=(done.survivor_id,)))
        facts, known = compare(plan_merge(survivor, merged))
        return confirm_page(
            self,
            request,
            title=f"Merge {merged.external_id} into {survivor.external_id}",
            verb=f"Merge into {survivor.external_id}",
            form=form,
            row=row,
            template="scoring/admin/merge_confirm.html",
            context={
                "survivor": survivor,
                "merged": merged,
                "facts": facts,
                "known": known,
                "plan": plan_merge(survivor, merged),
            },
            status=400 if form.errors else 200,
        )

    @page_action("Not the same", permission="merge", icon="link_off")
    def dismiss_pair(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if not row.is_open:
            return _decided(request, row)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                dismiss(
                    proposal_id=row.pk,
                    by=signed_in(request),
                    reason=form.cleaned_data["reason"],
                    as_of=timezone.now(),
                )
            except MergeRefused as error:
                refused(form, error)
            else:
                note_change(request, row, "The two leads stay two, and are not proposed again.")
                return HttpResponseRedirect(reverse("admin:scoring_mergeproposal_changelist"))
        return confirm_page(
            self,
            request,
            title=f"{row.first.external_id} and {row.second.external_id} are not the same",
            verb="Keep them apart",
            form=form,
            row=row,
            template="scoring/admin/merge_dismiss.html",
            context={"row": row},
            status=400 if form.errors else 200,
        )

    @page_action("Merge the safe ones", permission="merge", icon="done_all")
    def merge_safe_ones(self, request: HttpRequest) -> HttpResponse:
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            named = [int(pk) for pk in request.POST.getlist("pair") if pk.isascii() and pk.isdigit()][
                :SAFE_SHOWN
            ]
            done, errors = merge_safe(
                proposal_ids=[pk for pk in named if pk < 2**63],
                by=signed_in(request),
                reason=form.cleaned_data["reason"],
                as_of=timezone.now(),
            )
            messages.success(request, f"{count(done, 'pair was', 'pairs were')} merged; each can be undone.")
            for error in errors[:5]:
                messages.warning(request, error)
            return HttpResponseRedirect(reverse("admin:scoring_mergeproposal_changelist"))
        safe = MergeProposal.objects.filter(
            state=ProposalState.OPEN.value, same_email=True, same_phone=True
        ).select_related("first", "second")
        rows = [(row, *older_first(row.first, row.second)) for row in safe.order_by("pk")[:SAFE_SHOWN]]
        if not rows:
            messages.info(request, "No open pair shares both an e-mail address and a number.")
            return HttpResponseRedirect(reverse("admin:scoring_mergeproposal_changelist"))
        return confirm_page(
            self,
            request,
            title="Merge pairs that share an e-mail address and a number",
            verb="Merge the chosen pairs",
            form=form,
            template="scoring/admin/merge_safe.html",
            context={"rows": rows, "more": safe.order_by().count() > SAFE_SHOWN, "most": SAFE_SHOWN},
            status=400 if form.errors else 200,
        )

    @page_action("Search for duplicates", permission="merge", icon="search", tone="primary")
    def search_again(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:scoring_identityscan_search"))


def _decided(request: HttpRequest, row: MergeProposal) -> HttpResponse:
    messages.info(request, f"This pair was decided already: it is {row.state}. Nothing was changed.")
    return HttpResponseRedirect(reverse("admin:scoring_mergeproposal_change", args=(row.pk,)))
