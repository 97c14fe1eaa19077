"""What an import is asked for and what it answers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from scoring.contracts import ImportRefused, OutcomeKind
from scoring.ml.parsing import shown
from scoring.ml.phrases import count

if TYPE_CHECKING:
    from scoring.services.imports.elsewhere import HeldElsewhere
    from scoring.services.imports.rows import FileLead
    from scoring.services.imports.write import Written

LONGEST_SOURCE = 64
ERRORS_KEPT = 1000
"""Refused rows held in memory for the answer; the database holds all."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Which columns mean what. Column names are the file's own."""

    converted: str
    converted_values: tuple[str, ...] = ()
    id: str | None = None
    created_at: str | None = None
    converted_at: str | None = None
    revenue: str | None = None
    currency: str = ""
    owner: str | None = None
    stage: str | None = None
    source: str | None = None
    exclude: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    dry_run: bool = False

    def mapped(self) -> dict[str, str]:
        """Columns with a meaning of their own, by option name."""
        named = {
            "--converted": self.converted,
            "--id": self.id,
            "--created-at": self.created_at,
            "--converted-at": self.converted_at,
            "--revenue": self.revenue,
            "--owner": self.owner,
            "--stage": self.stage,
        }
        return {option: column for option, column in named.items() if column is not None}

    def not_attributes(self) -> frozenset[str]:
        """Columns that go elsewhere than into a lead's attributes: they identify it or tell its outcome."""
        elsewhere = (self.converted, self.id, self.converted_at, self.revenue)
        return frozenset(column for column in elsewhere if column is not None)

    def check(self, columns: Sequence[str]) -> None:
        """Compare with a file's columns.

        Raises:
            ImportRefused: a named column is not there, one column is given two meanings, or the source or
                currency is nothing a row could hold.
        """
        if self.source is not None and not (
            self.source.strip() and self.source.isprintable() and len(self.source) <= LONGEST_SOURCE
        ):
            raise ImportRefused(
                f"Source “{shown(self.source, 40)}”: expected 1 to {LONGEST_SOURCE} printable characters."
            )
        if self.currency and re.fullmatch("[A-Z]{3}", self.currency) is None:
            raise ImportRefused(
                f"Currency “{shown(self.currency, 40)}”: expected a code of three letters such as AED."
            )
        used: dict[str, str] = {}
        for option, column in [*self.mapped().items(), *(("--exclude", name) for name in self.exclude)]:
            if column not in columns:
                raise ImportRefused(_no_such_column(option, column, columns))
            if option != "--exclude" and column in used and {option, used[column]} & {"--converted", "--id"}:
                raise ImportRefused(
                    f"Column “{column}” is given as the {_meaning(used[column])} and as the {_meaning(option)}; "
                    "expected one meaning a column."
                )
            used[column] = option

    def to_json(self) -> dict[str, Any]:
        """For the run's row."""
        document = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in document.items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ImportOptions:
        """From a run's row, also one of an earlier release."""
        known = {one.name for one in fields(cls)}
        told = {key: value for key, value in document.items() if key in known}
        for key in ("converted_values", "exclude"):
            told[key] = tuple(told.get(key) or ())
        if document.get("converted_value"):
            told["converted_values"] = (document["converted_value"],)
        return cls(**told)


def _meaning(option: str) -> str:
    """An option as people call it who never saw the command."""
    return {
        "--converted": "outcome",
        "--created-at": "date of creation",
        "--converted-at": "date of conversion",
    }.get(option, option.removeprefix("--"))


def _no_such_column(option: str, column: str, columns: Sequence[str]) -> str:
    by_plain = {name.casefold(): name for name in reversed(columns)}
    close = difflib.get_close_matches(column.casefold(), by_plain, n=1, cutoff=0.6)
    guess = f" Did you mean “{by_plain[close[0]]}”?" if close else ""
    listed = ", ".join(columns[:30]) + (f" and {len(columns) - 30} more" if len(columns) > 30 else "")
    return f"{option} “{column}”: the file has no such column.{guess} It has: {listed}."


@dataclass(frozen=True, slots=True)
class RowError:
    """One refused row; `lead` is its id, where that can be read."""

    row: int
    column: str
    value: str
    expected: str
    lead: str = ""


@dataclass(slots=True)
class ImportSummary:
    """What an import did, or in a dry run would do."""

    source: str
    dry_run: bool
    format_note: str = ""
    run_id: int | None = None
    rows_read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    open: int = 0
    outcomes_recorded: int = 0
    converted: int = 0
    errors: list[RowError] = field(default_factory=list)
    error_file: str = ""
    feature_set: int | None = None
    feature_set_state: str = ""
    feature_set_waits: bool = False
    held_out: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    elsewhere: HeldElsewhere | None = None

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    def copy(self) -> ImportSummary:
        """The same counts in an object of their own."""
        return replace(self, errors=list(self.errors))

    def take(self, other: ImportSummary) -> None:
        """Become what `other` says."""
        for one in fields(self):
            setattr(self, one.name, getattr(other, one.name))

    def add(self, read: int, good: Sequence[FileLead], refused: Sequence[RowError], written: Written) -> None:
        """Count a chunk."""
        self.rows_read += read
        self.refused += len(refused)
        self.errors.extend(refused[: ERRORS_KEPT - len(self.errors)])
        self.created += written.created
        self.updated += written.updated
        self.unchanged += written.unchanged
        self.outcomes_recorded += written.outcomes
        self.open += sum(row.outcome is None for row in good)
        self.converted += sum(row.outcome is OutcomeKind.CONVERTED for row in good)

    def counts(self) -> dict[str, Any]:
        """The row's columns that are the checkpoint."""
        return {column: getattr(self, name) for name, column in _COLUMNS.items()}

    def go_on_from(self, row: object) -> None:
        """Take the counts of a row that is gone on with."""
        for name, column in _COLUMNS.items():
            setattr(self, name, int(getattr(row, column)))

    def words(self) -> str:
        """What happened, in a sentence."""
        return (
            f"{count(self.rows_read, 'row')}: {self.created:,} new, {self.updated:,} changed, "
            f"{self.unchanged:,} unchanged, {self.refused:,} refused."
        )


_COLUMNS = {
    "rows_read": "rows_read",
    "created": "rows_created",
    "updated": "rows_updated",
    "unchanged": "rows_unchanged",
    "refused": "rows_refused",
    "open": "rows_open",
    "converted": "rows_converted",
    "outcomes_recorded": "outcomes_recorded",
}
