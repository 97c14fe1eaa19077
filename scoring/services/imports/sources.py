"""The sources that leads came from so far, and which of them a file seems to be from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from scoring.ml.parsing import visible
from scoring.ml.phrases import count
from scoring.models import ImportRun, ImportStep, Lead
from scoring.selectors.distinct import counted_values, first_values
from scoring.services.imports.options import ImportOptions
from scoring.services.imports.preview import Preview

MOST_SOURCES = 100
COUNTED_TO = 10_000
IDS_LOOKED_UP = 1000
RUNS_LOOKED_AT = 100
ALIKE = 0.75
"""Share of the columns of both files together that both have, from which on they are taken for the same export."""
KNOWN_ENOUGH = 0.2
"""Share of known ids from which on they speak for a source whose earlier files had other columns."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The source that a file seems to be from and why; both "" where it looks like a new one."""

    source: str = ""
    why: str = ""


def known_sources() -> dict[str, int]:
    """Every source that has leads, in order, with how many: counted to 10,000, at most 100 sources."""
    names = first_values(Lead, "source_system", most=MOST_SOURCES)
    return counted_values(Lead, "source_system", names, most=COUNTED_TO)


def suggest_source(preview: Preview, *, known: Mapping[str, int], id_column: str | None) -> Suggestion:
    """The known source whose earlier files had the columns of this one, or that has its ids; three queries."""
    if not known:
        return Suggestion()
    ids = [visible(text) for text in preview.values.get(id_column or "", ())][:IDS_LOOKED_UP]
    hits: Counter[str] = Counter(
        Lead.objects.filter(external_id__in=ids).values_list("source_system", flat=True) if ids else ()
    )
    alike = _alike_sources(frozenset(preview.columns), id_column)
    enough = {source for source, n in hits.items() if n >= KNOWN_ENOUGH * len(ids)}
    able = [source for source in known if source in alike or source in enough]
    if not able:
        return Suggestion()
    source = max(able, key=lambda name: (hits[name], alike.get(name, 0)))
    why = []
    if hits[source]:
        why.append(f"{count(hits[source], 'lead')} of it {'is' if hits[source] == 1 else 'are'} in this file")
    if source in alike:
        why.append(f"import {alike[source]} brought a file with these columns from it")
    return Suggestion(source, " and ".join(why))


def _alike_sources(columns: frozenset[str], id_column: str | None) -> dict[str, int]:
    """Source → its newest import, where that had nearly the same columns and the same id column."""
    runs = (
        ImportRun.objects.filter(step=ImportStep.IMPORT, state="done", rows_read__gt=0)
        .order_by("-id")
        .select_related("feature_set")
        .prefetch_related("feature_set__features")[:RUNS_LOOKED_AT]
    )
    newest: dict[str, ImportRun] = {}
    for run in runs:
        newest.setdefault(run.source_system, run)
    return {source: run.pk for source, run in newest.items() if _alike(run, columns, id_column)}


def _alike(run: ImportRun, columns: frozenset[str], id_column: str | None) -> bool:
    told = ImportOptions.from_json({"converted": "", **run.options})
    if told.id != id_column:
        return False
    had = {name for name in told.mapped().values() if name}
    if run.feature_set is not None:
        had |= {feature.name for feature in run.feature_set.features.all()}
    return len(had & columns) >= ALIKE * len(had | columns)
