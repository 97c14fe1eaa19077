"""Scoring by another tool's pipeline, where it could not be turned into numbers of our own: slower, and said so.

Its reasons are not exact Shapley values. The pipeline is a closed box, so each lead is walked from a reference lead
(the middle value or the most frequent level of each input) to its own values, one input at a time, in one fixed order
and in the reverse of it; an input's contribution is the mean of the two steps it made. The steps of a walk telescope,
so contributions add up to the lead's log-odds minus those of the reference lead. Two orders, each the other's reverse,
are the smallest antithetic sample of the orders that Shapley values average over: R. Mitchell et al. (2022),
"Sampling permutations for Shapley value estimation", JMLR 23(43), §4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scoring.ml.adoption.pipelines import MOST_ROWS, columns_of, served_of
from scoring.ml.calibration import Calibrator
from scoring.ml.compile import RowScore, RowScorer, rank
from scoring.ml.pipeline import Floats
from scoring.ml.schema import FeatureSchema, Value

EDGE = 1e-9
"""Chances of 0 and 1, as forests give them, count as this far from it in log-odds."""
ORDER_SEED = 7


class PipelineScorer(RowScorer):
    """Scores parsed leads by the pipeline that a document carries."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        estimator = document["estimator"]
        self.schema = FeatureSchema.from_json(document["schema"])
        self.kind = "pipeline"
        self._calibrator = Calibrator.from_json(document["calibrator"])
        self._cuts = [float(cut) for cut in document["score_quantiles"]]
        self._pipeline = served_of(estimator)
        self._reference: dict[str, Value] = dict(estimator["reference"])
        names = [item.name for item in self._pipeline.inputs]
        self._features = tuple(sorted(names))
        order = np.random.default_rng(ORDER_SEED).permutation(len(names))
        self._orders = ([names[i] for i in order], [names[i] for i in order[::-1]])
        self._base = float(self._margins([self._reference])[0])

    def score_many(self, leads: Sequence[Mapping[str, Value]]) -> list[RowScore]:
        """Score many leads in order, each with the contributions of its two walks."""
        answers: list[RowScore] = []
        # Each lead costs up to two rows per input, so batches are cut by rows, not by leads.
        size = max(1, MOST_ROWS // (2 * len(self._features) + 1))
        for start in range(0, len(leads), size):
            answers.extend(self._some(leads[start : start + size]))
        return answers

    def _some(self, leads: Sequence[Mapping[str, Value]]) -> list[RowScore]:
        rows: list[Mapping[str, Value]] = list(leads)
        walks = [self._walk(at, lead, order, rows) for at, lead in enumerate(leads) for order in self._orders]
        chances = self._chances(rows)
        margins = log_odds(chances)
        answers = []
        for at, lead_walks in enumerate(zip(walks[::2], walks[1::2], strict=True)):
            parts = dict.fromkeys(self._features, 0.0)
            for walk in lead_walks:
                before = self._base
                for name, row in walk:
                    parts[name] += (float(margins[row]) - before) / len(lead_walks)
                    before = float(margins[row])
            answers.append(self._told(float(chances[at]), float(margins[at]), parts))
        return answers

    def _walk(
        self,
        at: int,
        lead: Mapping[str, Value],
        order: Sequence[str],
        rows: list[Mapping[str, Value]],
    ) -> list[tuple[str, int]]:
        """The inputs in which a lead differs from the reference, each with the row it leads to."""
        changed = [name for name in order if lead.get(name) != self._reference[name]]
        steps: list[tuple[str, int]] = []
        now = dict(self._reference)
        for name in changed[:-1]:
            now[name] = lead.get(name)
            rows.append(dict(now))
            steps.append((name, len(rows) - 1))
        if changed:
            steps.append((changed[-1], at))
        return steps

    def _chances(self, leads: Sequence[Mapping[str, Value]]) -> Floats:
        return self._pipeline.probabilities(columns_of(self._pipeline.inputs, leads), len(leads))

    def _margins(self, leads: Sequence[Mapping[str, Value]]) -> Floats:
        return log_odds(self._chances(leads))

    def _told(self, chance: float, margin: float, parts: dict[str, float]) -> RowScore:
        # A walk of no steps ends at the reference lead; rounding aside the sum is exact.
        base = margin - math.fsum(parts.values())
        probability = self._calibrator.apply_one(chance)
        return RowScore(margin, chance, probability, base, parts, (), rank(self._cuts, probability))


def log_odds(chances: Floats) -> Floats:
    """Log-odds of chances, kept finite."""
    kept = np.clip(chances, EDGE, 1.0 - EDGE)
    result: Floats = np.log(kept) - np.log1p(-kept)
    return result
