"""A lead: who it is, and what is known about it now."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models.expressions import OrderBy
from django.db.models.functions import Coalesce

from leadscoring.common.ids import uuid7


class ListIndex(models.Index):
    """An index as a list sorts, leads without a score last. SQLite sorts nulls last in falling order anyway,
    and refuses to be told so in an index."""

    def create_sql(self, model: Any, schema_editor: Any, using: str = "", **kwargs: Any) -> Any:
        if schema_editor.connection.vendor != "sqlite":
            return super().create_sql(model, schema_editor, using, **kwargs)
        # An index of its own, not other text: SQLite remakes tables, and renames what statements refer to.
        plain = models.Index(
            *(_without_nulls_last(one) for one in self.expressions), name=self.name, condition=self.condition
        )
        return plain.create_sql(model, schema_editor, using, **kwargs)


def _without_nulls_last(expression: Any) -> Any:
    if not isinstance(expression, OrderBy):
        return expression
    return OrderBy(expression.expression, descending=expression.descending)


class Lead(models.Model):
    """One prospective customer, known by the system it comes from and its id there.

    `attributes` is what the source last sent, flat and as sent; it is read through the feature set of
    whichever version scores. The score columns repeat the newest prediction, so that lists can filter
    and sort without a join.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source_system = models.CharField(max_length=64)
    external_id = models.CharField(max_length=255)
    created = models.DateTimeField("created at the source", null=True, blank=True)
    owner = models.CharField(max_length=255, blank=True, default="")
    stage = models.CharField(max_length=255, blank=True, default="")
    attributes = models.JSONField(default=dict)
    file_position = models.BigIntegerField(
        null=True, blank=True, help_text="Row in the file it came from: the order when there are no dates."
    )
    import_run = models.ForeignKey(
        "scoring.ImportRun", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    awaiting_score = models.BooleanField(
        default=False, help_text="Arrived while no model was released; scored when one comes."
    )
    score = models.PositiveSmallIntegerField(null=True, blank=True)
    grade = models.CharField(max_length=1, blank=True, default="")
    scored_at = models.DateTimeField(null=True, blank=True)
    scored_by = models.ForeignKey(
        "scoring.ModelVersion",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        # The list's own index below begins with it.
        db_index=False,
    )
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        # Nearly all rows are null: the partial index below holds the others.
        db_index=False,
        help_text="The lead that stands for this one. Always the last of a chain.",
    )
    first_seen = models.DateTimeField()
    updated_at = models.DateTimeField()

    # Set where a caller told something new, so that only then the words to search by are looked at again.
    told_anew = False

    class Meta:
        permissions: ClassVar = [
            ("override_lead", "Can set a lead's grade by hand"),
            ("merge_lead", "Can search for duplicates, merge leads and undo it"),
            ("export_lead", "Can export leads to a file"),
            ("rescore_lead", "Can have leads scored again"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source_system", "external_id"], name="lead_identity"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-first_seen"], name="lead_first_seen"),
            models.Index(fields=["-created"], name="lead_created"),
            # As the lists sort: best first, leads without a score last.
            ListIndex(models.F("score").desc(nulls_last=True), models.F("id").desc(), name="lead_best_first"),
            ListIndex(
                "grade",
                models.F("score").desc(nulls_last=True),
                models.F("id").desc(),
                name="lead_grade_best",
            ),
            *(
                ListIndex(
                    field,
                    models.F("score").desc(nulls_last=True),
                    models.F("id").desc(),
                    name=f"lead_{field}_best",
                )
                for field in ("owner", "stage", "source_system")
            ),
            ListIndex(
                "scored_by",
                models.F("score").desc(nulls_last=True),
                models.F("id").desc(),
                name="lead_scored_by_best",
                condition=models.Q(scored_by__isnull=False),
            ),
            ListIndex(
                models.F("scored_at").desc(nulls_last=True), models.F("id").desc(), name="lead_scored_latest"
            ),
            models.Index(Coalesce("created", "first_seen"), name="lead_came"),
            # For the first letters of an id, whatever the collation of the database.
            models.Index(fields=["external_id"], name="lead_id_begins", opclasses=["varchar_pattern_ops"]),
            models.Index(
                fields=["awaiting_score"], name="lead_awaiting", condition=models.Q(awaiting_score=True)
            ),
            models.Index(
                fields=["merged_into"], name="lead_merged", condition=models.Q(merged_into__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} ({self.source_system})"
