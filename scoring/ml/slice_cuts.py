"""Groups of leads that people can name: levels of a category, ranges of a number or a date, given or not given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.ml.encoding import level_form
from scoring.ml.values import FeatureSpec, Kind

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_LEVELS = 30
RANGES = 4
FEW_VALUES = 6
"""Numbers with at most that many distinct values get a group for each."""
NOT_GIVEN = "not given"
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Cut:
    """One feature cut into named groups: `codes` (rows,) point into `names`, -1 where a lead is in none."""

    feature: str
    label: str
    names: tuple[str, ...]
    codes: Ints


@dataclass(frozen=True, slots=True)
class Group:
    """Which leads (rows,), and the (feature, label, name) of each cut they come from: one, or two for a pair."""

    parts: tuple[tuple[str, str, str], ...]
    rows: NDArray[np.bool_]

    @property
    def words(self) -> str:
        """The group as people would name it: "Lead Source: Meta Ads and Timeline: not given"."""
        return " and ".join(f"{label}: {name}" for _, label, name in self.parts)


def cut_feature(spec: FeatureSpec, values: NDArray[Any], *, least: int) -> Cut | None:
    """The groups of a parsed column with at least `least` leads; None where there are not two of them."""
    if spec.kind is Kind.CATEGORY:
        cut = _levels(spec, values, least)
    elif spec.kind is Kind.YES_NO:
        cut = _yes_no(spec, values.astype(np.float64))
    elif spec.kind in (Kind.NUMBER, Kind.DATE):
        cut = _ranges(spec, values.astype(np.float64))
    else:
        absent = np.asarray(pd.isna(values))
        cut = Cut(spec.name, spec.label, ("given", NOT_GIVEN), absent.astype(np.int64))
    return _large(cut, least)


def groups(cut: Cut) -> Iterator[Group]:
    """The groups of one feature."""
    for code, name in enumerate(cut.names):
        yield Group(((cut.feature, cut.label, name),), cut.codes == code)


def crossed(first: Cut, second: Cut, *, most: int) -> Iterator[Group]:
    """The groups two features make together, from the `most` largest groups of each."""
    for one in _largest(first, most):
        for other in _largest(second, most):
            yield Group((*one.parts, *other.parts), one.rows & other.rows)


def _largest(cut: Cut, most: int) -> list[Group]:
    return sorted(groups(cut), key=lambda group: -int(group.rows.sum()))[:most]


def _large(cut: Cut, least: int) -> Cut | None:
    counts = np.bincount(cut.codes[cut.codes >= 0], minlength=len(cut.names))
    kept = np.flatnonzero(counts >= least)
    if len(kept) == 0 or int(counts.max()) == len(cut.codes):
        return None
    lookup = np.full(len(cut.names) + 1, -1, dtype=np.int64)
    lookup[kept] = np.arange(len(kept))
    return Cut(cut.feature, cut.label, tuple(cut.names[k] for k in kept), lookup[cut.codes])


def _levels(spec: FeatureSpec, values: NDArray[Any], least: int) -> Cut:
    codes, uniques = pd.factorize(values, use_na_sentinel=True)
    forms = [level_form(str(text)) for text in uniques]
    found = np.bincount(codes[codes >= 0], minlength=len(forms))
    counts: dict[str, int] = {}
    spelling: dict[str, tuple[int, str]] = {}
    for form, text, n in zip(forms, uniques.tolist(), found.tolist(), strict=True):
        counts[form] = counts.get(form, 0) + n
        # Shown as most leads spell it.
        spelling[form] = max(spelling.get(form, (0, "")), (n, str(text)))
    shown = [form for form, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n >= least]
    position = {form: at for at, form in enumerate(shown[:MAX_LEVELS])}
    lookup = np.array([*(position.get(form, -1) for form in forms), len(position)], dtype=np.int64)
    names = (*(_short(spelling[form][1]) for form in position), NOT_GIVEN)
    return Cut(spec.name, spec.label, names, lookup[codes])


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _yes_no(spec: FeatureSpec, values: Floats) -> Cut:
    codes = np.where(np.isnan(values), 2, np.where(values > 0.5, 0, 1)).astype(np.int64)
    return Cut(spec.name, spec.label, ("yes", "no", NOT_GIVEN), codes)


def _ranges(spec: FeatureSpec, values: Floats) -> Cut:
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    absent = ~np.isfinite(values)
    if len(distinct) <= FEW_VALUES and spec.kind is Kind.NUMBER:
        codes = np.searchsorted(distinct, values)
        names = [_amount(spec, value) for value in distinct]
    else:
        edges = _edges(known, distinct)
        codes = np.searchsorted(edges, values, side="right")
        names = _range_names(spec, known, edges)
    codes = np.where(absent, len(names), codes).astype(np.int64)
    return Cut(spec.name, spec.label, (*names, NOT_GIVEN), codes)


def _edges(known: Floats, distinct: Floats) -> Floats:
    """Values at the quarters: values that occur, so that no range is empty; at least one where two values do."""
    if len(distinct) < 2:
        return distinct[:0]
    quarters = np.quantile(known, np.arange(1, RANGES) / RANGES)
    edges = distinct[np.searchsorted(distinct, quarters)]
    edges = np.unique(edges[edges > distinct[0]])
    return edges if len(edges) else distinct[1:2]


def _range_names(spec: FeatureSpec, known: Floats, edges: Floats) -> list[str]:
    if not len(known):
        return []
    names = []
    part = np.searchsorted(edges, known, side="right")
    for k in range(len(edges) + 1):
        # The smallest and largest value that occur say it without "from … to below …".
        inside = known[part == k]
        low, high = _amount(spec, float(inside.min())), _amount(spec, float(inside.max()))
        names.append(low if low == high else f"{low} to {high}")
    return names


def _amount(spec: FeatureSpec, value: float) -> str:
    if spec.kind is Kind.DATE:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=value)).date().isoformat()
    text = f"{value:,.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:,.3g}"
    return text.replace("-", "−")


def cuts_of(specs: Sequence[FeatureSpec], frame: pd.DataFrame, *, least: int) -> dict[str, Cut]:
    """The cuts of all features that can be cut, by feature."""
    found = {spec.name: cut_feature(spec, frame[spec.name].to_numpy(), least=least) for spec in specs}
    return {name: cut for name, cut in found.items() if cut is not None}
