"""The lead's page, an override and a merge in a real browser: clicked through, at both widths, in both schemes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings

from scoring.contracts import EventKind
from scoring.models import Lead, LeadMerge, MergeProposal, ScoreOverride
from scoring.services.events import note_event
from tests.factories.evidence import a_report, some_metrics, some_reasons
from tests.factories.people import a_person
from tests.factories.rows import a_feature_set, a_lead, a_prediction, a_release, a_version, an_outcome

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.fixture
def admin(settings: Settings, tmp_path: Path) -> User:
    settings.VAR_DIR = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    return a_person("superuser")


@pytest.fixture
def lead() -> Lead:
    """40 scores by two versions, changes, outcomes, and a possible duplicate; every text is hostile."""
    now = timezone.now()
    features = a_feature_set()
    facts: dict[str, Any] = {"feature_set": features, "metrics": some_metrics(), "report": a_report()}
    releases = [a_release(a_version(**facts)), a_release(a_version(**facts))]
    row = a_lead(attributes={"source": HOSTILE}, score=59, grade="B", scored_at=now, owner=HOSTILE)
    for day in range(40):
        a_prediction(
            row,
            releases[day < 15],
            score=59 - day,
            scored_at=now - timedelta(days=day),
            reasons=some_reasons(HOSTILE),
        )
        note_event(
            row.pk, EventKind.STAGE, by=HOSTILE, as_of=now - timedelta(days=day), was=HOSTILE, now=str(day)
        )
    an_outcome(row, recorded_at=now)
    twin = a_lead("L-2", attributes={"source": "web", "pages": HOSTILE})
    first, second = sorted((row, twin), key=lambda one: one.pk)
    MergeProposal.objects.create(first=first, second=second, same_email=True, same_phone=True, found_at=now)
    return row


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
)
def test_a_rep_overrides_a_score_and_takes_it_back(
    width: int, scheme: str, admin: User, lead: Lead, visit: Any
) -> None:
    shown = visit(admin, width=width, scheme=scheme)
    page = shown.open(f"scoring/lead/{lead.pk}/change/")
    assert shown.overflow() <= 0
    page.click("text=Set another grade")
    page.select_option("[name=grade]", "A")
    page.fill("[name=reason]", HOSTILE)
    page.get_by_role("button", name="Set it").click()
    page.wait_for_selector("text=set by hand")
    assert shown.overflow() <= 0
    page.click("text=End it")
    page.fill("[name=reason]", "wrong lead")
    page.get_by_role("button", name="End it").click()
    page.wait_for_selector("text=Override ended")
    assert ScoreOverride.objects.get().ended_how == "by_hand"
    page.locator("#timeline >> text=Older").click()
    page.wait_for_selector("text=First seen here")
    assert shown.complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_two_leads_are_compared_merged_and_parted_again(
    width: int, scheme: str, admin: User, lead: Lead, visit: Any
) -> None:
    shown = visit(admin, width=width, scheme=scheme)
    page = shown.open(f"scoring/lead/{lead.pk}/change/")
    page.click("text=Compare the two")
    assert shown.overflow() <= 0
    proposal = MergeProposal.objects.get()
    shown.open(f"scoring/mergeproposal/{proposal.pk}/merge/?survivor={lead.pk}")
    assert shown.overflow() <= 0
    page.fill("[name=reason]", "one person")
    page.get_by_role("button", name="Merge into L-1").click()
    page.wait_for_selector("text=Also known as")
    page.click("text=the merge")
    assert shown.overflow() <= 0
    shown.open(f"scoring/leadmerge/{LeadMerge.objects.get().pk}/undo/")
    page.fill("[name=reason]", "brothers")
    page.get_by_role("button", name="Undo the merge").click()
    page.wait_for_selector("text=both leads are as they were before")
    assert Lead.objects.filter(merged_into__isnull=False).count() == 0
    for path in (
        "mergeproposal/",
        "leadmerge/",
        "scoreoverride/",
        "identityscan/search/",
        "mergepolicy/add/",
    ):
        shown.open(f"scoring/{path}")
        assert shown.overflow() <= 0, path
    assert shown.complaints == []
