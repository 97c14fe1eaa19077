"""A simulated business to learn from: a free zone that sells company licences, with a known truth.

stream = simulate(SimulationConfig(seed=1, leads=20_000, end=date(2026, 1, 1)))
write_crm_csv(stream, "leads.csv")
stream.bayes_auc                        # the best ROC-AUC anybody can reach on average
for lead in api_leads(newest(stream, 50)):
    ...                                 # {"external_id": …, "attributes": {…}}
"""

from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.export import api_leads, write_crm_csv
from leadscoring.simulation.stream import Stream, newest, simulate

__all__ = ["SimulationConfig", "Stream", "api_leads", "newest", "simulate", "write_crm_csv"]
