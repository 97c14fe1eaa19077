"""Whether enough is known about a lead for its score to be more than a guess, judged by what the model leans on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LITTLE_KNOWN = 0.5
"""Missing share of the model's importance from which a score rests mostly on averages, whatever is usual."""
UNUSUAL = 0.3
"""Missing share that is too much where a usual lead lacks at most half of it."""
NAMED = 2
LACKING_CODES = ("missing", "unreadable", "unseen")


@dataclass(frozen=True, slots=True)
class Lack:
    """One field that says nothing about this lead; `share` is its part of the model's importance, 0 to 1."""

    feature: str
    label: str
    share: float
    code: str


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """`enough` is None where the model leans on no field at all. `lacking` begins with what would tell most;
    `usual_share` is what a lead of the reference lacks on average, None where that is not known."""

    enough: bool | None
    missing_share: float
    usual_share: float | None
    lacking: tuple[Lack, ...]

    @property
    def would_help(self) -> tuple[str, ...]:
        """Labels of the fields that would tell most."""
        return tuple(lack.label for lack in self.lacking[:NAMED])


def judge_sufficiency(
    importance: Sequence[Mapping[str, object]],
    warnings: Sequence[Mapping[str, object]],
    *,
    usually_missing: Mapping[str, float] | None = None,
) -> Sufficiency:
    """Weigh what this lead lacks by the model's importance.

    `importance` holds feature, label and share (sum 1 or less); `warnings` are a prediction's, of which missing,
    unreadable and unseen values are scored like an average one. `usually_missing` is the share of reference leads
    without each feature. Not enough is known when the lacking fields carry at least half of the importance, or at
    least three tenths and twice as much as a usual lead lacks.
    """
    codes = {
        str(w.get("feature", "")): str(w.get("code", "")) for w in warnings if w.get("code") in LACKING_CODES
    }
    shares = {str(row.get("feature", "")): _number(row.get("share")) for row in importance}
    total = sum(shares.values())
    if total <= 0:
        return Sufficiency(None, 0.0, None, ())
    labels = {
        str(row.get("feature", "")): str(row.get("label") or row.get("feature", "")) for row in importance
    }
    lacking = [
        Lack(name, labels[name], share / total, codes[name])
        for name, share in shares.items()
        if name in codes and share > 0
    ]
    lacking.sort(key=lambda lack: (-lack.share, lack.label))
    missing = sum(lack.share for lack in lacking)
    usual = None
    if usually_missing is not None:
        usual = sum(share / total * usually_missing.get(name, 0.0) for name, share in shares.items())
    too_little = missing >= LITTLE_KNOWN or (
        usual is not None and missing >= UNUSUAL and missing >= 2 * usual
    )
    return Sufficiency(not too_little, missing, usual, tuple(lacking))


def _number(value: object) -> float:
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else 0.0
    )
