"""Limits of single features, in place of the rule's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from leadscoring.common.admin.base import ListPage, TextArea
from leadscoring.common.admin.confirm import signed_in
from monitoring.models import FeatureLimit
from scoring.models import Feature

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[FeatureLimit]
else:
    ModelForm = forms.ModelForm


class LimitForm(ModelForm):
    """The feature must be one of the set."""

    class Meta:
        model = FeatureLimit
        fields = ("feature_set", "feature", "warning", "critical", "reason")
        widgets: ClassVar = {"reason": TextArea(attrs={"class": "ls-lines"})}
        help_texts: ClassVar = {"feature": "The name of a column of the feature set, as it is sent."}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        owner, name = data.get("feature_set"), data.get("feature")
        if owner is not None and name and not Feature.objects.filter(feature_set=owner, name=name).exists():
            known = Feature.objects.filter(feature_set=owner, excluded=False).values_list("name", flat=True)[
                :8
            ]
            self.add_error(
                "feature", f"{owner} has no feature {name!r}; expected one such as {', '.join(known)}."
            )
        low, high = data.get("warning"), data.get("critical")
        if low is not None and high is not None and not 0 < low <= high:
            self.add_error("critical", "Expected 0 < warning ≤ critical.")
        return data


@admin.register(FeatureLimit)
class FeatureLimitAdmin(ListPage[FeatureLimit]):
    """Who set which limit, when and why."""

    form = LimitForm
    list_display = ("feature", "feature_set", "warning", "critical", "set_by", "set_at")
    list_select_related = ("feature_set", "set_by")
    search_fields = ("feature",)
    empty_words = (
        "Features are judged by the rule “A feature drifted”. Add a row to judge one by its own limits."
    )

    def save_model(self, request: HttpRequest, obj: FeatureLimit, form: Any, change: bool) -> None:
        obj.set_by = signed_in(request)
        obj.set_at = timezone.now()
        super().save_model(request, obj, form, change)
