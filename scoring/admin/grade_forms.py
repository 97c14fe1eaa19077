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


LIMITS = ("a", "b", "c")
SHARES = ("share_a", "share_b", "share_c", "share_d")


def _limit(label: str, low: int, high: int, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=low, max_value=high, help_text=help_text, error_messages=NEEDED
    )


def _share(grade: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=f"Share of grade {grade} (%)", min_value=1, max_value=97, error_messages=NEEDED
    )


class LimitsForm(ReasonForm):
    """How, the numbers, and why. Without `mode` the limits count; the numbers of the other choice are not read."""

    field_order = ("mode", *LIMITS, *SHARES, "reason")
    # A browser would refuse to send the form while a number of the other choice is blank.
    use_required_attribute = False
    mode = forms.ChoiceField(
        label="How the limits are set",
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

    def __init__(self, data: Any = None, **options: Any) -> None:
        if data is not None and not data.get("mode"):
            data = {**data.dict(), "mode": GradeMode.LIMITS.value}
        super().__init__(data, **options)
        if data is not None:
            for name in LIMITS if data["mode"] == GradeMode.SHARES.value else SHARES:
                self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in LIMITS if cleaned.get("mode") == GradeMode.SHARES.value else SHARES:
            self.errors.pop(name, None)
        if cleaned.get("mode") == GradeMode.SHARES.value and all(name in cleaned for name in SHARES):
            try:
                limits_of_shares(*(cleaned[name] for name in SHARES))
            except ScaleError as error:
                raise forms.ValidationError(f"{error}.") from error
        if cleaned.get("mode") == GradeMode.LIMITS.value and all(name in cleaned for name in LIMITS):
            a, b, c = (cleaned[name] for name in LIMITS)
            if not a > b > c:
                raise forms.ValidationError(f"A {a}, B {b}, C {c}: expected A above B above C.")
        return cleaned

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
