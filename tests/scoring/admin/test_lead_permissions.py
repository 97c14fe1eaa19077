"""Who may override, merge, dismiss, undo and search: a decision table. A refused cell proves that nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from scoring.contracts import Grade, OverrideInput
from scoring.models import (
    IdentityScan,
    Lead,
    LeadEvent,
    LeadMerge,
    MergePolicy,
    MergeProposal,
    Outcome,
    ScoreOverride,
)
from scoring.services.merges import merge_leads
from scoring.services.overrides import set_override
from tests.factories.rows import NOW, a_lead, counts
from tests.scoring.admin.conftest import Core, SignIn
from tests.scoring.admin.test_permissions import (
    ANALYST,
    EVERYBODY,
    INTEGRATOR,
    OPERATOR,
    REP,
    SUPER,
    WATCHERS,
    rolled_back,
)

pytestmark = pytest.mark.django_db


@dataclass(slots=True)
class Desk:
    """Leads to decide about: one with an override, one with a possible duplicate, one that was merged."""

    lead: Lead
    twin: Lead
    overridden: Lead
    former: Lead
    proposal: MergeProposal
    merge: LeadMerge
    scan: IdentityScan
    policy: MergePolicy


@pytest.fixture
def desk(core: Core) -> Desk:
    twin, overridden, former = (a_lead(f"T-{n}", first_seen=NOW + timedelta(days=n)) for n in (1, 2, 3))
    set_override(
        lead_id=overridden.pk,
        sent=OverrideInput(Grade.A, None, "knows us"),
        by="Ben",
        person=None,
        as_of=timezone.now(),
    )
    merge = merge_leads(survivor_id=twin.pk, merged_id=former.pk, by=None, reason="same", as_of=NOW)
    first, second = sorted((core.lead, twin), key=lambda row: row.pk)
    return Desk(
        lead=core.lead,
        twin=twin,
        overridden=overridden,
        former=former,
        proposal=MergeProposal.objects.create(
            first=first, second=second, same_email=True, same_phone=True, found_at=NOW
        ),
        merge=merge,
        scan=IdentityScan.objects.create(state="running"),
        policy=MergePolicy.objects.create(),
    )


@dataclass(frozen=True)
class Action:
    """A POST, who may send it, and how one sees that it was done."""

    name: str
    path: Callable[[Desk], str]
    data: Callable[[Desk], dict[str, Any]]
    allowed: frozenset[str]
    done: Callable[[Desk], bool]


MERGERS = frozenset({ANALYST, OPERATOR, SUPER})
REASON = {"reason": "talked to them"}
ACTIONS = (
    Action(
        "set an override",
        lambda desk: f"lead/{desk.lead.pk}/override/",
        lambda _: {"grade": "A", **REASON},
        frozenset({REP, ANALYST, SUPER}),
        lambda desk: ScoreOverride.objects.filter(lead=desk.lead, grade="A").exists(),
    ),
    Action(
        "end an override",
        lambda desk: f"lead/{desk.overridden.pk}/end-override/",
        lambda _: REASON,
        frozenset({REP, ANALYST, SUPER}),
        lambda desk: ScoreOverride.objects.get(lead=desk.overridden).ended_how == "by_hand",
    ),
    Action(
        "merge two leads",
        lambda desk: f"mergeproposal/{desk.proposal.pk}/merge/",
        lambda desk: {"survivor": str(desk.twin.pk), **REASON},
        MERGERS,
        lambda desk: Lead.objects.get(pk=desk.lead.pk).merged_into_id == desk.twin.pk,
    ),
    Action(
        "dismiss a pair",
        lambda desk: f"mergeproposal/{desk.proposal.pk}/dismiss-pair/",
        lambda _: REASON,
        MERGERS,
        lambda desk: MergeProposal.objects.get(pk=desk.proposal.pk).state == "dismissed",
    ),
    Action(
        "merge the safe ones",
        lambda _: "mergeproposal/merge-safe-ones/",
        lambda desk: {"pair": [str(desk.proposal.pk)], **REASON},
        MERGERS,
        lambda desk: MergeProposal.objects.get(pk=desk.proposal.pk).state == "confirmed",
    ),
    Action(
        "undo a merge",
        lambda desk: f"leadmerge/{desk.merge.pk}/undo/",
        lambda _: REASON,
        MERGERS,
        lambda desk: Lead.objects.get(pk=desk.former.pk).merged_into_id is None,
    ),
    Action(
        "search for duplicates",
        lambda _: "identityscan/search/",
        lambda _: {"full": "on"},
        MERGERS,
        lambda desk: LogEntry.objects.filter(object_id=str(desk.scan.pk)).exists(),
    ),
    Action(
        "stop a search",
        lambda desk: f"identityscan/{desk.scan.pk}/cancel/",
        lambda _: {},
        MERGERS,
        lambda desk: IdentityScan.objects.get(pk=desk.scan.pk).cancel_requested,
    ),
    Action(
        "change how duplicates are looked for",
        lambda desk: f"mergepolicy/{desk.policy.pk}/change/",
        lambda _: {"email_fields": "E-mail", "phone_fields": "", "country_code": "971", "most_sharing": "4"},
        MERGERS,
        lambda _: MergePolicy.objects.get().email_fields == ["E-mail"],
    ),
)


def state() -> tuple[Any, ...]:
    """Everything an action could have touched."""
    tables = (ScoreOverride, Lead, LeadEvent, LeadMerge, MergeProposal, IdentityScan, MergePolicy, Outcome)
    rows = tuple(tuple(model._default_manager.order_by("pk").values_list()) for model in tables)
    return (counts(), rows, LogEntry.objects.count())


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_it_does_what_the_role_may_and_leaves_all_as_it_was_otherwise(
    action: Action, desk: Desk, sign_in: SignIn, client: Client
) -> None:
    path, data = f"/admin/scoring/{action.path(desk)}", action.data(desk)
    clients = {role: sign_in(role) for role in EVERYBODY}
    before = state()
    stranger = client.post(path, data)
    assert (stranger.status_code, "/admin/login/" in stranger.headers["Location"]) == (302, True)
    assert clients[SUPER].get(path, data).status_code == 200
    assert state() == before, "opening the page changed something"
    for role in EVERYBODY:
        with rolled_back():
            response = clients[role].post(path, data)
            if role in action.allowed:
                assert response.status_code == 302, (role, response.content[-2000:])
                assert action.done(desk), role
            else:
                assert response.status_code == 403, role
                assert state() == before, role


@pytest.mark.parametrize("action", ACTIONS[:6], ids=lambda action: action.name)
def test_it_asks_for_a_reason(action: Action, desk: Desk, sign_in: SignIn) -> None:
    before = state()
    data = {key: value for key, value in action.data(desk).items() if key != "reason"}
    response = sign_in(SUPER).post(f"/admin/scoring/{action.path(desk)}", data)
    assert response.status_code == 400
    assert "Write why" in response.content.decode()
    assert state() == before


LISTS: dict[str, set[str]] = {
    "scoreoverride": {REP} | WATCHERS,
    "mergeproposal": WATCHERS,
    "leadmerge": WATCHERS,
    "identityscan": WATCHERS,
}


@pytest.mark.parametrize("role", EVERYBODY)
def test_it_shows_lists_to_those_who_may_see_them(role: str, desk: Desk, sign_in: SignIn) -> None:
    client = sign_in(role)
    for model, allowed in LISTS.items():
        response = client.get(f"/admin/scoring/{model}/")
        assert response.status_code == (200 if role in allowed else 403), model


def test_it_lets_nobody_edit_add_or_delete_what_is_a_record(desk: Desk, sign_in: SignIn) -> None:
    client = sign_in(SUPER)
    before = state()
    for model, row in (
        ("scoreoverride", ScoreOverride.objects.get()),
        ("mergeproposal", desk.proposal),
        ("leadmerge", desk.merge),
        ("identityscan", desk.scan),
    ):
        for path in ("add/", f"{row.pk}/delete/", f"{row.pk}/change/"):
            assert client.post(f"/admin/scoring/{model}/{path}", {"post": "yes"}).status_code == 403, model
    assert client.post(f"/admin/scoring/lead/{desk.former.pk}/change/", {"owner": "x"}).status_code == 403
    assert state() == before


def test_a_rep_is_not_shown_what_a_rep_may_not_open(desk: Desk, sign_in: SignIn) -> None:
    page = sign_in(REP).get(f"/admin/scoring/lead/{desk.twin.pk}/change/").content.decode()
    assert "Compare the two" not in page
    assert "/leadmerge/" not in page
    assert f"/admin/scoring/lead/{desk.twin.pk}/override/" in page
    page = sign_in(INTEGRATOR).get(f"/admin/scoring/lead/{desk.twin.pk}/change/").content.decode()
    assert "Set another grade" not in page
