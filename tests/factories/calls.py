"""Calls of the scoring service as tests make them."""

from __future__ import annotations

from typing import Any

from scoring.contracts import (
    Cause,
    LeadInput,
    Refusal,
    ScoredLead,
)
from scoring.services.scoring import score_lead, score_leads
from tests.factories.rows import NOW, SOURCE
from tests.factories.trained import GOOD


def sent(external_id: str = "L-1", **changes: Any) -> LeadInput:
    return LeadInput(**{"external_id": external_id, "attributes": GOOD, **changes})


def score(lead: LeadInput, **changes: Any) -> ScoredLead:
    return score_lead(lead, **{"source_system": SOURCE, "cause": Cause.API, "as_of": NOW, **changes})


def score_all(*leads: LeadInput) -> list[ScoredLead | Refusal]:
    return score_leads(leads, source_system=SOURCE, cause=Cause.API, as_of=NOW)
