"""The form of the grade limits: three limits, or the shares that the grades shall hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms

from leadscoring.common.admin.confirm import ReasonForm
from scoring.contracts import GradeLimits, GradeMode
from scoring.ml.scale import PRESET_SHARES, ScaleError, limits_of_shares
from scoring.models import GradeBand
from scoring.services.releases import set_grade_limits, set_grade_shares

NEEDED = {"required": "Write a number: it is needed for this choice."}


def _limit(label: str, low: int, high: int, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=low, max_value=high, required=False, help_text=help_text, error_messages=NEEDED
    )


def _share(grade: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=f"Share of grade {grade} (%)", min_value=1, max_value=97, required=False, error_messages=NEEDED
    )


class LimitsForm(ReasonForm):
    """How, the numbers, and why. Without `mode` the limits count."""

    field_order = ("mode", "a", "b", "c", "share_a", "share_b", "share_c", "share_d", "reason")
    mode = forms.ChoiceField(
        label="How the limits are set",
        required=False,
        widget=forms.RadioSelect,
        choices=[
            (GradeMode.LIMITS.value, "Fixed limits: I set the least score of each grade"),
            (GradeMode.SHARES.value, "Target shares: I set how many leads each grade holds, limits follow"),
        ],
    )
    a = _limit("Least score of grade A", 4, 99)
    b = _limit("Least score of grade B", 3, 98)
    c = _limit("Least score of grade C", 2, 97, "Every score below it is grade D.")
    share_a = _share("A")
    share_b = _share("B")
    share_c = _share("C")
    share_d = _share("D")

    def clean_mode(self) -> str:
        return str(self.cleaned_data["mode"] or GradeMode.LIMITS.value)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("mode") == GradeMode.SHARES.value:
            shares = self._numbers("share_a", "share_b", "share_c", "share_d")
            if shares:
                try:
                    limits_of_shares(*shares)
                except ScaleError as error:
                    raise forms.ValidationError(f"{error}.") from error
        else:
            limits = self._numbers("a", "b", "c")
            if limits and not limits[0] > limits[1] > limits[2]:
                raise forms.ValidationError("A {}, B {}, C {}: expected A above B above C.".format(*limits))
        return cleaned

    def _numbers(self, *names: str) -> list[int]:
        """The numbers of these fields; empty, with an error on the field, when one is missing or wrong."""
        found = []
        for name in names:
            value = self.cleaned_data.get(name)
            if value is None and name not in self.errors:
                self.add_error(name, NEEDED["required"])
            found.append(value)
        return [] if None in found else found

    @property
    def by_shares(self) -> bool:
        """Whether a valid form sets shares."""
        return bool(self.cleaned_data["mode"] == GradeMode.SHARES.value)

    def shares(self) -> tuple[int, int, int, int]:
        """The shares of a valid form."""
        data = self.cleaned_data
        return data["share_a"], data["share_b"], data["share_c"], data["share_d"]

    def limits(self) -> GradeLimits:
        """The limits of a valid form."""
        if self.by_shares:
            return GradeLimits(*limits_of_shares(*self.shares()))
        return GradeLimits(a=self.cleaned_data["a"], b=self.cleaned_data["b"], c=self.cleaned_data["c"])

    def set(self, *, by: Any, as_of: datetime) -> GradeBand:
        """Set what a valid form says.

        Raises:
            ScoringError: as the service does.
        """
        reason = self.cleaned_data["reason"]
        if self.by_shares:
            a, b, c, d = self.shares()
            return set_grade_shares(a=a, b=b, c=c, d=d, by=by, reason=reason, as_of=as_of)
        limits = self.limits()
        return set_grade_limits(a=limits.a, b=limits.b, c=limits.c, by=by, reason=reason, as_of=as_of)


def initial(band: GradeBand | None) -> Mapping[str, Any]:
    """What the form shows first: these limits and shares, else 75/50/25 and the preset shares."""
    limits = band.limits() if band is not None else GradeLimits()
    shares = band.shares if band is not None and band.shares else PRESET_SHARES
    return {
        "mode": band.mode if band is not None else GradeMode.LIMITS.value,
        "a": limits.a,
        "b": limits.b,
        "c": limits.c,
        **{f"share_{grade.lower()}": shares[grade] for grade in "ABCD"},
    }
