"""The stream: leads as the CRM shows them, their truth beside them, and the best that can be reached."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadscoring.simulation.arrivals import draw_arrivals
from leadscoring.simulation.columns import CREATED, ID, crm_table, seen_second
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.dirt import time_cells
from leadscoring.simulation.draws import sigmoid, stream
from leadscoring.simulation.fields import blank_out, draw_fields
from leadscoring.simulation.law import build_law
from leadscoring.simulation.measures import expected_auc, ranking_auc
from leadscoring.simulation.outcomes import draw_outcomes


@dataclass(frozen=True, slots=True)
class Stream:
    """A simulated stream.

    leads: all text, as exported (see `columns`); one row per lead, oldest first.
    truth: aligned with `leads`: Lead ID, Created, probability (of converting in the end), log_odds,
    converts (drawn outcome, also for leads still open), converted_at (UTC seconds, NaN if never).
    """

    config: SimulationConfig
    leads: pd.DataFrame
    truth: pd.DataFrame

    @property
    def bayes_auc(self) -> float:
        """ROC-AUC of the true probabilities against the outcomes: no model does better on average."""
        return ranking_auc(
            self.truth["converts"].to_numpy(bool), self.truth["probability"].to_numpy(np.float64)
        )

    @property
    def expected_bayes_auc(self) -> float:
        """The same over endless redraws of the outcomes."""
        return expected_auc(self.truth["probability"].to_numpy(np.float64))

    def bayes_by_month(self) -> pd.DataFrame:
        """Per month of creation: month, leads, conversions, bayes_auc, expected_bayes_auc."""
        rows = []
        for month, part in self.truth.groupby(self.truth["Created"].str.slice(0, 7), sort=True):
            outcome = part["converts"].to_numpy(bool)
            probability = part["probability"].to_numpy(np.float64)
            rows.append(
                {
                    "month": str(month),
                    "leads": len(part),
                    "conversions": int(outcome.sum()),
                    "bayes_auc": ranking_auc(outcome, probability),
                    "expected_bayes_auc": expected_auc(probability),
                }
            )
        return pd.DataFrame(rows)


def simulate(config: SimulationConfig | None = None) -> Stream:
    """Draw the stream that the config describes; the same config gives the same stream, to the byte.

    With `as_of` before `end`, the leads created from `as_of` on are not in it.
    """
    config = config or SimulationConfig()
    created, source = draw_arrivals(config)
    drawn = draw_fields(stream(config.seed, "fields"), source)
    shown = blank_out(stream(config.seed, "missing"), drawn)
    log_odds = build_law(config).log_odds(shown, created)
    probability = sigmoid(log_odds)
    outcomes = draw_outcomes(config.seed, drawn, created, probability)
    leads = crm_table(config, shown, created, outcomes)
    truth = pd.DataFrame(
        {
            ID: leads[ID],
            CREATED: pd.array(time_cells(created), dtype="str"),
            "probability": probability,
            "log_odds": log_odds,
            "converts": outcomes.converts,
            "converted_at": outcomes.converted_at,
        }
    )
    there = created < seen_second(config)
    if not there.all():
        leads, truth = leads[there].reset_index(drop=True), truth[there].reset_index(drop=True)
    return Stream(config=config, leads=leads, truth=truth)


def newest(source: Stream, n: int) -> Stream:
    """The last n leads created (all, if there are fewer), oldest of them first."""
    keep = slice(max(len(source.leads) - max(n, 0), 0), None)
    return replace(
        source,
        leads=source.leads.iloc[keep].reset_index(drop=True),
        truth=source.truth.iloc[keep].reset_index(drop=True),
    )
