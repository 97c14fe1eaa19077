"""Models of other tools in the admin: why one does not fit, asking for its adoption, and looking again."""

from __future__ import annotations

import pytest
from django.test import Client

from scoring import registry
from scoring.models import AdoptionRun, ForeignVersion, ModelVersion
from tests.scoring.admin.conftest import Core

pytestmark = pytest.mark.django_db


def test_the_list_says_why_a_model_does_not_fit(core: Core, admin_client: Client) -> None:
    page = admin_client.get("/admin/scoring/foreignversion/").content.decode()
    assert "does not fit" in page
    assert "is held out of the feature set" in page


def test_its_page_sets_each_column_beside_the_feature_set(core: Core, admin_client: Client) -> None:
    page = admin_client.get(f"/admin/scoring/foreignversion/{core.foreign.pk}/change/").content.decode()
    assert "Pages visited, number" in page
    assert "held out: known only after the outcome" in page


def test_an_adoption_needs_a_reason_and_is_asked_for_once(core: Core, admin_client: Client) -> None:
    path = f"/admin/scoring/foreignversion/{core.foreign.pk}/adopt/"
    assert admin_client.post(path, {"reason": ""}).status_code == 400
    assert AdoptionRun.objects.count() == 1
    assert admin_client.post(path, {"reason": "ours", "recalibrate": "on"}).status_code == 302
    run = AdoptionRun.objects.get(source_name="theirs")
    assert (run.reason, run.recalibrate) == ("ours", True)
    again = admin_client.post(path, {"reason": "ours"})
    assert again.status_code == 400
    assert "being adopted already" in again.content.decode()


def test_looking_while_mlflow_is_away_says_so_and_keeps_the_list(
    core: Core, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> list[registry.Foreign]:
        raise registry.RegistryUnavailable("MLflow did not list its models: refused")

    monkeypatch.setattr(registry, "foreign_versions", away)
    page = admin_client.post("/admin/scoring/foreignversion/look/", follow=True).content.decode()
    assert "The list stays as it was" in page
    assert ForeignVersion.objects.count() == 1


def test_a_versions_page_says_where_an_adopted_one_comes_from(core: Core, admin_client: Client) -> None:
    ModelVersion.objects.filter(pk=core.newer.pk).update(
        origin="adopted",
        adoption_run=core.adopting,
        estimator="pipeline",
        source={"name": "other", "version": "2", "flavour": "skops", "digest": "ab", "size": 2048},
    )
    page = admin_client.get(f"/admin/scoring/modelversion/{core.newer.pk}/change/").content.decode()
    assert "Adopted: other version 2, scikit-learn (skops)" in page
    assert "its reasons are not exact" in page
    assert "Learned from 0 leads" not in page
