"""Addresses of the REST interface; each answers with and without the trailing slash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path, re_path, register_converter

from scoring.api import views
from scoring.api.pages import DocsView, OpenApiJsonView, OpenApiYamlView
from scoring.api.problems import nothing_here


class AnyText:
    """A path parameter of any characters, slashes and line ends included."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(AnyText, "anytext")

View = Callable[..., HttpResponseBase]


def both(route: str, view: View, name: str, **kwargs: Any) -> list[URLPattern]:
    """The path with the trailing slash, which must be tried first where it ends in any text, and without."""
    return [path(f"{route}/", view, kwargs, name=f"{name}-slash"), path(route, view, name=name)]


v1: list[URLPattern | URLResolver] = [
    *both("score-lead", views.ScoreLeadView.as_view(), "score-lead"),
    *both("score-leads", views.ScoreLeadsView.as_view(), "score-leads"),
    *both("outcomes", views.OutcomesView.as_view(), "outcomes"),
    *both("model-info", views.ModelInfoView.as_view(), "model-info"),
    *both("leads/<anytext:external_id>/scores", views.ScoresView.as_view(), "lead-scores", slash="/"),
    *both("leads/<anytext:external_id>/override", views.OverrideView.as_view(), "lead-override", slash="/"),
    *both("leads/<anytext:external_id>", views.LeadView.as_view(), "lead", slash="/"),
    *both("openapi.json", OpenApiJsonView.as_view(), "openapi-json"),
    *both("openapi.yaml", OpenApiYamlView.as_view(), "openapi-yaml"),
    *both("docs", DocsView.as_view(), "docs"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include((v1, "api"))),
    re_path(r"^api(?:/[\s\S]*)?\Z", nothing_here),
]
