"""Leads that may be one: what identifies them, who looked, what was proposed, what was merged."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from leadscoring.common.claims import Work
from scoring.contracts import IdentityKind, ProposalState


class MergePolicy(models.Model):
    """The one row that says how duplicates are looked for; edited in the admin.

    Empty lists mean: guess the attributes from what they hold.
    """

    email_fields = models.JSONField(
        "attributes with e-mail addresses",
        default=list,
        blank=True,
    )
    phone_fields = models.JSONField(
        "attributes with telephone numbers",
        default=list,
        blank=True,
    )
    country_code = models.CharField(
        "default country code",
        max_length=3,
        blank=True,
        default="",
        validators=[
            RegexValidator(r"^[1-9]\d{0,2}\Z", "Expected 1 to 3 digits without + or 00, such as 971.")
        ],
        help_text="Put before numbers written without one, such as 971. Empty: such numbers match only each other.",
    )
    most_sharing = models.PositiveSmallIntegerField(
        "leads that may share a value",
        default=5,
        validators=[MinValueValidator(2), MaxValueValidator(20)],
        help_text="A mailbox or number found on more leads than this belongs to no one person and matches nobody.",
    )

    class Meta:
        verbose_name = "duplicate search settings"
        verbose_name_plural = "duplicate search settings"

    def __str__(self) -> str:
        return "How duplicates are looked for"


class LeadIdentity(models.Model):
    """A keyed digest of one normalised e-mail address or number of a lead: equal digests, equal values."""

    lead = models.ForeignKey("scoring.Lead", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=[(k.value, k.value) for k in IdentityKind])
    digest = models.CharField(max_length=32)
    found_by = models.BigIntegerField(help_text="The search that found it first; its row may be gone by now.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "digest", "lead"], name="lead_identity_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.lead_id}"


class IdentityScan(Work):
    """One search for duplicates: leads changed in a closed interval, or all of them."""

    full = models.BooleanField(
        default=False, help_text="All leads, not only those changed since the last search."
    )
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    cursor = models.UUIDField(null=True, blank=True, help_text="The last lead read: where to go on.")
    fields_used = models.JSONField(default=dict, blank=True)
    settings_digest = models.CharField(max_length=32, blank=True, default="")
    leads_read = models.PositiveBigIntegerField(default=0)
    values_found = models.PositiveBigIntegerField(default=0)
    proposals_made = models.PositiveIntegerField(default=0)
    proposals_closed = models.PositiveIntegerField(default=0)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta(Work.Meta):
        ordering: ClassVar = ["-id"]
        verbose_name = "search for duplicates"
        verbose_name_plural = "searches for duplicates"

    def __str__(self) -> str:
        return f"Search {self.pk}"


class MergeProposal(models.Model):
    """Two leads that may be one, and what speaks for it. A pair is proposed once, and never again once dismissed."""

    first = models.ForeignKey("scoring.Lead", on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey("scoring.Lead", on_delete=models.CASCADE, related_name="+")
    same_email = models.BooleanField(default=False)
    same_phone = models.BooleanField(default=False)
    state = models.CharField(
        max_length=16,
        choices=[(s.value, s.value) for s in ProposalState],
        default=ProposalState.OPEN.value,
    )
    found_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    reason = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = "possible duplicate"
        verbose_name_plural = "possible duplicates"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second"], name="merge_proposal_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="merge_proposal_in_order"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "-id"], name="merge_proposal_state"),
        ]

    def __str__(self) -> str:
        return f"Possible duplicate {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether nobody decided it yet."""
        return self.state == ProposalState.OPEN.value

    @property
    def evidence(self) -> str:
        """What speaks for it, in words."""
        if self.same_email and self.same_phone:
            return "the same e-mail address and the same telephone number"
        return "the same e-mail address" if self.same_email else "the same telephone number"


class LeadMerge(models.Model):
    """One merge: who was merged into whom, by whose decision, and both leads as they were before."""

    survivor = models.ForeignKey("scoring.Lead", on_delete=models.PROTECT, related_name="+")
    merged = models.ForeignKey("scoring.Lead", on_delete=models.PROTECT, related_name="+")
    proposal = models.ForeignKey(
        MergeProposal, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    reason = models.TextField()
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    merged_at = models.DateTimeField()
    before = models.JSONField(help_text="Both leads, their outcome and override, as they were.")
    after = models.JSONField(help_text="The surviving lead as the merge made it.")
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    undo_reason = models.TextField(blank=True, default="")
    undo_note = models.TextField(blank=True, default="", help_text="What stayed with the surviving lead.")

    class Meta:
        ordering: ClassVar = ["-merged_at", "-id"]
        verbose_name = "merge"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["merged"], condition=Q(undone_at__isnull=True), name="lead_merged_once"
            ),
            models.CheckConstraint(condition=~Q(survivor=F("merged")), name="lead_not_merged_into_itself"),
        ]

    def __str__(self) -> str:
        return f"Merge {self.pk}"
