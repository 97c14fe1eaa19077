"""`model-info`: what serves, and how it was judged."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from scoring.api import docs
from scoring.api.views.base import ApiView, answer_json
from scoring.selectors.versions import model_info
from scoring.services.keys import Scope


class ModelInfoView(ApiView):
    """The open release, its version, features and metrics."""

    scope = Scope.READ

    @docs.model_info
    def get(self, request: Request) -> HttpResponse:
        return answer_json(model_info())
