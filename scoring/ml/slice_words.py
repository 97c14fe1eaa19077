"""What the groups of leads came to, as values and as sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace

from scoring.ml.estimates import Estimate
from scoring.ml.phrases import percent


@dataclass(frozen=True, slots=True)
class Slice:
    """One group of leads. `weak` names what is wrong: "ranking", "calibration", both or nothing.

    `predicted` and `observed` are shares that convert; `elsewhere` is the AUC of all other leads; `promised` the
    AUC expected if the group's probabilities were right. `q_ranking` and `q_calibration` are p-values corrected
    for all tests made (Benjamini-Hochberg), None where not tested. `words` is empty where there is nothing to say.
    """

    features: tuple[str, ...]
    name: str
    n: int
    conversions: int
    predicted: float
    observed: Estimate
    auc: Estimate | None
    elsewhere: float | None
    promised: float | None
    q_ranking: float | None
    q_calibration: float
    weak: tuple[str, ...] = ()
    harder: bool = False
    words: str = ""

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        plain = (
            "name",
            "n",
            "conversions",
            "predicted",
            "elsewhere",
            "promised",
            "q_ranking",
            "q_calibration",
        )
        return {
            **{name: getattr(self, name) for name in (*plain, "harder", "words")},
            "features": list(self.features),
            "observed": self.observed.to_json(),
            "auc": None if self.auc is None else self.auc.to_json(),
            "weak": list(self.weak),
        }


@dataclass(frozen=True, slots=True)
class Slices:
    """All groups looked at: flagged ones first, then harder ones, then the other groups of single features.

    Pairs of features are kept only where they are flagged and their own groups are not. `tested` counts groups,
    `leads` the leads they were cut from.
    """

    slices: tuple[Slice, ...]
    tested: int
    leads: int
    words: str

    @property
    def weak(self) -> tuple[Slice, ...]:
        """The flagged ones, surest first."""
        return tuple(one for one in self.slices if one.weak)

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "words": self.words,
            "tested": self.tested,
            "leads": self.leads,
            "weak": len(self.weak),
            "slices": [one.to_json() for one in self.slices],
        }


def slice_words(one: Slice) -> Slice:
    """The group with its sentence, where it is flagged or harder than the others."""
    if not one.weak and not one.harder:
        return one
    parts = []
    if one.auc is not None and one.elsewhere is not None and ("ranking" in one.weak or one.harder):
        parts.append(
            f"AUC {one.auc.value:.2f} ({one.auc.low:.2f} to {one.auc.high:.2f}) against {one.elsewhere:.2f} elsewhere"
        )
        if "ranking" in one.weak:
            parts.append(f"where its own chances promise {one.promised:.2f}")
    if "calibration" in one.weak:
        parts.append(
            f"predicted {percent(one.predicted)}, converted {percent(one.observed.value)} "
            f"({percent(one.observed.low)} to {percent(one.observed.high)})"
        )
    return replace(one, words=f"{one.name} (n = {one.n:,}): {'; '.join(parts)}.{_advice(one)}")


def _advice(one: Slice) -> str:
    if not one.weak:
        return " No fault of the model: it says that they are much alike; a column that tells them apart would help."
    if one.weak == ("ranking",):
        return " Trust the order of these leads less than that of others."
    high = one.predicted > one.observed.value
    return f" Its chances are too {'high' if high else 'low'} here."


def summary_words(weak: int, tested: int, leads: int) -> str:
    """What came of the search, in one sentence."""
    if tested == 0:
        return (
            f"No group of the {leads:,} leads is large enough to be judged alone: a group needs 100 leads and "
            "20 expected conversions."
        )
    looked = f"{tested:,} groups of {leads:,} leads were looked at, each lead predicted by a model that never met it"
    if weak == 0:
        return f"{looked}: none is ranked worse than promised or converts otherwise than predicted, beyond chance."
    groups = "1 group is" if weak == 1 else f"{weak} groups are"
    return (
        f"{looked}: {groups} ranked worse than promised or converted otherwise than predicted, beyond chance."
    )
