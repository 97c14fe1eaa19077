"""What the columns that were held out would have added: the size of a leak, or the price of caution.

The only reader of `TrainingData.held_out`. Models that see those columns are fitted here, judged on the test leads
and thrown away; what leaves this module are numbers and sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.estimators import Bools
from scoring.ml.fitting import Recipe, Specs, fit_recipe
from scoring.ml.intervals import delong_auc, delong_paired
from scoring.ml.pipeline import Floats
from scoring.ml.results import HeldOut
from scoring.ml.room import Room
from scoring.ml.splits import Split
from scoring.ml.values import FeatureSpec, Kind, KnownAt

MOST_COLUMNS = 12
CLEAR, SUSPICIOUS = 0.01, 0.05
ALL = "all of them together"


@dataclass(frozen=True, slots=True)
class AddedColumn:
    """The test AUC with one held-out column, or all of them, beside the chosen model's; `lift` is paired (DeLong).

    `verdict`: "leak", "promising", "nothing", "unclear", or "empty" and "not tried", which have no numbers.
    """

    name: str
    label: str
    known_at: str
    auc: Estimate | None
    lift: Estimate | None
    verdict: str
    words: str

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "name": self.name,
            "label": self.label,
            "known_at": self.known_at,
            "auc": None if self.auc is None else self.auc.to_json(),
            "lift": None if self.lift is None else self.lift.to_json(),
            "verdict": self.verdict,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class HeldOutColumns:
    """What each held-out column and all together (first) would have added to `without`, the chosen model's test AUC."""

    without: Estimate
    columns: tuple[AddedColumn, ...]

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {"without": self.without.to_json(), "columns": [column.to_json() for column in self.columns]}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Held-out features under test, and why they are held out."""

    name: str
    label: str
    specs: tuple[FeatureSpec, ...]


def judge_held_out(
    specs: Specs,
    frame: pd.DataFrame,
    held_out: HeldOut,
    y: Bools,
    split: Split,
    recipe: Recipe,
    test_margins: Floats,
    *,
    room: Room,
    until: float,
) -> HeldOutColumns | None:
    """Fit the recipe with each held-out column added, and with all, and compare on the same test leads.

    `test_margins` (test rows,) are the chosen model's. Settings are the chosen model's: nothing is searched again.
    None when no column is held out.
    """
    if not held_out.specs:
        return None
    columns, specs_in = _readable(held_out)
    without = delong_auc(y[split.test], test_margins)
    useful = [spec for spec in specs_in if _tells(columns[spec.name], split)]
    wanted = [_Wanted(spec.name, spec.label, (spec,)) for spec in useful]
    if len(useful) > 1:
        wanted.insert(0, _Wanted("", ALL, tuple(useful)))
    tried = wanted[: MOST_COLUMNS + 1]
    fit = partial(_margins, specs, frame, columns, y, split, recipe)
    found = room.run([(len(split.train) / len(y), partial(fit, one.specs)) for one in tried], until=until)
    judged = [
        _judge(one, y[split.test], with_it, test_margins) for one, with_it in zip(tried, found, strict=False)
    ]
    judged.extend(
        _without_numbers(one, "not tried", "Not tried: there was not enough time.")
        for one in wanted[len(found) :]
    )
    for spec in specs_in:
        if spec not in useful:
            words = f"{spec.label} holds the same for all training leads: it adds nothing."
            judged.append(_without_numbers(_Wanted(spec.name, spec.label, (spec,)), "empty", words))
    return HeldOutColumns(without, tuple(judged))


def _readable(held_out: HeldOut) -> tuple[pd.DataFrame, list[FeatureSpec]]:
    """The columns as a model could read them: an identifier only by whether it is there."""
    specs, columns = [], {}
    for spec in held_out.specs:
        column, kind = held_out.frame[spec.name], spec.kind
        if kind is Kind.IDENTIFIER:
            column, kind = column.notna().astype(np.float64), Kind.YES_NO
        specs.append(replace(spec, kind=kind, excluded=False))
        columns[spec.name] = column
    return pd.DataFrame(columns, index=held_out.frame.index), specs


def _tells(column: pd.Series[Any], split: Split) -> bool:
    return bool(column.iloc[split.train].nunique(dropna=False) > 1)


def _margins(
    specs: Specs,
    frame: pd.DataFrame,
    columns: pd.DataFrame,
    y: Bools,
    split: Split,
    recipe: Recipe,
    added: tuple[FeatureSpec, ...],
    tick: Callable[[], None],
) -> Floats:
    wide = pd.concat([frame, columns[[spec.name for spec in added]]], axis=1)
    model = fit_recipe((*specs, *added), wide.iloc[split.train], y[split.train], recipe, tick)
    return model.margins(wide.iloc[split.test])


def _judge(one: _Wanted, y: Bools, with_it: Floats, without: Floats) -> AddedColumn:
    auc = delong_auc(y, with_it)
    try:
        lift = delong_paired(y, with_it, without).difference
    except NotEnoughData as reason:
        return _without_numbers(one, "not tried", f"Not judged: {reason}.")
    base = delong_auc(y, without).value
    verdict = _verdict(lift, one.specs)
    return AddedColumn(
        one.name, one.label, _known_at(one.specs), auc, lift, verdict, _words(one, base, auc, lift, verdict)
    )


def _verdict(lift: Estimate, specs: Sequence[FeatureSpec]) -> str:
    if lift.low > 0 and lift.value >= CLEAR:
        late = any(spec.known_at is not KnownAt.CREATION for spec in specs)
        return "leak" if late or lift.value >= SUSPICIOUS else "promising"
    return "nothing" if lift.high < CLEAR else "unclear"


def _known_at(specs: Sequence[FeatureSpec]) -> str:
    found = {spec.known_at for spec in specs}
    return found.pop().value if len(found) == 1 else ""


def _words(one: _Wanted, base: float, auc: Estimate, lift: Estimate, verdict: str) -> str:
    subject = "all held-out columns together" if one.label == ALL else one.label
    moved = f"Adding {subject} would lift the AUC from {base:.2f} to {auc.value:.2f}"
    interval = f"({lift.value:+.3f}, 95 % {lift.low:+.3f} to {lift.high:+.3f})".replace("-", "−")
    if verdict == "leak":
        return f"{moved} {interval}: that is the sign of a leak, {_why(one.specs)}."
    if verdict == "promising":
        reason = one.specs[0].exclusion_reason.strip().rstrip(".") or "no reason was given"
        return (
            f"{moved} {interval}. It counts as known when a lead is created and was held out by a person ({reason}): "
            "if it really is known by then, it is worth a second look."
        )
    if verdict == "nothing":
        return f"Adding {subject} would change the AUC by no more than chance {interval}: holding it out costs nothing."
    return f"Adding {subject} may change the AUC or not {interval}: too few test leads to tell."


def _why(specs: Sequence[FeatureSpec]) -> str:
    known = {spec.known_at for spec in specs}
    they = "it is" if len(specs) == 1 else "they are"
    if known == {KnownAt.OUTCOME}:
        return f"{they} known only after the outcome"
    if known == {KnownAt.CONTACT}:
        return f"{they} known only during the contact"
    if KnownAt.OUTCOME in known:
        return "some of them are known only after the outcome"
    if KnownAt.CONTACT in known:
        return "some of them are known only during the contact"
    return "hardly any column known when a lead is created tells this much"


def _without_numbers(one: _Wanted, verdict: str, words: str) -> AddedColumn:
    return AddedColumn(one.name, one.label, _known_at(one.specs), None, None, verdict, words)
