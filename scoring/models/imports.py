"""Imports as rows: prepared by a person, audited, then written chunk by chunk; and the rows they refused."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from leadscoring.common.claims import Work, WorkState

DRAFT = "draft"
"""The state of an upload that waits for a person; no worker touches it."""


class ImportStep(models.TextChoices):
    """How far an import has come: each step has a page of its own, and only the last one writes leads."""

    UPLOADED = "uploaded", "Uploaded"
    MAPPED = "mapped", "Columns told"
    AUDITED = "audited", "Audited"
    IMPORT = "import", "Import"


class ImportRun(Work):
    """One file read into leads. Its counts are the checkpoint: each chunk of rows commits together with them, so
    whoever goes on after a killed process starts exactly behind the last written row.

    A worker does uploads, whose file lies in `stored_file` under VAR_DIR/uploads. A command's file lies with whoever
    started it: only the same command goes on with it.
    """

    state = models.CharField(
        max_length=16,
        choices=[(DRAFT, "Being prepared"), *WorkState.choices],
        default=WorkState.QUEUED,
        editable=False,
    )
    step = models.CharField(
        max_length=16, choices=ImportStep.choices, default=ImportStep.IMPORT, editable=False
    )
    file_name = models.CharField(max_length=255)
    file_digest = models.CharField(max_length=64, blank=True, default="")
    stored_file = models.CharField(max_length=255, blank=True, default="", editable=False)
    file_size = models.PositiveBigIntegerField(default=0)
    source_system = models.CharField(max_length=64)
    options = models.JSONField(default=dict)
    identity_columns = models.JSONField(
        default=list, blank=True, help_text="Without an id column: the columns whose content is the id."
    )
    layout = models.JSONField(
        default=dict, blank=True, help_text="The file's columns in order, and a CSV's delimiter."
    )
    audit = models.JSONField(default=dict, blank=True, help_text="What a dry run over the whole file found.")
    dry_run = models.BooleanField(default=False)
    reason = models.TextField(blank=True, default="")
    format_note = models.TextField(blank=True, default="")
    rows_read = models.PositiveBigIntegerField(default=0)
    rows_created = models.PositiveBigIntegerField(default=0)
    rows_updated = models.PositiveBigIntegerField(default=0)
    rows_unchanged = models.PositiveBigIntegerField(default=0)
    rows_open = models.PositiveBigIntegerField(default=0, help_text="Rows without an outcome yet.")
    rows_converted = models.PositiveBigIntegerField(default=0)
    rows_refused = models.PositiveBigIntegerField(default=0)
    outcomes_recorded = models.PositiveBigIntegerField(default=0)
    feature_set = models.ForeignKey(
        "scoring.FeatureSet", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    held_by = models.CharField(
        max_length=255, blank=True, default="", editable=False, help_text="Machine and folder of who runs it."
    )
    interrupted = models.BooleanField(
        default=False, editable=False, help_text="Its command was killed; the same one goes on with it."
    )
    error_file = models.CharField(max_length=255, blank=True, default="")

    class Meta(Work.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            *Work.Meta.constraints,
            # Two imports into one source at once would take back each other's outcomes, row by row.
            models.UniqueConstraint(
                fields=["source_system"],
                condition=models.Q(step="import", state__in=["queued", "running"]),
                name="import_one_open_per_source",
            ),
        ]

    def __str__(self) -> str:
        return f"Import {self.pk}: {self.file_name}"

    @property
    def is_draft(self) -> bool:
        """Whether it waits for a person."""
        return self.state == DRAFT


class ImportRowError(models.Model):
    """One refused row: where, whose, what was found, what was expected, and the row itself as it stood in the file.
    Written with the chunk the row belongs to."""

    import_run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="row_errors")
    row_number = models.PositiveBigIntegerField()
    column = models.CharField(max_length=255, blank=True, default="")
    value = models.CharField(max_length=255, blank=True, default="")
    expected = models.TextField()
    external_id = models.CharField(max_length=255, blank=True, default="")
    cells = models.JSONField(default=list, blank=True)

    class Meta:
        ordering: ClassVar = ["row_number", "id"]

    def __str__(self) -> str:
        return f"Row {self.row_number}, {self.column}"
