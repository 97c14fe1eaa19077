"""What an import is asked for and what it answers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scoring.contracts import ImportRefused

LONGEST_SOURCE = 64


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Which columns mean what. Column names are the file's own."""

    converted: str
    converted_value: str | None = None
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
                f"--source {self.source[:40]!r}: expected 1 to {LONGEST_SOURCE} printable characters."
            )
        if self.currency and re.fullmatch("[A-Z]{3}", self.currency) is None:
            raise ImportRefused(
                f"--currency {self.currency[:40]!r}: expected a code of three letters such as AED."
            )
        used: dict[str, str] = {}
        for option, column in [*self.mapped().items(), *(("--exclude", name) for name in self.exclude)]:
            if column not in columns:
                raise ImportRefused(_no_such_column(option, column, columns))
            if option != "--exclude" and column in used and {option, used[column]} & {"--converted", "--id"}:
                raise ImportRefused(
                    f"Column {column!r} is given as {used[column]} and as {option}; expected one meaning a column."
                )
            used[column] = option

    def to_json(self) -> dict[str, Any]:
        """For the run's row."""
        return asdict(self)


def _no_such_column(option: str, column: str, columns: Sequence[str]) -> str:
    by_plain = {name.casefold(): name for name in reversed(columns)}
    close = difflib.get_close_matches(column.casefold(), by_plain, n=1, cutoff=0.6)
    guess = f" Did you mean {by_plain[close[0]]!r}?" if close else ""
    listed = ", ".join(columns[:30]) + (f" and {len(columns) - 30} more" if len(columns) > 30 else "")
    return f"{option} {column!r}: the file has no such column.{guess} It has: {listed}."


@dataclass(frozen=True, slots=True)
class RowError:
    """One refused row."""

    row: int
    column: str
    value: str
    expected: str


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
    held_out: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)
