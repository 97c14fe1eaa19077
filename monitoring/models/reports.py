"""Reports, who gets them, and what became of each mail."""

from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from leadscoring.common.claims import Work


class Stakeholder(models.Model):
    """Somebody who gets the weekly report."""

    name = models.CharField(max_length=200)
    email = models.EmailField("e-mail", max_length=254)
    active = models.BooleanField(default=True, help_text="Off: no report is sent to this address.")

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="stakeholder_address_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ReportKind(models.TextChoices):
    """What a report is about."""

    WEEKLY = "weekly", "Weekly"


class ReportState(models.TextChoices):
    """Prepared for reading, or also handed over to be sent; a released one is never changed."""

    PREPARED = "prepared", "Prepared"
    RELEASED = "released", "Released"


class Report(models.Model):
    """One week as it was told. One row for each week and kind."""

    kind = models.CharField(max_length=16, choices=ReportKind.choices, default=ReportKind.WEEKLY)
    week = models.DateField(help_text="Its Monday.")
    state = models.CharField(max_length=16, choices=ReportState.choices, default=ReportState.PREPARED)
    as_of = models.DateTimeField(help_text="What was known by then is in it.")
    subject = models.CharField(max_length=300)
    html = models.TextField(help_text="With images as cid: references.")
    text = models.TextField()
    images = models.JSONField(default=list, help_text="Of each: cid, alt, and the PNG in base 64.")
    facts = models.JSONField(default=dict, help_text="Every figure by section, as numbers.")
    took_ms = models.FloatField(default=0.0)

    class Meta:
        ordering: ClassVar = ["-week", "kind"]
        permissions: ClassVar = [("send_report", "Can prepare and send reports")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "week"], name="report_once_a_week"),
            models.CheckConstraint(condition=Q(kind__in=ReportKind.values), name="report_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} report, {week_words(self.week)}"


class ReportDelivery(Work):
    """One report to one person. The address stays as it was when the mail was asked for."""

    # With pauses up to an hour: about a day of a mail server that is away.
    max_attempts: ClassVar[int] = 28

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="deliveries")
    stakeholder = models.ForeignKey(Stakeholder, null=True, on_delete=models.SET_NULL, related_name="+")
    name = models.CharField(max_length=200, editable=False)
    email = models.EmailField(max_length=254, editable=False)
    sendings = models.PositiveIntegerField(
        default=1, editable=False, help_text="How often it was asked for; each has its own Message-ID."
    )
    reason = models.TextField(blank=True, default="", editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta(Work.Meta):
        verbose_name = "mail of a report"
        verbose_name_plural = "mails of reports"
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            *Work.Meta.constraints,
            models.UniqueConstraint(fields=["report", "stakeholder"], name="report_once_to_each"),
        ]

    def __str__(self) -> str:
        return f"{self.report} to {self.name}"


def week_words(monday: date) -> str:
    """A week by its number and days.

    >>> week_words(date(2026, 11, 16))
    'week 47 of 2026 (16 to 22 Nov)'
    """
    sunday = monday + timedelta(days=6)
    year, number, _ = monday.isocalendar()
    first = f"{monday:%-d}" if monday.month == sunday.month else f"{monday:%-d %b}"
    return f"week {number} of {year} ({first} to {sunday:%-d %b})"
