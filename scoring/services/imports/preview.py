"""The first rows of an upload, and what its columns seem to mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scoring.contracts import ImportRefused
from scoring.ml.column_roles import Guess, guess_roles
from scoring.ml.parsing import shown, visible
from scoring.ml.reading import RawRow, RowProblem, TableError
from scoring.models import ImportRun
from scoring.services.imports.options import ImportOptions
from scoring.services.imports.plan import open_file, unstored_words
from scoring.services.imports.target import plain_outcome
from scoring.services.imports.uploads import stored_path

ROWS_SHOWN = 12
ROWS_READ = 3000
CELL_SHOWN = 60
VALUES_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Preview:
    """A file as it is read: `rows` are the first ones, shortened; the guesses rest on the first `read` rows."""

    columns: tuple[str, ...]
    rows: list[tuple[int, list[str]]]
    problems: list[RowProblem]
    format_note: str
    form: Mapping[str, str]
    sheets: tuple[str, ...]
    read: int
    values: Mapping[str, Counter[str]]
    guesses: Mapping[str, Guess]
    warnings: tuple[str, ...] = ()

    def values_of(self, column: str) -> list[tuple[str, int]]:
        """The values of a column that are not blank, most frequent first; spellings that differ in nothing but
        capitals are one, under the most frequent of them."""
        spellings: dict[str, str] = {}
        counts: Counter[str] = Counter()
        for value, n in self.values.get(column, Counter()).most_common():
            counts[spellings.setdefault(plain_outcome(value), value)] += n
        return [(value, n) for value, n in counts.most_common(VALUES_SHOWN + 1) if plain_outcome(value)]

    def spelled(self, column: str, values: Iterable[str]) -> list[str]:
        """These values as `values_of` spells them."""
        wanted = {plain_outcome(value) for value in values}
        return [value for value, _ in self.values_of(column) if plain_outcome(value) in wanted]


def _cell(value: str | None) -> str:
    """A cell as people see it, on one line."""
    return shown(" ".join(visible(value or "").split()), CELL_SHOWN)


def preview_upload(run: ImportRun, options: ImportOptions) -> Preview:
    """Read the first rows.

    Raises:
        ImportRefused: the file is gone or cannot be read so.
    """
    path = stored_path(run)
    if not path.is_file():
        raise ImportRefused(f"The uploaded file {run.file_name} is no longer there; upload it again.")
    table = open_file(path, options)
    rows: list[RawRow] = []
    problems: list[RowProblem] = []
    within = ""
    try:
        for chunk in table.chunks(1000):
            for item in chunk:
                if isinstance(item, RawRow):
                    rows.append(item)
                else:
                    problems.append(item)
            if len(rows) + len(problems) >= ROWS_READ:
                within = f" in the first {ROWS_READ:,} rows"
                break
        unstored = table.unstored_formulas(ROWS_READ)
    except TableError as error:
        raise ImportRefused(str(error)) from error
    values: dict[str, Counter[str]] = {name: Counter() for name in table.columns}
    for row in rows:
        for name, value in row.values.items():
            if value is not None and value.strip():
                values[name][value.strip()] += 1
    return Preview(
        columns=table.columns,
        rows=[(row.number, [_cell(value) for value in row.values.values()]) for row in rows[:ROWS_SHOWN]],
        problems=problems[:ROWS_SHOWN],
        format_note=table.format_note,
        form=table.form,
        sheets=table.sheets,
        read=len(rows),
        values=values,
        guesses=guess_roles(values, rows=len(rows)),
        warnings=unstored_words(unstored, within),
    )
