"""What a lead's page says in sentences: where the score comes from, how it moved, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from leadscoring.common.admin.words import chance
from scoring.admin.attributes import shown
from scoring.contracts import Cause
from scoring.ml.sufficiency import Sufficiency
from scoring.models import ModelVersion, Prediction
from scoring.selectors.histories import Point

MONTH = timedelta(days=30)
CHANGES_SHOWN = 8
CAUSE_WORDS = {
    Cause.API.value: "call of another program",
    Cause.IMPORT.value: "import",
    Cause.RELEASE.value: "new release",
    Cause.RESCORE.value: "scored again",
    Cause.WAITING.value: "had waited for a model",
}


def cause_words(cause: str) -> str:
    """Why a prediction was made.

    >>> cause_words("api"), cause_words("rescore")
    ('call of another program', 'scored again')
    """
    return CAUSE_WORDS.get(cause, cause)


def reporter_words(reported_by: str) -> str:
    """Who told of an outcome.

    >>> reporter_words("file:crm"), reporter_words("API key Website via L-2"), reporter_words("")
    ('a file of crm', 'API key Website via L-2', '')
    """
    return (
        f"a file of {reported_by.removeprefix('file:')}" if reported_by.startswith("file:") else reported_by
    )


def trend_words(now: Point, earlier: Point | None, when: str) -> str:
    """The way from an earlier score to this one; empty without one.

    >>> from uuid import UUID
    >>> at = datetime(2026, 6, 1)
    >>> old, new = (Point(UUID(int=1), UUID(int=1), at, s, "B", "api", v, 0.2) for s, v in ((41, 1), (48, 2)))
    >>> trend_words(new, old, "30 days ago")
    'Up 7 since 30 days ago: it was 41 (B). Version 1 gave that score: part of the change may be the model.'
    """
    if earlier is None:
        return ""
    step = now.score - earlier.score
    if step:
        words = f"{'Up' if step > 0 else 'Down'} {abs(step)} since {when}: it was {earlier.score} ({earlier.grade})."
    else:
        words = f"Unchanged since {when}: {earlier.score} ({earlier.grade})."
    if earlier.version != now.version:
        words += f" Version {earlier.version} gave that score: part of the change may be the model."
    return words


def ago(at: datetime, now: datetime) -> str:
    """How long ago, in one unit.

    >>> ago(datetime(2026, 6, 1), datetime(2026, 6, 3)), ago(datetime(2026, 6, 1), datetime(2026, 6, 1, 2))
    ('2 days ago', '2 hours ago')
    """
    seconds = max((now - at).total_seconds(), 0.0)
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        n = int(seconds // size)
        if n:
            return f"{n:,} {unit}{'' if n == 1 else 's'} ago"
    return "a moment ago"


def arrow(now: Point, earlier: Point | None) -> str:
    """The direction as a sign, with words beside it elsewhere."""
    if earlier is None or now.score == earlier.score:
        return "→" if earlier is not None else ""
    return "↑" if now.score > earlier.score else "↓"


def chance_words(prediction: Prediction, version: ModelVersion) -> list[str]:
    """The chance beside the base rate, and what became of test leads with about this chance."""
    words = []
    learned, converted = version.training_rows, version.training_conversions
    if learned and converted:
        base = converted / learned
        times = prediction.probability / base
        compared = "about the same as" if 0.9 <= times <= 1.1 else f"{times:.1f} times"
        words.append(f"That is {compared} the {chance(base)} of all {learned:,} leads it learned from.")
    bin_words = _bin_words(prediction.probability, version.report.get("calibration_curve"))
    return [*words, bin_words] if bin_words else words


def _bin_words(probability: float, curve: object) -> str:
    rows = [row for row in curve if isinstance(row, Mapping)] if isinstance(curve, Sequence) else []
    known = [row for row in rows if isinstance(row.get("observed"), Mapping) and "predicted" in row]
    if not known:
        return ""
    row = min(known, key=lambda r: abs(float(r["predicted"]) - probability))
    seen: Mapping[str, Any] = row["observed"]
    value, low, high, n = (seen.get(key) for key in ("value", "low", "high", "n"))
    if not all(isinstance(x, int | float) for x in (value, low, high, n)):
        return ""
    return (
        f"Of the {n:,} test leads with the nearest chance, {chance(float(value))} converted "  # type: ignore[arg-type]
        f"(95 % interval {chance(max(float(low), 0.0))} to {chance(float(high))})."  # type: ignore[arg-type]
    )


def knowledge_words(found: Sequence[str], verdict: Sufficiency) -> list[str]:
    """What is missing, how much the model leans on it, and what would tell most. `found` are labels that are known."""
    lean = f"{verdict.missing_share:.0%}".replace("%", " %")
    usual = (
        f" A usual lead lacks {verdict.usual_share:.0%}.".replace("%", " %")
        if verdict.usual_share is not None
        else ""
    )
    names = verdict.would_help
    listed = " and ".join(f"“{name}”" for name in names)
    words = [
        f"What is missing, unreadable or new to the model carries {lean} of what it tells leads apart by.{usual}"
    ]
    if names:
        words.append(f"{listed} would tell most.")
    if not found:
        words.append(
            "None of the fields the model uses is known: the score says what such leads do on average."
        )
    return words


def value_changes(
    newest: Prediction, before: Prediction, labels: Mapping[str, str]
) -> tuple[list[tuple[str, str, str]], int]:
    """Fields that differ between two scorings: label, old and new value; and how many there are in all."""
    names = [
        name
        for name in sorted(newest.values.keys() | before.values.keys())
        if newest.values.get(name) != before.values.get(name)
    ]
    rows = [
        (
            labels.get(name, name),
            shown(before.values.get(name)) or "not known",
            shown(newest.values.get(name)) or "not known",
        )
        for name in names[:CHANGES_SHOWN]
    ]
    return rows, len(names)
