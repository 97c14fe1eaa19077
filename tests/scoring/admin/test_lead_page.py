"""The lead's page: why this score, how it moved, what happened, and what is not known."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from scoring.contracts import Cause, EventKind, FeatureSetState, Grade, OutcomeKind, OverrideInput
from scoring.ml.schema import FeatureSpec, Kind
from scoring.models import ImportRun, Lead, LeadEvent, MergeProposal, Prediction
from scoring.services.events import note_event
from scoring.services.merges import merge_leads
from scoring.services.overrides import end_override, set_override
from tests.factories.evidence import a_report, some_metrics, some_reasons
from tests.factories.rows import a_feature_set, a_lead, a_prediction, a_release, a_version, an_outcome
from tests.scoring.admin.conftest import SignIn

pytestmark = pytest.mark.django_db

IMPORTANCE = [
    {"feature": "source", "label": "Source", "share": 0.5},
    {"feature": "pages", "label": "Pages visited", "share": 0.3},
    {"feature": "budget", "label": "Budget given", "share": 0.2},
]


def ago(**span: float) -> datetime:
    return timezone.now() - timedelta(**span)


@pytest.fixture
def scored() -> Lead:
    """A lead with a score of 40 by version 1 forty days ago, and 58 by version 2 now."""
    features = a_feature_set()
    facts = {
        "feature_set": features,
        "metrics": some_metrics(),
        "report": a_report(),
        "importance": IMPORTANCE,
        "training_rows": 2000,
        "training_conversions": 380,
    }
    lead = a_lead(first_seen=ago(days=41), updated_at=ago(days=1))
    first = a_release(a_version(**facts), opened_at=ago(days=50))
    a_prediction(lead, first, score=40, grade="C", scored_at=ago(days=40), values={"source": "web"})
    second = a_release(a_version(**facts), opened_at=ago(days=20))
    a_prediction(
        lead,
        second,
        score=58,
        grade="B",
        scored_at=ago(days=2),
        values={"source": "fair", "pages": 4},
        reasons=some_reasons(),
    )
    Lead.objects.filter(pk=lead.pk).update(
        score=58, grade="B", scored_at=ago(days=2), scored_by=second.champion
    )
    lead.refresh_from_db()
    return lead


def page(client: Client, lead: Lead, query: str = "") -> str:
    response = client.get(f"/admin/scoring/lead/{lead.pk}/change/{query}")
    assert response.status_code == 200
    return re.sub(r"\s+", " ", response.content.decode())


def test_it_says_how_the_score_moved_and_when_the_model_changed(scored: Lead, admin_client: Client) -> None:
    text = page(admin_client, scored)
    assert "Up 18 since the score before, 40 days ago: it was 40 (C)." in text
    assert "Version 1 gave that score: part of the change may be the model." in text
    assert "new model: another version than the score before (1)" in text
    assert "new data (1)" in text


def test_it_sets_the_chance_beside_the_base_rate_and_what_became_of_such_leads(
    scored: Lead, admin_client: Client
) -> None:
    text = page(admin_client, scored)
    assert "about the same as the 19.0 % of all 2,000 leads it learned from" in text
    assert (
        "Of the 40 test leads with the nearest chance, 20.0 % converted (95 % interval 17.0 % to 23.0 %)"
        in text
    )


def test_it_shows_what_changed_between_the_two_last_scores(scored: Lead, admin_client: Client) -> None:
    text = page(admin_client, scored)
    assert "What changed since the score before" in text
    assert '<th scope="row">Source</th><td>web</td><td>fair</td>' in text
    assert '<th scope="row">Pages visited</th><td>not known</td><td>4</td>' in text


def test_it_says_when_not_enough_is_known_and_what_would_tell_most(
    scored: Lead, admin_client: Client
) -> None:
    assert "Not enough is known" not in page(admin_client, scored)
    warnings = [
        {"feature": name, "code": "missing", "value": "", "message": ""} for name in ("source", "pages")
    ]
    a_prediction(scored, score=30, grade="C", scored_at=ago(hours=1), warnings=warnings)
    text = page(admin_client, scored)
    assert "Not enough is known about this lead." in text
    assert "carries 80 % of what it tells leads apart by" in text
    assert "“Source” and “Pages visited” would tell most." in text


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"awaiting_score": True}, "Waiting for a model."), ({}, "Not scored yet.")],
)
def test_a_lead_without_a_score_has_a_face_of_its_own(
    fields: dict[str, Any], words: str, admin_client: Client
) -> None:
    text = page(admin_client, a_lead(**fields))
    assert words in text
    assert "Score history" not in text


def test_the_timeline_tells_everything_newest_first(scored: Lead, admin_client: Client) -> None:
    note_event(scored.pk, EventKind.STAGE, by="API: crm", as_of=ago(days=30), was="new", now="offer")
    note_event(
        scored.pk,
        EventKind.ATTRIBUTES,
        by="file:crm",
        as_of=ago(days=20),
        details={"fields": ["source", "odd"], "count": 5},
    )
    an_outcome(scored, OutcomeKind.LOST, recorded_at=ago(days=9), is_current=False)
    an_outcome(scored, OutcomeKind.CONVERTED, recorded_at=ago(days=8), revenue="1250.00", currency="AED")
    set_override(
        lead_id=scored.pk,
        sent=OverrideInput(Grade.A, None, "met her"),
        by="Amal",
        person=None,
        as_of=ago(days=5),
    )
    end_override(lead_id=scored.pk, reason="wrong lead", by="Amal", person=None, as_of=ago(days=4))
    text = page(admin_client, scored)
    order = [
        "Scored 58, grade B",
        "Override ended: grade A",
        "Set by hand: grade A",
        "Outcome: converted, revenue 1,250.00 AED",
        "Outcome: lost",
        "5 fields changed",
        "Stage: new → offer",
        "Scored 40, grade C",
        "First seen here",
    ]
    told = text[text.index(">Timeline<") :]
    places = [told.index(words) for words in order]
    assert places == sorted(places)
    assert "Source, odd and 3 more" in text
    assert "The machine said score 58, grade B." in text


def test_the_timeline_is_paged_without_losing_or_repeating_anything(
    scored: Lead, admin_client: Client
) -> None:
    for n in range(95):
        note_event(
            scored.pk, EventKind.OWNER, by="x", as_of=ago(hours=2 + n // 3), was="", now=f"owner-{n:03}"
        )
    seen: list[str] = []
    query = ""
    for _ in range(9):
        text = page(admin_client, scored, query)
        seen += re.findall(r"owner-\d{3}", text)
        older = re.search(r'href="(\?[^"]*before=[^"#]*)#timeline">Older', text)
        if older is None:
            break
        query = older[1].replace("&amp;", "&")
    assert sorted(seen) == [f"owner-{n:03}" for n in range(95)]
    assert "First seen here" in text


@pytest.mark.parametrize(
    "before", ["nonsense", "2026-99-99T00:00:00", "2026-01-01", "%00", "9999-12-31T23:59:59Z"]
)
def test_a_page_that_begins_nowhere_is_still_a_page(before: str, scored: Lead, admin_client: Client) -> None:
    assert "Timeline" in page(admin_client, scored, f"?before={before}&scores=no")


def test_the_override_stands_in_front_and_the_machines_score_beside(
    scored: Lead, admin_client: Client
) -> None:
    set_override(
        lead_id=scored.pk,
        sent=OverrideInput(None, 91, "<b>met</b>"),
        by="Amal",
        person=None,
        as_of=ago(days=1),
    )
    text = page(admin_client, scored)
    assert text.index("set by hand") < text.index("What the machine says") < text.index("Up 18 since")
    assert "&lt;b&gt;met&lt;/b&gt;" in text
    listed = admin_client.get("/admin/scoring/lead/").content.decode()
    assert "A by hand" in listed
    Lead.objects.filter(pk=scored.pk).update(score=None)
    assert "set by hand" in page(admin_client, scored)


def test_a_merged_lead_says_who_stands_for_it_and_the_other_shows_both_histories(
    scored: Lead, admin_client: Client
) -> None:
    other = a_lead("L-2", first_seen=ago(days=10))
    a_prediction(other, score=77, grade="A", scored_at=ago(days=9))
    merge_leads(survivor_id=scored.pk, merged_id=other.pk, by=None, reason="one person", as_of=ago(hours=3))
    text = page(admin_client, other)
    assert "This lead was merged into" in text
    assert "one person" in text
    assert 'name="owner"' not in text
    text = page(admin_client, scored)
    assert "Also known as" in text
    assert "Scored 77, grade A" in text
    assert "score of a lead merged into this one (1)" in text
    assert text.count("L-2 was merged into L-1") == 1
    assert "/admin/scoring/lead/?" not in text
    listed = admin_client.get("/admin/scoring/lead/").context["cl"].result_list
    assert [lead.external_id for lead in listed] == ["L-1"]


def test_it_stays_within_its_queries_however_much_there_is(
    scored: Lead, admin_client: Client, sign_in: SignIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    pattern = Prediction.objects.filter(lead=scored).first()
    assert pattern is not None
    fields = {f.attname: getattr(pattern, f.attname) for f in Prediction._meta.fields if f.attname != "id"}
    Prediction.objects.bulk_create(
        Prediction(
            **{**fields, "scored_at": ago(minutes=n), "score": 1 + n % 99, "cause": Cause.RESCORE.value}
        )
        for n in range(1000)
    )
    LeadEvent.objects.bulk_create(
        LeadEvent(lead=scored, kind="stage", happened_at=ago(hours=n), recorded_at=ago(hours=n), now=str(n))
        for n in range(300)
    )
    for n in range(3):
        other = a_lead(f"M-{n}")
        merge_leads(survivor_id=scored.pk, merged_id=other.pk, by=None, reason="same", as_of=ago(hours=1))
    twin = a_lead("T")
    first, second = sorted((scored, twin), key=lambda row: row.pk)
    MergeProposal.objects.create(first=first, second=second, found_at=ago(days=1), same_email=True)
    set_override(
        lead_id=scored.pk, sent=OverrideInput(Grade.A, None, "x"), by="y", person=None, as_of=ago(hours=1)
    )
    with django_assert_max_num_queries(15):
        text = page(admin_client, scored)
    assert "The newest 200 scorings; older ones are in the list of predictions." in text
    with django_assert_max_num_queries(15):
        page(admin_client, scored, "?before=2099-01-01T00:00:00Z")
    for role in ("sales rep", "analyst"):
        client = sign_in(role)
        with django_assert_max_num_queries(15):
            page(client, scored)


FAIR = (
    FeatureSpec(name="booth", label="Booth", kind=Kind.CATEGORY),
    FeatureSpec(name="badge", label="Badge", kind=Kind.CATEGORY),
)


def a_lead_of_another_file(**fields: Any) -> Lead:
    """Imported from a file whose columns a draft reads, while another set is active."""
    draft = a_feature_set(FAIR, state=FeatureSetState.DRAFT, name="fair.xlsx")
    run = ImportRun.objects.create(
        file_name="fair.xlsx", source_system="fair", state="done", feature_set=draft
    )
    return a_lead("F-1", import_run=run, attributes={"booth": "North"}, **fields)


def test_before_a_score_a_lead_is_shown_with_the_columns_of_its_own_file(admin_client: Client) -> None:
    a_feature_set()
    text = page(admin_client, a_lead_of_another_file())
    assert '<th scope="row">Booth</th>' in text
    assert '<td><span class="ls-note">not known</span></td>' in text, "its badge"
    assert "Pages visited" not in text


@pytest.mark.parametrize(
    ("value", "seen"),
    [("13 pages", "13 pages"), ("13", "13 pages"), (13, "13 pages"), ("13 PAGES", "13 PAGES")],
)
def test_a_unit_that_the_value_says_itself_is_not_said_twice(
    value: object, seen: str, scored: Lead, admin_client: Client
) -> None:
    Lead.objects.filter(pk=scored.pk).update(attributes={"pages": value})
    assert re.findall(r">Pages visited</th> <td>([^<]*)", page(admin_client, scored)) == [seen]


def test_a_column_the_leads_file_never_had_is_said_to_be_so(scored: Lead, admin_client: Client) -> None:
    own = a_lead_of_another_file()
    Lead.objects.filter(pk=scored.pk).update(import_run=own.import_run, attributes={"pages": 4})
    text = page(admin_client, scored)
    names = re.findall(
        r'<th scope="row">(Source|Pages visited|Budget given)</th> <td>(?:<span class="ls-note">)?([^<]*)',
        text,
    )
    assert names == [
        ("Pages visited", "4 pages"),
        ("Source", "not in the lead&#x27;s file"),
        ("Budget given", "not in the lead&#x27;s file"),
    ]


def test_owner_and_stage_set_on_the_page_are_noted_with_who_did_it(
    scored: Lead, admin_client: Client
) -> None:
    admin_client.post(f"/admin/scoring/lead/{scored.pk}/change/", {"owner": "Amal", "stage": "won"})
    admin_client.post(f"/admin/scoring/lead/{scored.pk}/change/", {"owner": "Amal", "stage": "won"})
    events = LeadEvent.objects.values_list("kind", "was", "now", "person__username")
    assert sorted(events) == [("owner", "", "Amal", "superuser"), ("stage", "", "won", "superuser")]


def test_a_lead_that_is_none_is_not_found(admin_client: Client) -> None:
    for key in ("nonsense", "00000000-0000-0000-0000-000000000000"):
        assert admin_client.get(f"/admin/scoring/lead/{key}/change/").status_code in {302, 404}
        assert admin_client.get(f"/admin/scoring/lead/{key}/override/").status_code == 404
