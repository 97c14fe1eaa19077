"""A simulated business to learn from: a free zone that sells company licences, with a known truth.

stream = simulate(SimulationConfig(seed=1, leads=20_000, end=date(2026, 1, 1)))
write_crm_csv(stream, "leads.csv")
stream.bayes_auc                        # the best ROC-AUC anybody can reach on average
for lead in api_leads(newest(stream, 50)):
    ...                                 # {"external_id": …, "attributes": {…}}

Change it from a day on, and read what was done and what happened:

config = SimulationConfig(seed=1).with_dials(*scenario("broken-field", date(2025, 9, 1)))
stream = simulate(config)
for batch in event_feed(stream):        # created, updated, stage_changed, converted, lost, merged, deleted
    for event in batch.records(): ...
write_truth(stream, "truth")            # per lead, per week, and what was changed when
"""

from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.events import EventBatch
from leadscoring.simulation.export import api_leads, write_crm_csv
from leadscoring.simulation.feed import event_count, event_feed
from leadscoring.simulation.scenarios import SCENARIOS, scenario
from leadscoring.simulation.stream import Stream, newest, simulate
from leadscoring.simulation.truth import change_records, weeks, write_truth

__all__ = [
    "SCENARIOS",
    "EventBatch",
    "SimulationConfig",
    "Stream",
    "api_leads",
    "change_records",
    "event_count",
    "event_feed",
    "newest",
    "scenario",
    "simulate",
    "weeks",
    "write_crm_csv",
    "write_truth",
]
