"""The stream: leads as the CRM shows them, their truth beside them, and the best that can be reached."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.arrivals import draw_arrivals
from leadscoring.simulation.breakage import break_cells
from leadscoring.simulation.chances import Truth, draw_truth
from leadscoring.simulation.changes import FollowUp
from leadscoring.simulation.columns import (
    CREATED,
    CREATION_COLUMNS,
    ID,
    creation_cells,
    crm_table,
    lead_ids,
    seen_second,
)
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.dials import second
from leadscoring.simulation.dirt import Cells, time_cells
from leadscoring.simulation.draws import Codes, Flags, Floats, stream
from leadscoring.simulation.duplicates import draw_second_entries
from leadscoring.simulation.fields import blank_out, draw_fields
from leadscoring.simulation.history import History, draw_history
from leadscoring.simulation.measures import best_auc_by, expected_auc, ranking_auc
from leadscoring.simulation.mess import Duplicates
from leadscoring.simulation.outcomes import draw_outcomes
from leadscoring.simulation.people import contact_cells
from leadscoring.simulation.rows import Rows, joined
from leadscoring.simulation.shifts import Acted, draw_absent, draw_shifts


@dataclass(frozen=True, slots=True)
class Stream:
    """A simulated stream.

    leads: all text, as exported (see `columns`); one row per lead in the CRM on `as_of`, oldest first.
    truth: aligned with `leads`: Lead ID, Created, probability (of converting in the end), log_odds,
    converts (drawn outcome, also for leads still open), converted_at (UTC seconds, NaN if never); the same three
    had there been no follow-up (`…_without_follow_up`), effort (-1 to 1); dials (labels of those that acted
    on the lead, in alphabetical order, joined by "; "); person (the Lead ID of the person's first row) and duplicate
    (the row is a second entry: it never converts, its log-odds are NaN, and no measure counts it).
    gone: the truth of leads that were merged away or deleted before `as_of`, with gone_at (UTC seconds)
    and merged_into (a Lead ID, "" for a deletion).
    rows, history: what the event feed is written from, the rows that are gone among them.
    """

    config: SimulationConfig
    leads: pd.DataFrame
    truth: pd.DataFrame
    gone: pd.DataFrame
    rows: Rows
    history: History

    @property
    def bayes_auc(self) -> float:
        """ROC-AUC of the true probabilities against the outcomes: no model does better on average."""
        outcome, probability = counted(self.truth)
        return ranking_auc(outcome, probability)

    @property
    def expected_bayes_auc(self) -> float:
        """The same over endless redraws of the outcomes."""
        return expected_auc(counted(self.truth)[1])

    def bayes_by_month(self) -> pd.DataFrame:
        """Per month of creation: month, leads, conversions, base_rate, bayes_auc, expected_bayes_auc."""
        return best_auc_by(
            "month", self.truth["Created"].str.slice(0, 7).to_numpy(), *counted_rows(self.truth)
        )

    def bayes_by_week(self) -> pd.DataFrame:
        """The same per week of creation, named by its Monday."""
        days = self.truth["Created"].str.slice(0, 10).to_numpy().astype("datetime64[D]").astype(np.int64)
        monday = (days - (days + 3) % 7).astype("datetime64[D]")
        return best_auc_by("week", np.datetime_as_string(monday), *counted_rows(self.truth))


def counted_rows(truth: pd.DataFrame) -> tuple[Flags, Floats, Flags]:
    """Outcome, probability and whether the row counts (no second entry)."""
    return (
        truth["converts"].to_numpy(bool),
        truth["probability"].to_numpy(np.float64),
        ~truth["duplicate"].to_numpy(bool),
    )


def counted(truth: pd.DataFrame) -> tuple[Flags, Floats]:
    """Outcome and probability of the rows that count."""
    outcome, probability, counts = counted_rows(truth)
    return outcome[counts], probability[counts]


def simulate(config: SimulationConfig | None = None) -> Stream:
    """Draw the stream that the config describes; the same config gives the same stream, to the byte.

    With `as_of` before `end`, the leads created from `as_of` on are not in it. Leads of dead sources never are, and
    keep their numbers, so that the others' ids stay the same. Raises ValueError where a policy gives no efforts.
    """
    config = config or SimulationConfig()
    rows, truth, absent, acted = _people(config)
    order = np.lexsort((rows.number, rows.created))
    there = ~absent[rows.person - 1] & (rows.created < min(seen_second(config), second(config.last_day)))
    order = order[there[order]]
    kept = rows.take(order)
    history = draw_history(config, kept)
    labels = [(dial.label, hit[order]) for dial, hit in acted]
    labels += [(dial.label, hit) for dial, hit in history.acted]
    leads = crm_table(config, kept, history)
    table = _truth_table(leads[ID], kept, truth, _labels(kept.size, labels))
    staying = history.gone_at >= seen_second(config)
    gone = table[~staying].reset_index(drop=True)
    gone["gone_at"] = history.gone_at[~staying]
    into = history.into[~staying]
    gone["merged_into"] = np.where(into >= 0, leads[ID].to_numpy(object)[into], "")
    if not staying.all():
        leads, table = leads[staying].reset_index(drop=True), table[staying].reset_index(drop=True)
    return Stream(config=config, leads=leads, truth=table, gone=gone, rows=kept, history=history)


def _people(config: SimulationConfig) -> tuple[Rows, Truth, Flags, Acted]:
    """All rows, second entries behind the first; the truth of persons; who never arrives; which dial acted."""
    seed = config.seed
    created, usual = draw_arrivals(config)
    number = np.arange(1, config.leads + 1, dtype=np.int64)
    arrivals = draw_shifts(config, created, usual, number)
    drawn = draw_fields(stream(seed, "fields"), arrivals.like, arrivals.moves)
    shown = blank_out(stream(seed, "missing"), drawn)
    new = arrivals.source >= len(c.SOURCES)
    shown = replace(
        shown,
        source=np.where(new & (shown.source >= 0), arrivals.source, shown.source),
        campaign=np.where(new, -1, shown.campaign),
    )
    cells = creation_cells(config, shown, created, number) | contact_cells(seed, number, drawn.nationality)
    acted = arrivals.acted + break_cells(config, cells, shown, arrivals.source, created, number)
    truth = draw_truth(config, shown, created, _at_hand(config, cells, created, number))
    outcomes = draw_outcomes(seed, drawn, created, truth.chances)
    rows = Rows(number, number, created, arrivals.source, shown, outcomes, cells)
    absent = draw_absent(config, created, arrivals.source, number)
    acted += truth.acted
    doubled = draw_second_entries(config, rows, drawn) if config.turned(Duplicates) else None
    if doubled is None:
        return rows, truth, absent, acted
    twice, broken = doubled
    none = np.zeros(twice.size, dtype=bool)
    acted = [(dial, np.concatenate([hit, none])) for dial, hit in acted]
    acted += [(dial, np.concatenate([np.zeros(rows.size, dtype=bool), hit])) for dial, hit in broken]
    entered = np.concatenate([np.zeros(rows.size, dtype=bool), ~none])
    acted += [(config.turned(Duplicates)[0], entered)]
    return joined(rows, twice), truth, absent, acted


def _at_hand(
    config: SimulationConfig, cells: dict[str, Cells], created: Floats, number: Codes
) -> pd.DataFrame:
    """The leads at creation, for a policy; without one, nothing is written."""
    if not config.turned(FollowUp):
        return pd.DataFrame()
    table = {ID: lead_ids(created, number)} | {name: cells[name] for name in CREATION_COLUMNS}
    return pd.DataFrame({name: pd.array(column, dtype="str") for name, column in table.items()})


def _labels(size: int, acted: list[tuple[str, Flags]]) -> Cells:
    """(n,) labels of the dials that acted on each row."""
    names = sorted({label for label, _ in acted})
    bits = np.zeros(size, dtype=np.int64)
    for label, hit in acted:
        bits |= hit.astype(np.int64) << names.index(label)
    values, place = np.unique(bits, return_inverse=True)
    words = ["; ".join(name for at, name in enumerate(names) if value >> at & 1) for value in values.tolist()]
    return np.asarray(np.array(words, dtype=object)[place], dtype=object)


def _truth_table(ids: pd.Series[str], rows: Rows, truth: Truth, labels: Cells) -> pd.DataFrame:
    at, outcomes, second_entry = rows.person - 1, rows.outcomes, rows.second
    chances = truth.chances

    def own(values: Floats, otherwise: float) -> Floats:
        return np.where(second_entry, otherwise, values[at])

    names = pd.Series(ids.to_numpy(object), index=rows.number)
    persons = names.reindex(rows.person).to_numpy(object)
    return pd.DataFrame(
        {
            ID: ids,
            CREATED: pd.array(time_cells(rows.created), dtype="str"),
            "probability": own(chances.probability, 0.0),
            "log_odds": own(truth.log_odds, np.nan),
            "converts": outcomes.converts,
            "converted_at": outcomes.converted_at,
            "probability_without_follow_up": own(chances.without_follow_up, 0.0),
            "log_odds_without_follow_up": own(truth.log_odds_without, np.nan),
            "converts_without_follow_up": outcomes.converts_anyway,
            "effort": own(truth.effort, 0.0),
            "dials": pd.array(labels, dtype="str"),
            "person": pd.array(persons, dtype="str"),
            "duplicate": second_entry,
        }
    )


def newest(source: Stream, n: int) -> Stream:
    """The last n leads created (all, if there are fewer), oldest of them first; what is gone stays gone."""
    keep = slice(max(len(source.leads) - max(n, 0), 0), None)
    return replace(
        source,
        leads=source.leads.iloc[keep].reset_index(drop=True),
        truth=source.truth.iloc[keep].reset_index(drop=True),
    )
