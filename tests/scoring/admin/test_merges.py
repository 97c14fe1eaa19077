"""The page of a possible duplicate: decided once, and read only from then on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from scoring.models import Lead, LeadMerge, MergeProposal
from scoring.services.merges import merge_leads, undo_merge
from scoring.services.proposals import dismiss
from tests.factories.rows import NOW, a_lead
from tests.scoring.admin.conftest import SignIn
from tests.scoring.admin.test_permissions import SUPER

pytestmark = pytest.mark.django_db

PAIRS = "/admin/scoring/mergeproposal"
REASON = {"reason": "talked to them"}


@pytest.fixture
def proposal() -> MergeProposal:
    first, second = sorted((a_lead("T-1"), a_lead("T-2")), key=lambda row: row.pk)
    return MergeProposal.objects.create(first=first, second=second, same_email=True, found_at=NOW)


@pytest.fixture
def client(sign_in: SignIn) -> Client:
    return sign_in(SUPER)


def merge(row: MergeProposal) -> LeadMerge:
    return merge_leads(
        survivor_id=row.first_id,
        merged_id=row.second_id,
        by=None,
        reason="one person",
        as_of=NOW,
        proposal_id=row.pk,
    )


def keep_apart(row: MergeProposal) -> None:
    dismiss(proposal_id=row.pk, by=None, reason="two people", as_of=NOW)


def merged_and_undone(row: MergeProposal) -> None:
    undo_merge(merge_id=merge(row).pk, by=None, reason="two people", as_of=NOW + timedelta(hours=1))


DECISIONS = {"confirmed": merge, "dismissed": keep_apart, "dismissed by the undo": merged_and_undone}


def decision_links(page: str, row: MergeProposal) -> list[str]:
    return [name for name in ("merge", "dismiss-pair") if f"{PAIRS}/{row.pk}/{name}/" in page]


def test_an_open_pair_offers_both_decisions(proposal: MergeProposal, client: Client) -> None:
    page = client.get(f"{PAIRS}/{proposal.pk}/change/").content.decode()
    assert decision_links(page, proposal) == ["merge", "dismiss-pair"]


@pytest.mark.parametrize("decided", DECISIONS)
def test_a_decided_pair_offers_none(decided: str, proposal: MergeProposal, client: Client) -> None:
    DECISIONS[decided](proposal)
    response = client.get(f"{PAIRS}/{proposal.pk}/change/")
    assert response.status_code == 200
    page = response.content.decode()
    assert decision_links(page, proposal) == []
    assert "stand instead" not in page


@pytest.mark.parametrize("decided", DECISIONS)
@pytest.mark.parametrize("name", ["merge", "dismiss-pair"])
def test_the_pages_of_its_decisions_say_so_and_change_nothing(
    name: str, decided: str, proposal: MergeProposal, client: Client
) -> None:
    DECISIONS[decided](proposal)
    before = list(MergeProposal.objects.values()), list(Lead.objects.order_by("pk").values())
    for response in (
        client.get(f"{PAIRS}/{proposal.pk}/{name}/"),
        client.post(f"{PAIRS}/{proposal.pk}/{name}/", {"survivor": str(proposal.first_id), **REASON}),
    ):
        assert response.status_code == 302
        assert response["Location"] == f"{PAIRS}/{proposal.pk}/change/"
        said = [str(message) for message in get_messages(response.wsgi_request)]
        assert (
            said[-1]
            == f"This pair was decided already: it is {decided.split(maxsplit=1)[0]}. Nothing was changed."
        )
    assert (list(MergeProposal.objects.values()), list(Lead.objects.order_by("pk").values())) == before


def test_an_undone_merge_offers_no_undo(proposal: MergeProposal, client: Client) -> None:
    row = merge(proposal)
    address = f"/admin/scoring/leadmerge/{row.pk}"
    assert f"{address}/undo/" in client.get(f"{address}/change/").content.decode()
    undo_merge(merge_id=row.pk, by=None, reason="two people", as_of=NOW + timedelta(hours=1))
    assert f"{address}/undo/" not in client.get(f"{address}/change/").content.decode()


def test_an_address_that_names_no_pair_is_no_fault(client: Client) -> None:
    assert client.get(f"{PAIRS}/abc/change/").status_code == 302
    assert client.get(f"{PAIRS}/abc/merge/").status_code == 404
