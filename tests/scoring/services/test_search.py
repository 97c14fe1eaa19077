"""Leads found by what people know them by, and the words kept in step with the lead."""

from __future__ import annotations

import pytest
from django.db import connection

from scoring.contracts import FeatureSetState, LeadInput
from scoring.ml.schema import FeatureSpec, Kind
from scoring.models import FeatureSet, Lead, LeadSearch
from scoring.selectors.search import matching_keys, search_leads
from scoring.services.imports.rows import FileLead
from scoring.services.imports.write import write_chunk
from scoring.services.search import add_missing, fill_search, index_leads, out_of_step
from tests.factories.calls import score, sent
from tests.factories.rows import NOW, a_feature_set, a_lead
from tests.factories.trained import GOOD, a_served_release

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

NAMING = tuple(
    FeatureSpec(name=name, label=name, kind=Kind.IDENTIFIER, sensitive=True) for name in ("Name", "E-mail")
)
DESCRIBED = FeatureSpec(name="Source", label="Source", kind=Kind.CATEGORY)
AMAL = {"Name": "Amal Haddad", "E-mail": "Amal.H@Example.com", "Source": "referral"}


def found(text: str) -> set[str]:
    return set(search_leads(Lead.objects.all(), text).values_list("external_id", flat=True))


def indexed(external_id: str, **attributes: str) -> Lead:
    lead = a_lead(external_id, attributes=attributes)
    index_leads([lead], [])
    return lead


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CR-1", {"CR-1", "CR-12"}),
        ("amal", {"CR-1"}),
        ("HADD ama", {"CR-1"}),
        ("amal.h@exam", {"CR-1"}),
        ("zoe mull", {"CR-12"}),
        ("12", {"CR-12"}),
        ("amal muller", set()),
        ("referral", set()),
        ("'; DROP TABLE scoring_lead; --", set()),
        ('" OR words:* "', set()),
        ("\\':* | am", {"CR-1"}),
        ("%", set()),
        ("\x00", {"CR-1", "CR-12"}),
        ("x" * 5000, set()),
    ],
)
def test_it_finds_a_lead_by_the_beginnings_of_its_words(text: str, expected: set[str]) -> None:
    a_feature_set((*NAMING, DESCRIBED))
    indexed("CR-1", **AMAL)
    indexed("CR-12", Name="Zoë Müller", Source="referral")
    assert found(text) == expected


def test_a_scored_lead_is_found_at_once_and_by_its_new_name_only() -> None:
    a_feature_set((*NAMING, DESCRIBED))
    a_served_release()
    score(sent(attributes={**GOOD, **AMAL}, owner="Ben"))
    assert found("amal") == found("ben") == {"L-1"}
    score(sent(attributes={"Name": "Olga Novak"}))
    assert found("olga") == {"L-1"}
    assert found("amal haddad") == set()
    assert LeadSearch.objects.count() == 1


def test_an_imported_lead_is_found_at_once_and_by_its_new_name_only() -> None:
    a_feature_set((*NAMING, DESCRIBED))
    for name in ("Amal", "Olga"):
        row = FileLead(
            number=2, external_id="F-1", attributes={"Name": name}, created=None, owner="", stage="",
            outcome=None, occurred_at=None, revenue=None,
        )  # fmt: skip
        write_chunk(
            [row], source="crm", currency="", run_id=None, reported_by="file:crm", as_of=NOW, dry_run=False
        )
        assert found(name) == {"F-1"}
    assert found("amal") == set()


def test_nothing_is_written_where_the_words_are_the_same() -> None:
    a_feature_set((*NAMING, DESCRIBED))
    lead = indexed("CR-1", **AMAL)
    before = LeadSearch.objects.values_list("id", "words").get()
    lead.attributes["Source"] = "fair"
    index_leads([], [lead])
    assert LeadSearch.objects.values_list("id", "words").get() == before


def test_another_feature_set_brings_the_words_out_of_step_and_filling_brings_them_back() -> None:
    a_feature_set((NAMING[0], DESCRIBED))
    for number in range(5):
        indexed(f"CR-{number}", **AMAL)
    assert found("amal.h@example.com") == set()
    FeatureSet.objects.update(state=FeatureSetState.RETIRED)
    a_feature_set((*NAMING, DESCRIBED))
    assert out_of_step().count() == 5
    assert fill_search(seconds=0, batch=2) == 2, "one batch, then the time is up"
    assert fill_search(batch=2) == 3
    assert fill_search() == 0
    assert len(found("amal.h@example.com")) == 5


def test_leads_without_a_row_of_words_get_one_once() -> None:
    a_lead("OLD-1", owner="Ben")
    indexed("NEW-1")
    assert (add_missing(), add_missing()) == (1, 0)
    fill_search()
    assert found("ben") == {"OLD-1"}


def test_a_lead_that_goes_takes_its_words_along() -> None:
    a_feature_set((*NAMING, DESCRIBED))
    indexed("CR-1", **AMAL).delete()
    assert not LeadSearch.objects.exists()
    indexed("CR-2", Name="Amal Two")
    assert found("amal") == {"CR-2"}


def test_a_list_is_told_of_no_more_keys_than_it_asks_for() -> None:
    for number in range(4):
        indexed(f"CR-{number}")
    assert len(matching_keys("CR", 3) or ()) == 3
    assert matching_keys("nothing", 3) == []
    assert matching_keys(" ", 3) is None
    assert search_leads(Lead.objects.all(), "CR").count() == 4


def test_values_that_are_no_words_do_no_harm() -> None:
    a_feature_set((*NAMING, DESCRIBED))
    a_served_release()
    score(LeadInput(external_id="!!", attributes={"Name": "  \\ ' \" & | : * ", "E-mail": 5}))
    assert found("!!") == {"!!"}
    assert found("5") == {"!!"}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite asks its own index of words")
def test_a_rare_word_among_many_leads_is_read_off_the_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO scoring_lead (id, source_system, external_id, owner, stage, attributes, awaiting_score,"
            " grade, first_seen, updated_at) SELECT gen_random_uuid(), 'crm', 'L-' || n, '', '', '{}', false,"
            " '', now(), now() FROM generate_series(1, 30000) n"
        )
        cursor.execute(
            "INSERT INTO scoring_leadsearch (lead_id, words, layout)"
            " SELECT id, 'amal haddad ' || lower(external_id), 1 FROM scoring_lead"
        )
        cursor.execute("SELECT gin_clean_pending_list('lead_search_words')")
        cursor.execute("ANALYZE scoring_leadsearch")
    plan = LeadSearch.objects.filter(words__has_words=["nobody"]).order_by().values("lead_id")[:10].explain()
    assert "lead_search_words" in plan
    assert len(matching_keys("hadd", 5) or ()) == 5
