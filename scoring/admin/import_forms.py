"""Forms of the upload: the file, how it is read, what its columns mean, and why it goes in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from leadscoring.common.admin.confirm import ReasonForm
from leadscoring.common.admin.words import count
from scoring.ml.column_roles import currency_of, means_converted
from scoring.models import ImportRun
from scoring.services.imports import (
    COUNTED_TO,
    ImportOptions,
    Preview,
    Suggestion,
    known_sources,
    source_name,
    suggest_source,
)

ENCODINGS = (
    ("", "as the file shows"),
    ("utf-8-sig", "UTF-8"),
    ("cp1252", "Windows, Western European (cp1252)"),
    ("cp1250", "Windows, Central European (cp1250)"),
    ("cp1251", "Windows, Cyrillic (cp1251)"),
    ("cp1254", "Windows, Turkish (cp1254)"),
    ("cp1256", "Windows, Arabic (cp1256)"),
    ("utf-16", "UTF-16"),
    ("latin-1", "Latin-1"),
    ("mac-roman", "old Macintosh"),
    ("shift-jis", "Shift JIS"),
    ("gb18030", "GB 18030"),
)
DELIMITERS = (
    ("", "as the file shows"),
    (",", "comma ,"),
    (";", "semicolon ;"),
    ("tab", "tab"),
    ("|", "bar |"),
    ("^", "caret ^"),
    ("~", "tilde ~"),
)
ROLES = (
    (
        "id",
        "Id of the lead",
        "With one, a later file updates the same leads. Without, a row is known by its content.",
    ),
    (
        "created_at",
        "Created at",
        "The newest leads become the test, and leads too young to judge are left out.",
    ),
    ("converted_at", "Converted at", "From it the time that leads need to convert is measured."),
    ("revenue", "Revenue", "What a converted lead brought."),
    ("owner", "Owner", "Who looks after the lead; shown in lists."),
    ("stage", "Stage", "Where the lead stands; shown in lists."),
)


NEW_SOURCE = "new"


class FileChoice(forms.FileInput):
    """A plain file input, in the frame that the theme's script expects around one."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chooser = super().render(name, value, attrs, renderer)
        return format_html('<span><span>{}</span><input type="text" hidden disabled></span>', chooser)


class UploadForm(forms.Form):
    """One file."""

    file = forms.FileField(
        label="File",
        widget=FileChoice(attrs={"accept": ".csv,.txt,.tsv,.gz,.xlsx,.xlsm,.parquet"}),
        help_text="CSV of any kind (also .gz), Excel (.xlsx) or Parquet, with one lead in each row.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty."},
    )


