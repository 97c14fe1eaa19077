"""Who may do what: a decision table. A refused cell proves that nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.test import Client

from scoring import store
from scoring.models import (
    AdoptionRun,
    ApiKey,
    FeatureSet,
    GradeBand,
    ImportRun,
    Lead,
    MaturityWindow,
    ModelVersion,
    Regrade,
    Release,
    RescoreRun,
    SavedView,
    TrainingPolicy,
    TrainingRun,
)
from tests.factories.rows import counts
from tests.factories.trained import tiny_document
from tests.scoring.admin.conftest import Core, SignIn

pytestmark = pytest.mark.django_db

REP, ANALYST, APPROVER, OPERATOR, INTEGRATOR = "sales rep", "analyst", "approver", "operator", "integrator"
NOBODY, SUPER = "nobody", "superuser"
EVERYBODY = (REP, ANALYST, APPROVER, OPERATOR, INTEGRATOR, NOBODY, SUPER)
WATCHERS = {ANALYST, APPROVER, OPERATOR, SUPER}


@dataclass(frozen=True)
class Action:
    """A POST, who may send it, and how one sees that it was done."""

    name: str
    path: Callable[[Core], str]
    data: dict[str, Any]
    allowed: frozenset[str]
    done: Callable[[Core], bool]


def _action(
    name: str,
    path: Callable[[Core], str],
    allowed: set[str],
    done: Callable[[Core], bool],
    /,
    **data: Any,
) -> Action:
    return Action(name, path, data, frozenset(allowed | {SUPER}), done)


def served(core: Core, path: str) -> str:
    """The path, once the open release has a model that can score."""
    document = tiny_document()
    ModelVersion.objects.filter(pk=core.serving.pk).update(
        artefact_digest=store.put(document), artefact_size=len(document)
    )
    return path


def running(core: Core) -> RescoreRun:
    """The rescoring, not yet over."""
    RescoreRun.objects.filter(pk=core.rescoring.pk).update(state="running")
    return core.rescoring


ACTIONS = (
    _action(
        "activate a feature set",
        lambda core: f"featureset/{core.draft.pk}/activate/",
        {ANALYST},
        lambda core: FeatureSet.objects.get(pk=core.draft.pk).state == "active",
        reason="columns read",
    ),
    _action(
        "copy a feature set",
        lambda core: f"featureset/{core.active.pk}/copy-to-draft/",
        {ANALYST},
        lambda core: FeatureSet.objects.count() == 3,
    ),
    _action(
        "rename a draft",
        lambda core: f"featureset/{core.draft.pk}/change/",
        {ANALYST},
        lambda core: FeatureSet.objects.get(pk=core.draft.pk).name == "renamed",
        name="renamed",
    ),
    _action(
        "set grade limits",
        lambda core: "gradeband/set-limits/",
        {APPROVER},
        lambda core: GradeBand.objects.get(is_current=True).a == 80,
        a="80",
        b="60",
        c="30",
        reason="fewer A",
        _set="80-60-30",
    ),
    _action(
        "set target shares of the grades",
        lambda core: "gradeband/set-limits/",
        {APPROVER},
        lambda core: GradeBand.objects.get(is_current=True).shares == {"A": 5, "B": 15, "C": 30, "D": 50},
        mode="shares",
        share_a="5",
        share_b="15",
        share_c="30",
        share_d="50",
        reason="a tenth is too many",
        _set="95-80-50",
    ),
    _action(
        "make a key",
        lambda core: "apikey/new-key/",
        {OPERATOR, INTEGRATOR},
        lambda core: ApiKey.objects.filter(name="Form").exists(),
        name="Form",
        source_system="form",
        scopes=["score"],
        expires="365",
        per_minute="10",
    ),
    _action(
        "revoke a key",
        lambda core: f"apikey/{core.key.pk}/revoke/",
        {OPERATOR, INTEGRATOR},
        lambda core: ApiKey.objects.get(pk=core.key.pk).revoked_at is not None,
    ),
    _action(
        "rotate a key",
        lambda core: f"apikey/{core.key.pk}/rotate/",
        {OPERATOR, INTEGRATOR},
        lambda core: ApiKey.objects.count() == 2,
        overlap="7",
    ),
    _action(
        "stop a training run",
        lambda core: f"trainingrun/{core.running.pk}/cancel/",
        {ANALYST, OPERATOR},
        lambda core: TrainingRun.objects.get(pk=core.running.pk).cancel_requested,
    ),
    _action(
        "adopt a model of another tool",
        lambda core: f"foreignversion/{core.foreign.pk}/adopt/",
        {ANALYST},
        lambda core: AdoptionRun.objects.filter(source_name="theirs", state="queued").exists(),
        reason="the team's own",
    ),
    _action(
        "stop an adoption",
        lambda core: f"adoptionrun/{core.adopting.pk}/cancel/",
        {ANALYST, OPERATOR},
        lambda core: AdoptionRun.objects.get(pk=core.adopting.pk).cancel_requested,
    ),
    _action(
        "start an import",
        lambda core: f"importrun/{core.prepared.pk}/start/",
        {ANALYST, INTEGRATOR},
        lambda core: ImportRun.objects.filter(
            pk=core.prepared.pk, step="import", state="queued", reason="new leads"
        ).exists(),
        reason="new leads",
    ),
    _action(
        "stop an import",
        lambda core: f"importrun/{core.importing.pk}/cancel/",
        {ANALYST, OPERATOR, INTEGRATOR},
        lambda core: ImportRun.objects.get(pk=core.importing.pk).cancel_requested,
    ),
    _action(
        "tell the columns of an upload",
        lambda core: f"importrun/{core.prepared.pk}/columns/?outcome=Converted",
        {ANALYST, INTEGRATOR},
        lambda core: ImportRun.objects.filter(pk=core.prepared.pk, step="mapped", state="queued").exists(),
        converted_values=["1"],
        source="new",
        new_source="fair",
    ),
    _action(
        "read an upload another way",
        lambda core: f"importrun/{core.prepared.pk}/file/",
        {ANALYST, INTEGRATOR},
        lambda core: ImportRun.objects.get(pk=core.prepared.pk).step == "uploaded",
        header_row="1",
    ),
    _action(
        "change the training limits",
        lambda core: f"trainingpolicy/{core.policy.pk}/change/",
        {ANALYST},
        lambda core: TrainingPolicy.objects.get().minimum_leads == 500,
        minimum_leads="500",
        minimum_conversions="50",
        horizon_days="90",
    ),
    _action(
        "set a maturity window",
        lambda core: f"maturitywindow/{core.window.pk}/change/",
        {ANALYST},
        lambda core: MaturityWindow.objects.get().set_days == 60,
        set_days="60",
    ),
    _action(
        "change a lead's owner",
        lambda core: f"lead/{core.lead.pk}/change/",
        {REP},
        lambda core: Lead.objects.get(pk=core.lead.pk).owner == "Amal",
        owner="Amal",
        stage="won",
    ),
    _action(
        "have the leads of the list scored again",
        lambda core: served(core, "lead/rescore/?grade=B"),
        {ANALYST, OPERATOR},
        lambda core: RescoreRun.objects.filter(reason="new model", leads_expected=1).exists(),
        reason="new model",
    ),
    _action(
        "stop a rescoring",
        lambda core: f"rescorerun/{running(core).pk}/cancel/",
        {ANALYST, OPERATOR},
        lambda core: RescoreRun.objects.get(pk=core.rescoring.pk).cancel_requested,
    ),
    _action(
        "export leads",
        lambda core: "lead/export/?grade=B",
        {ANALYST, APPROVER},
        lambda core: LogEntry.objects.filter(object_repr="Export of leads").count() == 1,
        columns=["external_id", "score"],
    ),
    _action(
        "save a view",
        lambda core: "lead/save-view/?grade=A",
        {REP, ANALYST, APPROVER, OPERATOR, INTEGRATOR},
        lambda core: SavedView.objects.filter(name="Best", query="grade=A", is_shared=False).exists(),
        name="Best",
    ),
    _action(
        "change somebody else's view",
        lambda core: f"savedview/{core.view.pk}/change/",
        set(),
        lambda core: SavedView.objects.get().name == "Mine now",
        name="Mine now",
    ),
    _action(
        "delete somebody else's view that everybody sees",
        lambda core: f"savedview/{core.view.pk}/delete/",
        {ANALYST, APPROVER},
        lambda core: not SavedView.objects.exists(),
        post="yes",
    ),
)


def state(core: Core) -> tuple[Any, ...]:
    """Everything an action could have touched."""
    tables = (
        FeatureSet,
        GradeBand,
        ImportRun,
        Regrade,
        ApiKey,
        TrainingRun,
        AdoptionRun,
        TrainingPolicy,
        MaturityWindow,
        Lead,
        Release,
        RescoreRun,
        SavedView,
    )
    rows = tuple(tuple(model._default_manager.order_by("pk").values_list()) for model in tables)
    return (counts(), rows, LogEntry.objects.count())


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_it_does_what_the_role_may_and_leaves_all_as_it_was_otherwise(
    action: Action, core: Core, sign_in: SignIn, client: Client
) -> None:
    path = f"/admin/scoring/{action.path(core)}"
    clients = {role: sign_in(role) for role in EVERYBODY}
    before = state(core)
    stranger = client.post(path, action.data)
    assert stranger.status_code == 302
    assert "/admin/login/" in stranger.headers["Location"]
    assert clients[SUPER].get(path, action.data).status_code == 200
    assert state(core) == before, "opening the page changed something"
    for role in EVERYBODY:
        with rolled_back():
            response = clients[role].post(path, action.data)
            if role in action.allowed:
                assert response.status_code in {200, 302}, role
                assert action.done(core), role
            else:
                assert response.status_code == 403, role
                assert state(core) == before, role


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo what happens inside, so that every role meets the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


LISTS: dict[str, set[str]] = {
    "lead": {REP, INTEGRATOR} | WATCHERS,
    "prediction": {REP, INTEGRATOR} | WATCHERS,
    "outcome": {INTEGRATOR} | WATCHERS,
    "featureset": {INTEGRATOR} | WATCHERS,
    "modelversion": WATCHERS,
    "release": WATCHERS,
    "gradeband": WATCHERS,
    "regrade": WATCHERS,
    "readinesssnapshot": WATCHERS,
    "importrun": {INTEGRATOR} | WATCHERS,
    "trainingrun": WATCHERS,
    "foreignversion": WATCHERS,
    "adoptionrun": WATCHERS,
    "rescorerun": WATCHERS,
    "savedview": {REP, INTEGRATOR} | WATCHERS,
    "maturitywindow": WATCHERS,
    "apikey": {OPERATOR, INTEGRATOR, SUPER},
}


@pytest.mark.parametrize("role", EVERYBODY)
def test_it_shows_lists_to_those_who_may_see_them(role: str, sign_in: SignIn) -> None:
    client = sign_in(role)
    for model, allowed in LISTS.items():
        response = client.get(f"/admin/scoring/{model}/")
        assert response.status_code == (200 if role in allowed else 403), model


def test_it_offers_a_sales_rep_leads_and_predictions_and_nothing_else(core: Core, sign_in: SignIn) -> None:
    page = sign_in(REP).get("/admin/").content.decode()
    assert "/admin/scoring/lead/" in page
    assert "/admin/scoring/prediction/" in page
    for model in ("featureset", "modelversion", "release", "apikey", "trainingrun", "importrun"):
        assert f"/admin/scoring/{model}/" not in page
    assert "/admin/auth/user/" not in page


def test_it_lets_nobody_add_or_delete_rows_that_the_program_writes(core: Core, sign_in: SignIn) -> None:
    client = sign_in(SUPER)
    rows = {
        "lead": core.lead,
        "prediction": core.prediction,
        "outcome": core.outcome,
        "release": core.release,
        "modelversion": core.newer,
        "gradeband": core.band,
        "apikey": core.key,
    }
    before = state(core)
    for model, row in rows.items():
        assert client.post(f"/admin/scoring/{model}/add/", {}).status_code == 403, model
        answer = client.post(f"/admin/scoring/{model}/{row.pk}/delete/", {"post": "yes"})
        assert answer.status_code == 403, model
    assert state(core) == before
