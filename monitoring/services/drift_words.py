"""What a check of drift says: in figures with their n, leading with what it does to the scores."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from django.urls import reverse

from monitoring.contracts import Story
from monitoring.models import DriftCheck
from monitoring.selectors.profiles import Watched
from monitoring.stats.changes import Change
from monitoring.stats.comparison import Comparison, Key, Row
from monitoring.stats.drift import Move
from scoring.ml.reference import FeatureProfile
from scoring.models import ModelVersion

SEVERAL = "several fields"


def link(made: DriftCheck) -> str:
    """The page of a check."""
    return _page(made.pk)


@lru_cache(maxsize=8)
def _page(key: int) -> str:
    # Each of the hundreds of stories of a check asks for it.
    return reverse("admin:monitoring_driftcheck_change", args=(key,))


def importance_of(version: ModelVersion, feature: str) -> float:
    """The feature's share in the model, 0 to 1; 1 for the score itself."""
    if not feature:
        return 1.0
    return next((float(row["share"]) for row in version.importance if row["feature"] == feature), 0.0)


def value_of(seen: Watched, segment: Key) -> str:
    """The value that a segment stands for."""
    profile = seen.reference.feature(segment[0])
    return profile.bin_names[segment[1]]


def segment_json(seen: Watched, segment: Key | None) -> dict[str, Any] | None:
    if segment is None:
        return None
    return {
        "feature": segment[0],
        "label": seen.reference.feature(segment[0]).label,
        "value": value_of(seen, segment),
        "bin": segment[1],
    }


def moves_json(profile: FeatureProfile, moves: tuple[Move, ...]) -> list[dict[str, Any]]:
    names = profile.bin_names
    return [{"bin": names[move.bin], "before": move.before, "now": move.now} for move in moves]


def subject(seen: Watched, feature: str, segment: Key | None) -> str:
    """The stable name of a thing that is watched."""
    if segment is None:
        return f"feature={feature}"
    return f"feature={feature} where {segment[0]}={value_of(seen, segment)}"


def cause_of_field(feature: str, broken: set[str]) -> str:
    """Fields that are broken at the same time were most likely broken by one change: one alert for all of them."""
    return SEVERAL if feature in broken and len(broken) > 1 else f"feature={feature}"


def cause(seen: Watched, row: Row, broken: set[str], mixes: dict[str, Row]) -> str:
    """What one alert is about: a watched value that came or went, with all that its leads drag along, or the feature
    itself. `mixes` are the rows of watched features among all leads, by name."""
    if not row.mix or row.feature in broken:
        return cause_of_field(row.feature, broken)
    moves = mixes[row.mix].drift.moves
    if not moves:
        return f"mix of {row.mix}"
    return f"{row.mix}={seen.reference.feature(row.mix).bin_names[moves[0].bin]}"


def share(value: float) -> str:
    """A share as people write it."""
    return f"{value * 100:.1f} %"


def p_words(p: float | None) -> str:
    """A p-value as people write it."""
    return _chance_words("p", p)


def q_words(q: float | None) -> str:
    """A q-value as people write it."""
    return _chance_words("q", q)


def _chance_words(letter: str, value: float | None) -> str:
    if value is None:
        return f"no {letter}-value"
    return f"{letter} < .0001" if value < 1e-4 else f"{letter} = {value:.4f}"


def where(seen: Watched, segment: Key | None) -> str:
    return (
        ""
        if segment is None
        else f" of leads with {seen.reference.feature(segment[0]).label} = {value_of(seen, segment)}"
    )


def probability_words(found: Comparison) -> str:
    """What happened to the scores in all."""
    if found.mean_now is None:
        return "No lead was scored in these seven days."
    text = f"The mean probability went from {share(found.mean_before)} in the reference to {share(found.mean_now)}."
    if found.auc_before is not None and found.auc_now is not None:
        gap = found.auc_now - found.auc_before
        text += (
            f" If the probabilities are right, leads as they come now can be ranked with an AUC of "
            f"{found.auc_now:.3f} ({gap:+.3f})."
        )
    return text


