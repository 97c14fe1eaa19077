"""Leads of a file that another source has already: under a new source they would be held twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scoring.ml.parsing import visible
from scoring.models import Lead
from scoring.selectors.distinct import first_values
from scoring.services.imports.options import ImportOptions
from scoring.services.imports.rows import content_id

if TYPE_CHECKING:
    import pandas as pd

LOOKED_UP = 1000
"""Ids of one query."""


@dataclass(frozen=True, slots=True)
class HeldElsewhere:
    """Leads of a file that would be new under its source although another source has their ids: they would be held
    twice. `looked_at` rows of the file were looked up; `sources` are the others with how many each, most first."""

    looked_at: int = 0
    leads: int = 0
    sources: tuple[tuple[str, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


def held_elsewhere(
    sample: pd.DataFrame, options: ImportOptions, identity: Sequence[str], source: str
) -> HeldElsewhere:
    """Look the leads of a sample up under the other sources. `sample` holds raw texts, one row a lead.

    Two queries at most where no other source has leads, else one for each 1,000 rows more.
    """
    if not set(first_values(Lead, "source_system", most=2)) - {source}:
        return HeldElsewhere()
    rows: Sequence[dict[str, str | None]] = sample.to_dict("records")  # type: ignore[assignment]  # raw texts
    if options.id is not None:
        ids = [visible(row[options.id] or "") for row in rows]
    else:
        ids = [content_id(row, identity) for row in rows]
    wanted = list(dict.fromkeys(one for one in ids if one))
    others: Counter[str] = Counter()
    leads = 0
    for start in range(0, len(wanted), LOOKED_UP):
        found: dict[str, set[str]] = {}
        part = wanted[start : start + LOOKED_UP]
        for external_id, system in Lead.objects.filter(external_id__in=part).values_list(
            "external_id", "source_system"
        ):
            found.setdefault(external_id, set()).add(system)
        for systems in found.values():
            if source not in systems:
                leads += 1
                others.update(systems)
    return HeldElsewhere(len(wanted), leads, tuple(others.most_common()))
