"""How far up the ladder these leads carry, and in words what is missing for more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.ml.splits import TrainingError

LEAST_OF_A_CLASS = 10
LEAST_FOR_WEIGHTS = 30
"""Naive Bayes has as many numbers as a regression with a column per level and ranks worse: it serves only below
this, where no penalty can be tuned (`python -m benchmarks.peers.training --sets deals`)."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Leads and conversions at hand, the rungs they allow, whether pairs may be encoded, and why in words."""

    leads: int
    conversions: int
    ladder: tuple[str, ...]
    pairs: bool
    enough: bool
    messages: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "leads": self.leads,
            "conversions": self.conversions,
            "ladder": list(self.ladder),
            "pairs": self.pairs,
            "enough": self.enough,
            "messages": list(self.messages),
        }


def judge_readiness(y: NDArray[np.bool_], *, minimum_leads: int, minimum_conversions: int) -> Readiness:
    """The rungs that outcomes `y` (rows,) allow; raises as `judge_counts` does."""
    return judge_counts(
        len(y), int(y.sum()), minimum_leads=minimum_leads, minimum_conversions=minimum_conversions
    )


def judge_counts(leads: int, conversions: int, *, minimum_leads: int, minimum_conversions: int) -> Readiness:
    """The rungs that so many ripe leads and conversions allow.

    Raises TrainingError when there is nothing to learn from: no leads, one outcome only, or fewer than 10
    leads of one outcome.
    """
    others = leads - conversions
    if leads == 0:
        raise TrainingError("there are no leads to train on; expected leads with a known outcome")
    if conversions == 0:
        raise TrainingError(
            f"none of the {leads:,} leads converted; a model needs leads of both outcomes. "
            "Is the right column named as the outcome, and the right value as converted?"
        )
    if others == 0:
        raise TrainingError(
            f"all {leads:,} leads converted; a model needs leads of both outcomes. "
            "Are lost leads and leads that never answered in the file?"
        )
    fewest, name = min((conversions, "converted"), (others, "did not convert"))
    if fewest < LEAST_OF_A_CLASS:
        raise TrainingError(
            f"only {fewest} of the {leads:,} leads {name}; expected at least {LEAST_OF_A_CLASS} "
            "of each outcome to judge any model"
        )
    if fewest < LEAST_FOR_WEIGHTS:
        rough = (
            f"Only {fewest} leads {name}: below {LEAST_FOR_WEIGHTS} nothing beyond naive Bayes is tried, and "
            "every number about the model is rough."
        )
        return Readiness(leads, conversions, ("prior", "naive_bayes"), False, False, (rough,))
    messages = []
    if leads < minimum_leads:
        messages.append(f"{minimum_leads - leads:,} more leads are needed ({leads:,} of {minimum_leads:,})")
    # The rarer outcome carries the information, whichever it is.
    if fewest < minimum_conversions:
        what = "conversions" if conversions <= others else "leads that did not convert"
        messages.append(
            f"{minimum_conversions - fewest:,} more {what} are needed ({fewest:,} of {minimum_conversions:,})"
        )
    if not messages:
        return Readiness(leads, conversions, ("prior", "logistic", "boosting"), True, True, ())
    words = "For boosted trees and pairs of features " + " and ".join(messages) + "."
    small = "Until then nothing above logistic regression is tried, and the intervals are wide."
    return Readiness(leads, conversions, ("prior", "logistic"), False, False, (words, small))
