"""`score-lead` and `score-leads`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from leadscoring.common.errors import Invalid
from scoring.api import answers, docs
from scoring.api.problems import PROBLEM_TYPE, core_document
from scoring.api.reading import read_batch, read_lead
from scoring.api.views.base import KIBIBYTE, ApiView
from scoring.contracts import Cause, LeadInput, NoModelReleased, ScoredLead
from scoring.services.keys import Scope
from scoring.services.scoring import score_lead, score_leads

Outcome = tuple[int, object, Mapping[str, str]]


def no_model(error: NoModelReleased) -> Outcome:
    """The answer while nothing serves. Returned, not raised: the leads just stored must be committed."""
    headers = {"Retry-After": str(error.retry_after_s), "Content-Type": PROBLEM_TYPE}
    return 503, core_document(error.code, error.detail, error.errors), headers


class ScoreLeadView(ApiView):
    """Stores and scores one lead."""

    scope = Scope.SCORE

    @docs.score_lead
    def post(self, request: Request) -> HttpResponse:
        sent = self.body()
        lead = read_lead(sent)

        def act() -> Outcome:
            try:
                answer = score_lead(
                    lead, source_system=self.holder.source_system, cause=Cause.API, as_of=timezone.now()
                )
            except NoModelReleased as error:
                return no_model(error)
            return 200, answers.scored(answer), {}

        return self.once("score-lead", sent, act)


class ScoreLeadsView(ApiView):
    """Stores and scores up to 500 leads; each answers for itself."""

    scope = Scope.SCORE
    body_limit = 4096 * KIBIBYTE

    @docs.score_leads
    def post(self, request: Request) -> HttpResponse:
        sent = self.body()
        items = read_batch(sent, "leads")
        found: list[answers.Json | None] = [None] * len(items)
        leads: dict[int, LeadInput] = {}
        for index, item in enumerate(items):
            try:
                leads[index] = read_lead(item, ("leads", index))
            except Invalid as error:
                found[index] = answers.item(index, answers.claimed_id(item), problem=error.document())

        def act() -> Outcome:
            try:
                done = score_leads(
                    list(leads.values()),
                    source_system=self.holder.source_system,
                    cause=Cause.API,
                    as_of=timezone.now(),
                )
            except NoModelReleased as error:
                return no_model(error)
            for index, answer in zip(leads, done, strict=True):
                found[index] = _item(index, leads[index], answer)
            return 200, _counted(found), {}

        return self.once("score-leads", sent, act)


def _item(index: int, lead: LeadInput, answer: Any) -> answers.Json:
    if isinstance(answer, ScoredLead):
        return answers.item(index, lead.external_id, result=answers.scored(answer))
    return answers.item(index, lead.external_id, problem=answers.refused(answer))


def _counted(found: list[answers.Json | None]) -> answers.Json:
    refused = sum(1 for item in found if item is None or "problem" in item)
    return {"scored": len(found) - refused, "refused": refused, "results": found}