def feature_story(made: DriftCheck, seen: Watched, row: Row, found: Comparison) -> Story:
    """The story of one drifted feature."""
    label = seen.reference.feature(row.feature).label
    drift = row.drift
    moves = "; ".join(
        f"“{one['bin']}” from {share(one['before'])} to {share(one['now'])}"
        for one in moves_json(seen.reference.feature(row.feature), drift.moves)
    )
    psi = "not known" if drift.psi is None else f"{drift.psi:.3f}"
    what = (
        f"{label}{where(seen, row.segment)} changed within the last seven days: {moves or 'no bin moved'}. "
        f"PSI {psi}."
    )
    if drift.shift is not None and abs(drift.shift) >= 0.05:
        what += f" Its mean moved by {drift.shift:+.2f} standard deviations."
    if row.mix and row.mix != row.feature:
        what += f" The changed mix of {seen.reference.feature(row.mix).label} explains most of it."
    sure = (
        f"{drift.n:,} leads against {drift.m:,} in the reference, {p_words(drift.p)}; "
        f"among {found.tests} comparisons {q_words(row.judged.q)}."
    )
    weight = (
        f"{label} carries {share(row.importance)} of the model. "
        if row.importance
        else f"{label} hardly counts in the model. "
    )
    return Story(
        title=_title(label + where(seen, row.segment), row, found),
        what=what,
        sure=sure,
        consequence=weight + probability_words(found),
        next_step=_next_step(row, label),
        link=link(made),
    )


def _title(label: str, row: Row, found: Comparison) -> str:
    if found.mean_now is None:
        return f"{label} changed"
    change = found.mean_now / found.mean_before - 1 if found.mean_before > 0 else 0.0
    if abs(change) >= 0.05 and row.importance >= 0.02:
        way = "higher" if change > 0 else "lower"
        return f"Leads are scored {abs(change) * 100:.0f} % {way} on average since {label} changed"
    if row.importance >= 0.02:
        return f"{label} changed, which carries {share(row.importance)} of the model; the mean score hardly moved"
    return f"{label} changed; scores hardly moved"


def _next_step(row: Row, label: str) -> str:
    if row.mix:
        return (
            "See whether a source was switched off, a campaign started or a form changed. If this is how leads come "
            "from now on, train a new version once enough of them are ripe."
        )
    return (
        f"Ask who sends {label} whether a form, a unit or a list of values changed. If it was a mistake, have it "
        "mended; if it is here to stay, train a new version once enough of these leads are ripe."
    )


def score_story(made: DriftCheck, found: Comparison) -> Story:
    """The story of the scores in all."""
    drift = found.score.drift
    psi = "not known" if drift.psi is None else f"{drift.psi:.3f}"
    change = (
        0.0 if found.mean_now is None or not found.mean_before else found.mean_now / found.mean_before - 1
    )
    way = "higher" if change > 0 else "lower"
    return Story(
        title=f"Leads are scored {abs(change) * 100:.0f} % {way} on average than those the version learned from",
        what=f"The distribution of the probabilities changed: PSI {psi}.",
        sure=f"{drift.n:,} leads against {drift.m:,} in the reference, {p_words(drift.p)}.",
        consequence=probability_words(found),
        next_step="Look at the features that moved most: they say why. If none did, look at the performance page.",
        link=link(made),
    )


def slow_story(
    made: DriftCheck, label: str, feature: str, change: Change, since: datetime, size: float, n: int
) -> Story:
    """The story of a level that changed over weeks."""
    return Story(
        title=f"{label[:1].upper()}{label[1:]} has been at another level since the week of {since:%-d %b %Y}",
        what=f"Its weekly mean went from {change.before:.4g} to {change.after:.4g}, "
        f"{size:.2f} standard deviations of the reference.",
        sure=f"{n:,} leads of the past weeks, {p_words(change.p)} for no change in any week.",
        consequence=(
            f"It carries {share(importance_of(made.version, feature))} of the model."
            if feature
            else probability_change(change)
        ),
        next_step="See what changed in that week. If it is here to stay, train a new version with these leads.",
        link=link(made),
    )


def probability_change(change: Change) -> str:
    return f"Leads are expected to convert in {share(change.after)} of the cases instead of {share(change.before)}."
