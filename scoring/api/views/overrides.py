"""`leads/{external_id}/override`: a rep's word against the machine's score."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from scoring.api import answers, docs
from scoring.api.reading import OverrideCall, read_override
from scoring.api.views.leads import LeadCall
from scoring.selectors.leads import current_override
from scoring.services.keys import Scope
from scoring.services.overrides import end_override, set_override


class OverrideView(LeadCall):
    """Sets an override, or ends the one that holds. Read, the address is that of a lead whose id ends so."""

    @property
    def scope(self) -> Scope:  # type: ignore[override]  # the one call whose methods need different scopes
        """Setting needs `score`; reading a lead needs `read`."""
        return Scope.SCORE if self.request.method == "POST" else Scope.READ

    @docs.unlisted
    def get(self, request: Request, external_id: str, slash: str = "") -> HttpResponse:
        ids = [f"{external_id}/override", *([f"{external_id}/override/"] if slash else [])]
        return self.answer_lead(self.find(*ids))

    @docs.override
    def post(self, request: Request, external_id: str, slash: str = "") -> HttpResponse:
        sent = self.body()
        call = read_override(sent)
        return self.once(
            f"leads/{external_id}/override", sent, lambda: (200, self._act(external_id, call), {})
        )

    def _act(self, external_id: str, call: OverrideCall) -> answers.Json:
        found = self.find(external_id)
        now = timezone.now()
        by = call.by or f"API key {self.holder.name}"
        if call.override is None:
            ended = end_override(lead_id=found.lead.pk, reason=call.reason, by=by, person=None, as_of=now)
            current, changed = None, ended is not None
        else:
            set_override(lead_id=found.lead.pk, sent=call.override, by=by, person=None, as_of=now)
            current, changed = current_override(found.lead.pk, as_of=now), True
        return answers.overridden(external_id, found.lead, current, changed=changed, warnings=found.warnings)
