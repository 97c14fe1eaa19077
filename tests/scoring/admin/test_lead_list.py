"""The lead list's pages: saved views, what it left out, order, rescoring and export."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from scoring import store
from scoring.admin import lead_search
from scoring.models import Lead, ModelVersion, RescoreRun, SavedView
from scoring.services.search import index_leads
from tests.factories.rows import NOW, a_lead, a_prediction, counts
from tests.factories.trained import tiny_document
from tests.scoring.admin.conftest import Core, SignIn

pytestmark = pytest.mark.django_db
LIST = "/admin/scoring/lead/"


def shown(client: Client, query: str) -> list[str]:
    return [lead.external_id for lead in client.get(f"{LIST}?{query}").context["cl"].result_list]


@pytest.fixture
def able(core: Core) -> Core:
    """The core, with a model that can score."""
    document = tiny_document()
    ModelVersion.objects.filter(pk=core.serving.pk).update(
        artefact_digest=store.put(document), artefact_size=len(document)
    )
    return core


def test_a_rep_saves_the_list_as_it_is_and_opens_with_it(core: Core, sign_in: SignIn) -> None:
    rep = sign_in("sales rep")
    a_lead("other", score=90, grade="A")
    answer = rep.post(
        f"{LIST}save-view/?grade=B&o=-2&p=1&view=all&e=1", {"name": " My  B ", "is_default": "on"}
    )
    view = SavedView.objects.get(name="My B")
    assert (view.query, view.is_default, view.is_shared) == ("grade=B&o=-2", True, False)
    assert answer.headers["Location"] == f"{LIST}?grade=B&o=-2&view={view.pk}"
    opened = rep.get(LIST, follow=True)
    assert opened.redirect_chain == [(f"{LIST}?grade=B&o=-2&view={view.pk}", 302)]
    assert 'aria-current="page"' in opened.content.decode()
    assert shown(rep, "view=all") == ["other", "L-1"]
    assert rep.get(LIST + "?q=L").status_code == 200


def test_only_who_may_share_can_share(core: Core, sign_in: SignIn) -> None:
    for role, shared in (("sales rep", False), ("analyst", True)):
        sign_in(role).post(f"{LIST}save-view/?grade=A", {"name": role, "is_shared": "on"})
        assert SavedView.objects.get(name=role).is_shared is shared


def test_views_of_others_are_seen_only_when_shared(core: Core, sign_in: SignIn) -> None:
    sign_in("analyst").post(f"{LIST}save-view/?grade=A", {"name": "Private"})
    page = sign_in("sales rep").get(f"{LIST}?view=all").content.decode()
    assert "Hot" in page
    assert "Private" not in page
    view = SavedView.objects.get(name="Private")
    assert sign_in("operator").get(f"/admin/scoring/savedview/{view.pk}/change/").status_code in {302, 404}


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "Mine"])
def test_a_view_needs_a_name_of_its_own(name: str, core: Core, sign_in: SignIn) -> None:
    rep = sign_in("sales rep")
    rep.post(f"{LIST}save-view/?grade=A", {"name": "Mine"})
    before = counts()
    assert rep.post(f"{LIST}save-view/?grade=B", {"name": name}).status_code == 400
    assert counts() == before


def test_a_view_is_renamed_made_the_first_and_deleted_by_its_owner(core: Core, sign_in: SignIn) -> None:
    rep = sign_in("sales rep")
    for name in ("One", "Two"):
        rep.post(f"{LIST}save-view/?grade=A", {"name": name, "is_default": "on"})
    one, two = SavedView.objects.get(name="One"), SavedView.objects.get(name="Two")
    assert (one.is_default, two.is_default) == (False, True)
    change = f"/admin/scoring/savedview/{one.pk}/change/"
    assert rep.post(change, {"name": "Two"}).status_code == 200, "the name is taken"
    assert rep.post(change, {"name": "Uno", "is_default": "on", "is_shared": "on"}).status_code == 302
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.name, one.is_default, two.is_default, one.is_shared) == ("Uno", True, False, False)
    assert rep.post(f"/admin/scoring/savedview/{one.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not SavedView.objects.filter(pk=one.pk).exists()


def test_a_worn_out_view_names_what_it_left_out_and_shows_the_rest(core: Core, admin_client: Client) -> None:
    SavedView.objects.filter(pk=core.view.pk).update(query="grade=Z&no_such=1&stage=new")
    answer = admin_client.get(f"{LIST}?grade=Z&no_such=1&stage=new&view={core.view.pk}")
    page = answer.content.decode()
    assert "grade is “Z”; expected one of A, B, C, D" in page
    assert "“no_such” is no filter" in page
    assert [lead.external_id for lead in answer.context["cl"].result_list] == ["L-1"]
    assert "Left out" in admin_client.get("/admin/scoring/savedview/").content.decode()


@pytest.mark.parametrize(
    "query", ["p=x", "p=99999", "o=99", "o=x.-1", "view=x", "e=1", "q=%00", "owner__id=1", "grade=A&grade=B"]
)
def test_no_address_breaks_the_list(query: str, core: Core, admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}?{query}", follow=True).status_code == 200


def test_it_sorts_by_one_column_both_ways_and_unscored_leads_stay_last(
    core: Core, admin_client: Client
) -> None:
    a_lead("hi", owner="Zed", score=99, grade="A", scored_at=NOW)
    a_lead("lo", owner="", score=1, grade="D", scored_at=NOW)
    a_lead("no", owner="Ann")
    columns = admin_client.get(f"{LIST}?view=all").context["cl"].list_display
    score, owner = columns.index("score_shown"), columns.index("owner_shown")
    assert shown(admin_client, "view=all") == ["hi", "L-1", "lo", "no"]
    assert shown(admin_client, f"o={score}")[:3] in (["hi", "L-1", "lo"], ["no", "lo", "L-1"])
    assert shown(admin_client, f"o={owner}") == ["lo", "no", "L-1", "hi"]
    assert shown(admin_client, f"o=-{owner}") == ["hi", "L-1", "no", "lo"]


def test_it_says_when_a_search_finds_more_than_it_shows(
    core: Core, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead_search, "MOST_LISTED", 1)
    lists = (LIST, "/admin/scoring/prediction/", "/admin/scoring/outcome/")
    for address in lists:
        assert "picks from" not in admin_client.get(f"{address}?q=L-1").content.decode()
    a_prediction(a_lead("L-2"), core.release)
    for address in lists:
        page = admin_client.get(f"{address}?q=L-").content.decode()
        assert "The search finds more than 1 leads; the list picks from" in page
        assert "picks from" not in admin_client.get(f"{address}?q=").content.decode()
    rows = admin_client.get("/admin/scoring/prediction/?q=L-").context["cl"].queryset
    assert len({row.lead_id for row in rows}) == 1


def test_it_shows_who_a_lead_is_and_finds_it_so(core: Core, admin_client: Client) -> None:
    core.active.features.filter(name="pages").update(kind="identifier")
    lead = a_lead("X-9", attributes={"pages": "Amal Haddad"})
    index_leads([lead], [])
    assert "Amal Haddad" in admin_client.get(f"{LIST}?view=all").content.decode()
    assert shown(admin_client, "q=hadd") == ["X-9"]


def test_a_changed_owner_is_found_at_once(core: Core, sign_in: SignIn) -> None:
    rep = sign_in("sales rep")
    rep.post(f"{LIST}{core.lead.pk}/change/", {"owner": "Olga", "stage": "won"})
    assert shown(rep, "q=olga") == ["L-1"]


def test_an_operator_has_the_filtered_leads_scored_again(able: Core, sign_in: SignIn) -> None:
    operator = sign_in("operator")
    a_lead("other", grade="A", score=90)
    page = operator.get(f"{LIST}rescore/?grade=B")
    assert page.context["n"] == 1
    assert "version 1" in page.content.decode()
    before = counts()
    assert operator.post(f"{LIST}rescore/?grade=B", {"reason": " "}).status_code == 400
    assert operator.post(f"{LIST}rescore/?grade=Z", {"reason": "x"}).status_code == 400
    assert counts() == before
    answer = operator.post(f"{LIST}rescore/?grade=B", {"reason": "new model"})
    run = RescoreRun.objects.get(reason="new model")
    assert answer.headers["Location"] == f"/admin/scoring/rescorerun/{run.pk}/change/"
    assert (run.filters, run.state, run.leads_expected) == ({"grade": "B"}, "queued", 1)
    assert operator.get(answer.headers["Location"]).status_code == 200


def test_chosen_leads_go_through_the_same_page(able: Core, sign_in: SignIn) -> None:
    operator = sign_in("operator")
    other = a_lead("other")
    page = operator.post(
        f"{LIST}?view=all",
        {"action": "rescore_selected", "index": "0", "_selected_action": [str(other.pk)]},
    )
    assert page.context["n"] == 1
    assert not RescoreRun.objects.filter(state="queued").exists(), "nothing is asked for yet"
    operator.post(f"{LIST}rescore/", {"ids": str(other.pk), "reason": "looked odd"})
    assert RescoreRun.objects.get(reason="looked odd").lead_ids == [str(other.pk)]
    assert operator.post(f"{LIST}rescore/", {"ids": "x';--", "reason": "x"}).status_code == 400


def test_it_says_in_words_that_no_model_serves(core: Core, sign_in: SignIn) -> None:
    page = sign_in("operator").get(f"{LIST}rescore/?grade=B").content.decode()
    assert "No model serves" in page
    assert '<button type="submit" class="ls-button ls-primary">Score' not in page


def test_an_analyst_exports_what_the_list_shows(core: Core, sign_in: SignIn) -> None:
    a_lead("=1+1", owner="Ben")
    analyst = sign_in("analyst")
    assert analyst.get(f"{LIST}export/?owner=Ben").context["n"] == 2
    answer: Any = analyst.post(f"{LIST}export/?owner=Ben", {"columns": ["external_id", "owner"]})
    assert answer.streaming
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [["External id", "Owner"], ["L-1", "Ben"], ["'=1+1", "Ben"]]
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="leads-20')
    entry = LogEntry.objects.get(object_repr="Export of leads")
    assert "owner's name: Ben" in entry.change_message
    assert "external_id, owner" in entry.change_message


def test_an_export_with_a_meaningless_filter_is_refused_not_made_of_all_leads(
    core: Core, sign_in: SignIn
) -> None:
    analyst = sign_in("analyst")
    for query, data in (("grade=Z", {"columns": ["owner"]}), ("", {}), ("", {"columns": ["password"]})):
        answer = analyst.post(f"{LIST}export/?{query}", data)
        assert answer.status_code == 400, query
        assert not answer.streaming
    assert not LogEntry.objects.exists()


def test_mine_is_who_is_signed_in(core: Core, sign_in: SignIn) -> None:
    rep = sign_in("sales rep")
    User.objects.filter(username__startswith="sales").update(first_name="ben")
    assert shown(rep, "whose=mine") == []
    Lead.objects.filter(pk=core.lead.pk).update(owner="ben")
    assert shown(rep, "whose=mine") == ["L-1"]
