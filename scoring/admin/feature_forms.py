"""Forms of feature sets: the table of a draft, and the upload of a JSON file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.db.models import QuerySet

from scoring.ml.schema import SchemaError
from scoring.ml.schema_json import spec_from_json, spec_to_json
from scoring.models import Feature

if TYPE_CHECKING:
    FeatureModelForm = forms.ModelForm[Feature]
else:
    FeatureModelForm = forms.ModelForm

LARGEST_UPLOAD = 4 * 1024 * 1024


class WordListField(forms.CharField):
    """A list of texts, written with commas or one on each line (the way for a text that holds a comma)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("required", False)
        kwargs.setdefault("strip", False)
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 2}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return write_words([str(v) for v in value]) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return list(value)
        return read_words(super().to_python(value) or "")

    def validate(self, value: Any) -> None:
        too_long = next((word for word in value if len(word) > 1000), None)
        if too_long is not None:
            raise forms.ValidationError(f"“{too_long[:30]}…” is longer than 1,000 characters.")

    def run_validators(self, value: Any) -> None:
        for word in value:
            super().run_validators(word)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(initial or []) != self.to_python(data))


def write_words(words: list[str]) -> str:
    """The list as a person edits it.

    >>> write_words(["-", "unknown"]), write_words(["a, b"])
    ('-, unknown', 'a, b\\n')
    """
    if any("," in word for word in words):
        return "\n".join(words) + "\n"
    return ", ".join(words)


def read_words(text: str) -> list[str]:
    """The list a person wrote; blanks and repetitions are dropped.

    >>> read_words("-, unknown,"), read_words("a, b\\n")
    (['-', 'unknown'], ['a, b'])
    """
    parts = text.splitlines() if "\n" in text else text.split(",")
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


class FeatureForm(FeatureModelForm):
    """One column of a draft. The rules are those of the JSON form, so both ways in refuse the same."""

    missing_tokens = WordListField(label="Missing tokens")
    true_values = WordListField(label="Words for yes")
    false_values = WordListField(label="Words for no")

    class Meta:
        model = Feature
        fields = (
            "label",
            "kind",
            "unit",
            "missing_tokens",
            "known_at",
            "known_at_reason",
            "excluded",
            "exclusion_reason",
            "sensitive",
            "segment",
            "minimum",
            "maximum",
            "decimal",
            "thousands",
            "date_format",
            "true_values",
            "false_values",
        )
        widgets: ClassVar = {
            "known_at_reason": forms.Textarea(attrs={"rows": 2}),
            "exclusion_reason": forms.Textarea(attrs={"rows": 2}),
        }
        labels: ClassVar = {
            "known_at_reason": "Why it is known then",
            "exclusion_reason": "Why it is held out",
            "minimum": "Least value",
            "maximum": "Largest value",
            "decimal": "Decimal mark",
            "thousands": "Thousands mark",
            "date_format": "Date format",
        }
        help_texts: ClassVar = {"date_format": "iso, dmy, mdy or a pattern such as %d.%m.%Y", "excluded": ""}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A thousands mark may be a blank, which stripping would lose.
        thousands = self.fields["thousands"]
        if isinstance(thousands, forms.CharField):
            thousands.strip = False
        for name, field in self.fields.items():
            field.widget.attrs.setdefault("aria-label", f"{field.label or name} of {self.instance.label}")

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if cleaned is None or self.errors:
            return cleaned
        if cleaned.get("excluded") and not cleaned.get("exclusion_reason", "").strip():
            self.add_error("exclusion_reason", "Write why this column is held out.")
        if (
            self.instance.audit.get("held_out")
            and not cleaned.get("excluded")
            and not cleaned.get("known_at_reason")
        ):
            self.add_error("known_at_reason", "The audit held this column out: write why it may train.")
        for name in self.Meta.fields:
            setattr(self.instance, name, cleaned.get(name))
        try:
            spec_from_json(spec_to_json(self.instance.spec()), "this column")
        except SchemaError as error:
            self.add_error(None, str(error))
        except ValueError as error:
            self.add_error(None, f"This column cannot be read: {error}")
        return cleaned


def feature_formset(data: Any, features: QuerySet[Feature]) -> Any:
    """The forms of these columns, none to add and none to delete."""
    made = forms.modelformset_factory(Feature, form=FeatureForm, extra=0, can_delete=False)
    return made(data, queryset=features.order_by("position"))


class UploadForm(forms.Form):
    """A feature set as a JSON file; `cleaned_data["file"]` is the parsed document."""

    file = forms.FileField(
        label="JSON file",
        help_text="As downloaded from a feature set's page. It becomes a new draft; nothing is activated.",
        widget=forms.ClearableFileInput(attrs={"accept": ".json,application/json"}),
    )

    def clean_file(self) -> dict[str, Any]:
        upload = self.cleaned_data["file"]
        if upload.size > LARGEST_UPLOAD:
            raise forms.ValidationError(
                f"The file has {upload.size:,} bytes; expected at most {LARGEST_UPLOAD:,}."
            )
        try:
            document = json.loads(upload.read().decode("utf-8"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError(
                f"Byte {error.start} is not UTF-8; expected a JSON file in UTF-8."
            ) from error
        except (json.JSONDecodeError, RecursionError) as error:
            raise forms.ValidationError(f"The file is not JSON: {error}.") from error
        if not isinstance(document, dict):
            raise forms.ValidationError("The file holds no JSON object; expected a feature set.")
        return document
