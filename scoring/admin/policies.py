"""Limits a person may set: what training needs at least, and how long leads of each source are waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from leadscoring.common.admin.base import CheckBoxes, ListPage, OneRowPage
from leadscoring.common.admin.words import NOTHING, moment
from scoring.models import MaturityWindow, TrainingPolicy
from scoring.selectors.readiness import category_features

if TYPE_CHECKING:
    WindowModelForm = forms.ModelForm[MaturityWindow]
    PolicyModelForm = forms.ModelForm[TrainingPolicy]
else:
    WindowModelForm = PolicyModelForm = forms.ModelForm

MOST_SEGMENTS = 3


class PolicyForm(PolicyModelForm):
    """The limits, and which features' values the readiness page counts one by one."""

    segment_features = forms.MultipleChoiceField(
        label="Segments watched",
        required=False,
        widget=CheckBoxes,
        help_text=f"At most {MOST_SEGMENTS} category features whose values the readiness page counts one by one, "
        "beside the source. None marked: the three that the newest version looks at most.",
    )

    class Meta:
        model = TrainingPolicy
        fields = ("minimum_leads", "minimum_conversions", "horizon_days", "segment_features")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        features = category_features()
        field = self.fields["segment_features"]
        if isinstance(field, forms.MultipleChoiceField):
            field.choices = [(feature.name, feature.label) for feature in features]

    def clean_segment_features(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["segment_features"]
        if len(chosen) > MOST_SEGMENTS:
            raise forms.ValidationError(f"{len(chosen)} are marked; expected at most {MOST_SEGMENTS}.")
        return chosen


@admin.register(TrainingPolicy)
class TrainingPolicyAdmin(OneRowPage[TrainingPolicy]):
    """What training needs at least."""

    form = PolicyForm
    fields = ("minimum_leads", "minimum_conversions", "horizon_days", "segment_features")
    change_form_template = "scoring/admin/training_policy.html"


class WindowForm(WindowModelForm):
    """A window set by hand must be a time one can wait."""

    class Meta:
        model = MaturityWindow
        fields = ("source_system", "set_days")

    def clean_set_days(self) -> float | None:
        days: float | None = self.cleaned_data["set_days"]
        if days is not None and not 0 < days <= 3650:
            raise forms.ValidationError(f"{days:g} days; expected more than 0 and at most 3,650, or empty.")
        return days


@admin.register(MaturityWindow)
class MaturityWindowAdmin(ListPage[MaturityWindow]):
    """By source; the estimate is read, the hand-set window is edited."""

    form = WindowForm
    list_display = ("source_system", "in_force", "estimate_shown", "set_shown", "estimated_shown")
    search_fields = ("source_system",)
    fields = ("source_system", "set_days", "estimate_shown", "estimate_note", "estimated_shown")
    readonly_fields: ClassVar[Any] = ("estimate_shown", "estimate_note", "estimated_shown")

    def get_readonly_fields(self, request: HttpRequest, obj: MaturityWindow | None = None) -> Any:
        return self.readonly_fields if obj is None else ("source_system", *self.readonly_fields)

    @admin.display(description="Window in force")
    def in_force(self, row: MaturityWindow) -> str:
        return _days(row.days)

    @admin.display(description="Estimate")
    def estimate_shown(self, row: MaturityWindow) -> str:
        return _days(row.estimated_days)

    @admin.display(description="Set by hand", ordering="set_days")
    def set_shown(self, row: MaturityWindow) -> str:
        return _days(row.set_days)

    @admin.display(description="Estimated at", ordering="estimated_at")
    def estimated_shown(self, row: MaturityWindow) -> str:
        return moment(row.estimated_at)


def _days(days: float | None) -> str:
    return NOTHING if days is None else f"{days:.0f} days"
