"""`outcomes`: what became of leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from leadscoring.common.errors import Invalid
from scoring.api import answers, docs
from scoring.api.problems import core_document
from scoring.api.reading import read_batch, read_outcome
from scoring.api.views.base import KIBIBYTE, ApiView
from scoring.contracts import OutcomeInput, ScoringError
from scoring.services.keys import Scope
from scoring.services.outcomes import record_outcome


class OutcomesView(ApiView):
    """Records one outcome, or up to 500 of which each answers for itself."""

    scope = Scope.OUTCOMES
    body_limit = 4096 * KIBIBYTE

    @docs.outcomes
    def post(self, request: Request) -> HttpResponse:
        sent = self.body()
        if "outcomes" not in sent:
            outcome = read_outcome(sent)
            return self.once("outcomes", sent, lambda: (200, self._record(outcome), {}))
        items = read_batch(sent, "outcomes")
        return self.once("outcomes", sent, lambda: (200, self._record_all(items), {}), one_service_call=False)

    def _record(self, outcome: OutcomeInput) -> answers.Json:
        done = record_outcome(
            outcome,
            source_system=self.holder.source_system,
            reported_by=f"API key {self.holder.name}"[:255],
            as_of=timezone.now(),
        )
        return answers.recorded(done)

    def _record_all(self, items: list[Any]) -> Mapping[str, object]:
        found = [self._one(index, item) for index, item in enumerate(items)]
        refused = sum(1 for item in found if "problem" in item)
        return {"recorded": len(found) - refused, "refused": refused, "results": found}

    def _one(self, index: int, item: Any) -> answers.Json:
        try:
            outcome = read_outcome(item, ("outcomes", index))
            return answers.item(index, outcome.external_id, result=self._record(outcome))
        except Invalid as error:
            return answers.item(index, answers.claimed_id(item), problem=error.document())
        except ScoringError as error:
            problem = core_document(error.code, error.detail, error.errors)
            return answers.item(index, answers.claimed_id(item), problem=problem)
