"""Every page opens, with nothing in the database and with everything, and shows text as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from scoring.contracts import FeatureSetState
from scoring.models import (
    AdoptionRun,
    FeatureSet,
    ForeignVersion,
    GradeBand,
    IdentityScan,
    ImportRowError,
    ImportRun,
    Lead,
    LeadMerge,
    MaturityWindow,
    MergeProposal,
    Prediction,
    Regrade,
    Release,
    RescoreRun,
    SavedView,
    ScoreOverride,
)
from scoring.services.keys import create_key
from scoring.services.search import index_leads
from tests.factories.evidence import some_reasons
from tests.factories.people import a_person
from tests.factories.rows import (
    NOW,
    a_feature_set,
    a_lead,
    a_prediction,
    a_training_run,
    a_version,
    an_outcome,
)
from tests.scoring.admin.conftest import Core, SignIn

pytestmark = pytest.mark.django_db

LISTS = (
    "lead",
    "prediction",
    "outcome",
    "featureset",
    "modelversion",
    "release",
    "gradeband",
    "regrade",
    "apikey",
    "importrun",
    "trainingrun",
    "foreignversion",
    "adoptionrun",
    "rescorerun",
    "savedview",
    "maturitywindow",
    "scoreoverride",
    "mergeproposal",
    "leadmerge",
    "identityscan",
)
FORMS = (
    "featureset/upload-json/",
    "gradeband/set-limits/",
    "readinesssnapshot/",
    "apikey/new-key/",
    "trainingrun/train/",
    "foreignversion/look/",
    "lead/rescore/",
    "lead/export/",
    "lead/save-view/",
    "trainingpolicy/add/",
    "maturitywindow/add/",
)
ROWS: dict[str, Callable[[Core], str]] = {
    "lead": lambda core: f"lead/{core.lead.pk}/change/",
    "prediction": lambda core: f"prediction/{core.prediction.pk}/change/",
    "outcome": lambda core: f"outcome/{core.outcome.pk}/change/",
    "active feature set": lambda core: f"featureset/{core.active.pk}/change/",
    "draft": lambda core: f"featureset/{core.draft.pk}/change/",
    "draft, editing": lambda core: f"featureset/{core.draft.pk}/edit-features/",
    "draft, activating": lambda core: f"featureset/{core.draft.pk}/activate/",
    "feature set as JSON": lambda core: f"featureset/{core.active.pk}/view-json/",
    "version that serves": lambda core: f"modelversion/{core.serving.pk}/change/",
    "version": lambda core: f"modelversion/{core.newer.pk}/change/",
    "version, activating": lambda core: f"modelversion/{core.newer.pk}/activate/",
    "release": lambda core: f"release/{core.release.pk}/change/",
    "grade limits": lambda core: f"gradeband/{core.band.pk}/change/",
    "regrade": lambda core: f"regrade/{core.regrade.pk}/change/",
    "readiness": lambda core: "readinesssnapshot/",
    "key": lambda core: f"apikey/{core.key.pk}/change/",
    "key, rotating": lambda core: f"apikey/{core.key.pk}/rotate/",
    "key, revoking": lambda core: f"apikey/{core.key.pk}/revoke/",
    "import": lambda core: f"importrun/{core.imported.pk}/change/",
    "model of another tool": lambda core: f"foreignversion/{core.foreign.pk}/change/",
    "model of another tool, adopting": lambda core: f"foreignversion/{core.foreign.pk}/adopt/",
    "adoption": lambda core: f"adoptionrun/{core.adopting.pk}/change/",
    "adoption, cancelling": lambda core: f"adoptionrun/{core.adopting.pk}/cancel/",
    "training": lambda core: f"trainingrun/{core.running.pk}/change/",
    "training, cancelling": lambda core: f"trainingrun/{core.running.pk}/cancel/",
    "rescoring": lambda core: f"rescorerun/{core.rescoring.pk}/change/",
    "saved view": lambda core: f"savedview/{core.view.pk}/change/",
    "limits": lambda core: f"trainingpolicy/{core.policy.pk}/change/",
    "window": lambda core: f"maturitywindow/{core.window.pk}/change/",
}


def read(client: Client, path: str) -> str:
    """A page that opens and brings no script of its own: the content security policy would refuse it."""
    response = client.get(f"/admin/{path}")
    assert response.status_code == 200, path
    page = response.content.decode()
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(?!\s*</script>)", page), path
    assert not re.findall(r"\son(click|load|error|submit)=", page), path
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page), path
    return page


def test_it_opens_every_page_on_an_empty_install(admin_client: Client) -> None:
    for path in ("", *(f"scoring/{name}/" for name in LISTS), *(f"scoring/{form}" for form in FORMS)):
        read(admin_client, path)


def test_it_opens_every_list_when_there_are_rows(core: Core, admin_client: Client) -> None:
    more_of_everything(core, 0, 1)
    for name in LISTS:
        assert "Nothing here yet" not in read(admin_client, f"scoring/{name}/"), name


def test_it_opens_the_page_of_every_row(core: Core, admin_client: Client) -> None:
    for row in ROWS.values():
        read(admin_client, f"scoring/{row(core)}")


def test_it_answers_404_or_leads_back_for_a_row_that_is_not_there(admin_client: Client) -> None:
    for name in LISTS:
        assert admin_client.get(f"/admin/scoring/{name}/999999/change/").status_code in {302, 404}, name
    for path in (
        "modelversion/9/activate",
        "apikey/9/revoke",
        "featureset/x/activate",
        "trainingrun/9/progress",
    ):
        assert admin_client.get(f"/admin/scoring/{path}/").status_code == 404, path


HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


def test_it_shows_hostile_text_as_text(core: Core, admin_client: Client) -> None:
    lead = a_lead(
        HOSTILE[:200],
        attributes={"source": HOSTILE, HOSTILE: HOSTILE},
        owner=HOSTILE,
        stage=HOSTILE,
        score=60,
        grade="B",
        scored_at=NOW,
    )
    prediction = a_prediction(
        lead,
        reasons=some_reasons(HOSTILE),
        warnings=[{"feature": "source", "code": "unseen", "value": HOSTILE, "message": HOSTILE}],
    )
    run = ImportRun.objects.create(file_name=HOSTILE, source_system="crm", error=HOSTILE, state="failed")
    ImportRowError.objects.create(import_run=run, row_number=1, value=HOSTILE, expected=HOSTILE)
    core.draft.features.update(label=HOSTILE[:200], exclusion_reason=HOSTILE, missing_tokens=[HOSTILE])
    FeatureSet.objects.filter(pk=core.draft.pk).update(notes=[HOSTILE], name=HOSTILE[:200])
    for path in (
        "",
        "scoring/lead/",
        f"scoring/lead/{lead.pk}/change/",
        "scoring/prediction/",
        f"scoring/prediction/{prediction.pk}/change/",
        f"scoring/importrun/{run.pk}/change/",
        f"scoring/featureset/{core.draft.pk}/change/",
        f"scoring/featureset/{core.draft.pk}/edit-features/",
        f"scoring/featureset/{core.draft.pk}/activate/",
        f"scoring/featureset/{core.draft.pk}/view-json/",
    ):
        page = admin_client.get(f"/admin/{path}").content.decode()
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path


def more_of_leads_and_models(core: Core, lead: Lead, someone: User, number: int) -> None:
    """Rows of overrides, duplicates, merges and of models of other tools."""
    by_hand = {
        "grade": "A",
        "reason": "r",
        "set_by": "rep",
        "person": someone,
        "expires_at": NOW + timedelta(days=1),
    }
    ScoreOverride.objects.create(lead=lead, set_at=NOW, ended_at=NOW, **by_hand)
    other = a_lead(f"M-{number}")
    first, second = sorted((lead, other), key=lambda one: one.pk)
    proposal = MergeProposal.objects.create(
        first=first, second=second, same_email=True, found_at=NOW, decided_by=someone
    )
    LeadMerge.objects.create(
        survivor=lead, merged=other, proposal=proposal, reason="r", merged_by=someone, merged_at=NOW,
        before={}, after={}, undone_at=NOW,
    )  # fmt: skip
    IdentityScan.objects.create(state="done", requested_by=someone)
    ForeignVersion.objects.create(
        name=f"theirs {number}", version="1", flavour="lightgbm", inputs=[], output="double",
        registered_at=NOW, seen_at=NOW,
    )  # fmt: skip
    AdoptionRun.objects.create(
        source_name=f"theirs {number}", source_version="1", feature_set=core.active, state="done"
    )


def more_of_everything(core: Core, first: int, last: int) -> None:
    """Rows for every list, each with what its columns show."""
    index = []
    for number in range(first, last):
        lead = a_lead(f"N-{number}", score=number + 1, grade="C", scored_at=NOW, scored_by=core.serving)
        index.append(lead)
        a_prediction(lead, core.release)
        an_outcome(lead)
        someone = a_person("nobody", name=f"n{number}")
        ImportRun.objects.create(
            file_name=f"{number}.csv", source_system="crm", requested_by=someone, state="done"
        )
        RescoreRun.objects.create(reason="r", requested_by=someone)
        SavedView.objects.create(
            name=f"V{number}", owner=someone, query="grade=A&version=1", is_shared=True, created_at=NOW,
            updated_at=NOW,
        )  # fmt: skip
        run = a_training_run(feature_set=core.active, requested_by=someone)
        version = a_version(feature_set=core.active, training_run=run)
        Release.objects.create(
            champion=version, is_open=False, opened_at=NOW, closed_at=NOW, opened_by=someone, reason="r"
        )
        band = GradeBand.objects.create(set_at=NOW, set_by=someone, reason="r", is_current=False)
        Regrade.objects.create(grade_band=band, state="done")
        more_of_leads_and_models(core, lead, someone, number)
        a_feature_set(state=FeatureSetState.RETIRED)
        MaturityWindow.objects.create(source_system=f"s{number}", set_days=3)
        create_key(name=f"K{number}", scopes=["score"], source_system="crm", as_of=NOW, by=someone)
    index_leads(index, [])


def test_every_list_asks_as_often_for_fifty_rows_as_for_two(core: Core, admin_client: Client) -> None:
    asked: dict[int, dict[str, int]] = {}
    rows = 0
    for last in (2, 50):
        more_of_everything(core, rows, last)
        rows = last
        asked[last] = {}
        for name in LISTS:
            admin_client.get(f"/admin/scoring/{name}/")
            with CaptureQueriesContext(connection) as captured:
                page = admin_client.get(f"/admin/scoring/{name}/").content.decode()
            asked[last][name] = len(captured)
            assert page.count("<tbody") >= last, name
    assert asked[2] == asked[50]
    assert max(asked[50].values()) <= 15, asked


def test_it_draws_the_dashboard_with_a_bounded_number_of_queries(core: Core, admin_client: Client) -> None:
    more_of_everything(core, 0, 50)
    with CaptureQueriesContext(connection) as captured:
        admin_client.get("/admin/")
    assert len(captured) <= 20


def test_it_counts_no_further_than_the_bound(
    core: Core, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leadscoring.common.admin.base import BoundedPaginator

    monkeypatch.setattr(BoundedPaginator, "most", 3)
    for number in range(5):
        a_lead(f"M-{number}")
    response = admin_client.get("/admin/scoring/lead/")
    assert response.context["cl"].result_count == 3
    assert "There are more than 3 rows" in response.content.decode()


LEADS_FOUND: dict[str, set[str]] = {
    "?q=L-1": {"L-1"},
    "?q=nothing": set(),
    "?q=be": {"L-1"},
    "?q=%00": {"L-1", "W-1"},
    "?grade=B": {"L-1"},
    "?outcome=lost": {"L-1"},
    "?outcome=open": {"W-1"},
    "?outcome=converted": set(),
    "?scored=waiting": {"W-1"},
    "?scored=yes": {"L-1"},
    "?owner=Be": {"L-1"},
    "?owner=%00": {"L-1", "W-1"},
    "?stage=x": set(),
    "?grade=": {"L-1", "W-1"},
    "?source=crm": {"L-1", "W-1"},
}


def test_it_finds_leads_by_what_people_know(core: Core, admin_client: Client) -> None:
    index_leads([core.lead, a_lead("W-1", awaiting_score=True)], [])
    for query, expected in LEADS_FOUND.items():
        found = admin_client.get(f"/admin/scoring/lead/{query}").context["cl"].queryset
        assert set(found.values_list("external_id", flat=True)) == expected, query


PREDICTIONS_FOUND: dict[str, int] = {
    "?role=champion": 3,
    "?role=shadow": 0,
    "?cause=api": 3,
    "?grade=A": 0,
    "?q=L-1": 3,
    "?q=other": 0,
    "?version=nonsense": 0,
    "?version=99999999999999999999": 0,
    "?scored_at_from=2026-06-02": 2,
    "?scored_at_to=2026-06-02": 2,
    "?scored_at_from=2026-06-02&scored_at_to=2026-06-02": 1,
    "?scored_at_from=yesterday": 3,
    "?scored_at_to=9999-12-31": 3,
}


def test_it_finds_predictions(core: Core, admin_client: Client) -> None:
    for query, expected in PREDICTIONS_FOUND.items():
        found = admin_client.get(f"/admin/scoring/prediction/{query}").context["cl"].result_count
        assert found == expected, query


def test_it_orders_leads_by_score_with_unscored_ones_last(core: Core, admin_client: Client) -> None:
    a_lead("W-1", awaiting_score=True)
    a_lead("T-1", score=90, grade="A")
    rows = admin_client.get("/admin/scoring/lead/").context["cl"].result_list
    assert [lead.external_id for lead in rows] == ["T-1", "L-1", "W-1"]


def test_it_says_why_a_lead_has_its_score(core: Core, admin_client: Client) -> None:
    page = admin_client.get(f"/admin/scoring/lead/{core.lead.pk}/change/").content.decode()
    assert "Source: web · raises the chance" in page
    assert "+0.60" in page
    assert "−0.25" in page
    assert "Score over time" in page
    assert "3 scorings" in page
    assert "Pages visited" in page


def test_it_keeps_the_score_that_arrived_while_the_page_was_open(core: Core, admin_client: Client) -> None:
    path = f"/admin/scoring/lead/{core.lead.pk}/change/"
    admin_client.get(path)
    Lead.objects.filter(pk=core.lead.pk).update(score=91)
    admin_client.post(path, {"owner": "Amal", "stage": "won", "score": "1"})
    lead = Lead.objects.get(pk=core.lead.pk)
    assert (lead.owner, lead.stage, lead.score) == ("Amal", "won", 91)


def test_it_shows_a_version_with_an_empty_report(core: Core, admin_client: Client) -> None:
    type(core.newer).objects.filter(pk=core.newer.pk).update(metrics={}, report={}, importance=[])
    for path in ("change", "activate"):
        assert admin_client.get(f"/admin/scoring/modelversion/{core.newer.pk}/{path}/").status_code == 200


def test_it_shows_each_metric_with_interval_and_n(core: Core, admin_client: Client) -> None:
    page = admin_client.get(f"/admin/scoring/modelversion/{core.newer.pk}/change/").content.decode()
    assert "0.780" in page
    assert "0.760 to 0.800" in page
    assert "n = 400" in page
    assert "Random splits flatter." in page
    assert "200 more leads are needed" in page


def test_it_reports_progress_as_json(core: Core, admin_client: Client) -> None:
    answer = admin_client.get(f"/admin/scoring/trainingrun/{core.running.pk}/progress/").json()
    assert answer == {"progress": 0.4, "message": "", "state_words": "Running.", "ended": False}


def test_it_shows_progress_only_to_those_who_may_see_the_run(core: Core, sign_in: SignIn) -> None:
    assert (
        sign_in("sales rep").get(f"/admin/scoring/trainingrun/{core.running.pk}/progress/").status_code == 403
    )


def test_it_never_changes_a_prediction(core: Core, admin_client: Client) -> None:
    before = Prediction.objects.values().get(pk=core.prediction.pk)
    response = admin_client.post(f"/admin/scoring/prediction/{core.prediction.pk}/change/", {"score": "1"})
    assert response.status_code == 403
    assert Prediction.objects.values().get(pk=core.prediction.pk) == before
