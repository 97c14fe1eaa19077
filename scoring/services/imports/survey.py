"""The first pass over a file: the values of its outcome column, and a sample of rows to draw features up from."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scoring.contracts import ImportRefused
from scoring.ml.phrases import count
from scoring.ml.reading import RawRow, Table
from scoring.services.imports.options import ImportOptions

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 2000
SAMPLE_ROWS = 20_000
MAX_DISTINCT = 10_000


@dataclass(frozen=True, slots=True)
class Survey:
    """Raw sample rows in file order, and counts of the outcome column's values over the whole file."""

    sample: pd.DataFrame
    outcomes: Counter[str]
    rows: int
    problems: int
    warnings: tuple[str, ...] = ()


def survey(table: Table, options: ImportOptions, progress: Callable[[str, float], None]) -> Survey:
    """Read the whole file once; keep a uniform sample of rows (reservoir, fixed seed, file order restored).

    Raises:
        ImportRefused: no row can be read, or the outcome column is nothing like one.
    """
    import pandas as pd

    choose = random.Random(0)  # noqa: S311  a sample, not a secret
    kept: list[tuple[int, dict[str, str | None]]] = []
    outcomes: Counter[str] = Counter()
    rows = problems = shortened = 0
    for chunk in table.chunks(CHUNK):
        for item in chunk:
            if not isinstance(item, RawRow):
                problems += 1
                continue
            rows += 1
            outcomes[item.values.get(options.converted) or ""] += 1
            if options.id is not None and _shortened(item.values.get(options.id)):
                shortened += 1
            if len(kept) < SAMPLE_ROWS:
                kept.append((item.number, item.values))
            elif (place := choose.randrange(rows)) < SAMPLE_ROWS:
                kept[place] = (item.number, item.values)
        if len(outcomes) > MAX_DISTINCT:
            raise ImportRefused(
                f"Column “{options.converted}” holds more than {MAX_DISTINCT:,} different values; "
                "expected an outcome such as yes and no."
            )
        hint = table.size_hint
        progress(f"Reading the file: {count(rows, 'row')}", hint.read / max(hint.total, 1))
    if rows == 0:
        raise ImportRefused(f"None of the file's {count(problems, 'row')} can be read.")
    kept.sort(key=lambda pair: pair[0])
    sample = pd.DataFrame.from_records([values for _, values in kept], columns=list(table.columns))
    return Survey(
        sample=sample.astype(object).where(sample.notna(), None),
        outcomes=outcomes,
        rows=rows,
        problems=problems,
        warnings=_id_warnings(options, shortened),
    )


_SCIENTIFIC = re.compile(r"\s*\d[.,]\d+E[+]?\d+\s*", re.IGNORECASE)


def _shortened(text: str | None) -> bool:
    return text is not None and ("E" in text or "e" in text) and _SCIENTIFIC.fullmatch(text) is not None


def _id_warnings(options: ImportOptions, shortened: int) -> tuple[str, ...]:
    if not shortened:
        return ()
    return (
        (
            f"Ids in “{options.id}” that are written like 1.23E+09: {shortened:,}. A spreadsheet has shortened them: "
            "different leads may have become one. Export the column as text to be sure."
        ),
    )