class ReadingForm(forms.Form):
    """How the file is read, where what was found is not right."""

    sheet = forms.ChoiceField(required=False)
    delimiter = forms.ChoiceField(choices=DELIMITERS, required=False, label="Between cells")
    encoding = forms.ChoiceField(choices=ENCODINGS, required=False)
    header_row = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1000,
        label="Row with the names of the columns",
        help_text="Empty: as the file shows.",
    )

    def __init__(self, *args: Any, sheets: tuple[str, ...] = (), kind: str = "csv", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if sheets:
            self.fields["sheet"] = forms.ChoiceField(
                choices=[(name, name) for name in sheets], required=False
            )
        else:
            del self.fields["sheet"]
        if kind != "csv":
            del self.fields["delimiter"], self.fields["encoding"]
        if kind == "parquet":
            del self.fields["header_row"]

    def options(self) -> ImportOptions:
        """As the import takes them."""
        told = self.cleaned_data
        delimiter = told.get("delimiter") or None
        return ImportOptions(
            converted="",
            sheet=told.get("sheet") or None,
            delimiter="\t" if delimiter == "tab" else delimiter,
            encoding=told.get("encoding") or None,
            header_row=told.get("header_row"),
        )


class ColumnsForm(forms.Form):
    """What the columns mean. The outcome column is chosen before, because its values are shown here."""

    converted_values = forms.MultipleChoiceField(
        label="Which values mean converted",
        widget=forms.CheckboxSelectMultiple,
        help_text="A value without a tick says that the lead did not convert, a misspelt one too. Blank cells, and "
        "words such as n/a or unknown, leave the lead open. The audit says how the values were taken.",
        error_messages={"required": "Tick at least one value that means converted."},
    )
    currency = forms.CharField(
        required=False, max_length=3, label="Currency of the revenue", help_text="Three letters such as AED."
    )
    source = forms.ChoiceField(label="Source")
    new_source = forms.CharField(
        required=False,
        max_length=64,
        label="Name of the new source",
        help_text="Only where the file is from a system that no lead came from before.",
    )
    exclude = forms.MultipleChoiceField(
        required=False,
        label="Leave out of training",
        widget=forms.CheckboxSelectMultiple,
        help_text="Kept with the lead, but no model learns from it. Suspected leaks are held out by themselves.",
    )

    def __init__(
        self,
        *args: Any,
        preview: Preview,
        outcome: str,
        known: Mapping[str, int],
        suggestion: Suggestion,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.outcome = outcome
        self.known = known
        self._offer_sources(suggestion)
        values = preview.values_of(outcome)
        field: Any = self.fields["converted_values"]
        field.choices = [(value, f"{value[:80]} ({n:,})") for value, n in values]
        others = [name for name in preview.columns if name != outcome]
        for role, label, helping in ROLES:
            guess = preview.guesses.get(role)
            why = f" Chosen because: {guess.why}" if guess is not None and guess.column != outcome else ""
            self.fields[role] = forms.ChoiceField(
                label=label,
                required=False,
                choices=[("", "– none –"), *((name, name[:80]) for name in others)],
                help_text=f"{helping}{why}",
            )
        field = self.fields["exclude"]
        field.choices = [(name, name[:80]) for name in others]
        self.order_fields(
            [
                *("converted_values", "id", "created_at", "converted_at", "revenue", "currency"),
                *("owner", "stage", "source", "new_source", "exclude"),
            ]
        )

    def _offer_sources(self, suggestion: Suggestion) -> None:
        """The known sources with how many leads each has, and a new one; where none is known, only its name."""
        if not self.known:
            del self.fields["source"]
            name: Any = self.fields["new_source"]
            name.label, name.required = "Source", True
            name.help_text = (
                "A name for the system this file is from. Later files of it are imported under the same source: the "
                "same id of another source is another lead."
            )
            return
        field: Any = self.fields["source"]
        field.choices = [
            *((f"={name}", f"{name} ({_leads(n)})") for name, n in self.known.items()),
            (NEW_SOURCE, "– a new source, named below –"),
        ]
        why = (
            f"It looks like “{suggestion.source}”: {suggestion.why}."
            if suggestion.source
            else "No known source has these ids, or had a file with these columns."
        )
        field.help_text = (
            "The system this file is from. The same id of another source is another lead: choose the same source for "
            f"every file of one system, whatever the file is called. {why}"
        )

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        new = told.get("new_source", "").strip()
        if told.get("source", NEW_SOURCE) != NEW_SOURCE:
            return told
        if new in self.known:
            self.add_error(
                "new_source",
                f"There is a source “{new}” already, with {_leads(self.known[new])}. Choose it in the list above, or "
                "name the new one otherwise.",
            )
        elif not new and "new_source" not in self.errors:
            self.add_error("new_source", "Name the new source, or choose a known one above.")
        return told

    def chosen_source(self) -> str:
        """The name of the source that was chosen or named."""
        chosen = self.cleaned_data.get("source", NEW_SOURCE)
        name = self.cleaned_data["new_source"] if chosen == NEW_SOURCE else chosen.removeprefix("=")
        return str(name).strip()

    def options(self, reading: ImportOptions) -> ImportOptions:
        """As the import takes them."""
        told = self.cleaned_data
        roles: dict[str, Any] = {role: told[role] or None for role, _, _ in ROLES}
        return ImportOptions(
            converted=self.outcome,
            converted_values=tuple(told["converted_values"]),
            currency=told["currency"].strip().upper(),
            source=self.chosen_source(),
            exclude=tuple(told["exclude"]),
            delimiter=reading.delimiter,
            encoding=reading.encoding,
            sheet=reading.sheet,
            header_row=reading.header_row,
            **roles,
        )


def _leads(n: int) -> str:
    return f"{COUNTED_TO:,} leads or more" if n >= COUNTED_TO else count(n, "lead")


def _first_source(
    told: str | None, file_name: str, known: Mapping[str, int], suggestion: Suggestion
) -> dict[str, str]:
    """What the fields of the source show at first: what was told before, else the likeliest one."""
    chosen = told or suggestion.source
    own = told or source_name(Path(file_name))
    # A file that is called as a source without looking like one of it must not slip into it.
    number = 2
    free = own
    while free in known:
        free = f"{own}-{number}"
        number += 1
    return {
        "source": f"={chosen}" if chosen in known else NEW_SOURCE,
        "new_source": "" if chosen in known else free,
    }


def _first_answers(
    preview: Preview, told: ImportOptions, outcome: str, source: Mapping[str, str]
) -> dict[str, Any]:
    """What the form shows at first: what was told before for this outcome, else the guesses."""
    if told.converted == outcome:
        return {
            **source,
            "converted_values": preview.spelled(outcome, told.converted_values),
            "currency": told.currency,
            "exclude": list(told.exclude),
            **{role: getattr(told, role) or "" for role, _, _ in ROLES},
        }
    guesses = {role: guess for role, guess in preview.guesses.items() if guess.column != outcome}
    answers: dict[str, Any] = {role: guess.column for role, guess in guesses.items() if role != "converted"}
    values = [value for value, _ in preview.values_of(outcome)]
    won = [value for value in values if means_converted(value)]
    if len(won) < len(values):
        answers["converted_values"] = won
    money = answers.get("revenue")
    if money:
        answers["currency"] = currency_of(money, preview.values[money])
    return {**answers, **source}


def reading_form(preview: Preview | None, told: ImportOptions, data: Any) -> ReadingForm:
    """The form of how the file is read, with what was found in it."""
    if preview is None:
        return ReadingForm(data)
    kind = "csv" if "delimiter" in preview.form else "excel" if preview.sheets else "parquet"
    delimiter = "tab" if told.delimiter == "\t" else told.delimiter or ""
    first = {
        "sheet": told.sheet or preview.form.get("sheet", ""),
        "delimiter": delimiter,
        "encoding": told.encoding or "",
        "header_row": told.header_row,
    }
    return ReadingForm(data, sheets=preview.sheets, kind=kind, initial=first)


def columns_form(
    run: ImportRun, preview: Preview, told: ImportOptions, outcome: str, data: Any
) -> ColumnsForm:
    """The form of what the columns mean, with what was told before or guessed."""
    guess = preview.guesses.get("id")
    id_column = told.id if told.converted else guess.column if guess is not None else None
    known = known_sources()
    suggestion = suggest_source(preview, known=known, id_column=id_column)
    source = _first_source(told.source, run.file_name, known, suggestion)
    return ColumnsForm(
        data,
        preview=preview,
        outcome=outcome,
        known=known,
        suggestion=suggestion,
        initial=_first_answers(preview, told, outcome, source),
    )


class StartForm(ReasonForm):
    """Why this import."""
