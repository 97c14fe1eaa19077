"""The calls: each reads, makes one service call, and writes the answer."""

from scoring.api.views.leads import LeadView, ScoresView
from scoring.api.views.models import ModelInfoView
from scoring.api.views.outcomes import OutcomesView
from scoring.api.views.overrides import OverrideView
from scoring.api.views.scoring import ScoreLeadsView, ScoreLeadView

__all__ = [
    "LeadView",
    "ModelInfoView",
    "OutcomesView",
    "OverrideView",
    "ScoreLeadView",
    "ScoreLeadsView",
    "ScoresView",
]
