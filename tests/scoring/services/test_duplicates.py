"""The search for duplicates: what it finds, what it leaves alone, and that it survives being killed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from leadscoring.common import claims
from scoring.contracts import MergeRefused
from scoring.ml.values import FeatureSpec, Kind
from scoring.models import IdentityScan, Lead, LeadIdentity, MergePolicy, MergeProposal
from scoring.services import duplicates
from scoring.services.duplicates import cancel_scan, request_scan, run_scan
from scoring.services.maintenance import sweep
from scoring.services.merges import merge_leads, merge_safe
from scoring.services.proposals import dismiss
from tests.factories.rows import NOW, a_feature_set, a_lead

pytestmark = pytest.mark.django_db

SPECS = (
    FeatureSpec(name="source", label="Source", kind=Kind.CATEGORY),
    FeatureSpec(name="E-mail", label="E-mail", kind=Kind.IDENTIFIER),
    FeatureSpec(name="Mobile", label="Mobile", kind=Kind.IDENTIFIER),
)


@pytest.fixture(autouse=True)
def _features(settings: Any) -> None:
    settings.CELERY_TASK_ALWAYS_EAGER = False
    a_feature_set(SPECS)
    MergePolicy.objects.create(email_fields=["E-mail"], phone_fields=["Mobile"], country_code="971")


def person(name: str, email: object = None, phone: object = None, **fields: Any) -> Lead:
    known = {"source": "web", "E-mail": email, "Mobile": phone}
    return a_lead(name, attributes={k: v for k, v in known.items() if v is not None}, **fields)


def search(*, full: bool = False, days: float = 0.0) -> IdentityScan:
    at = NOW + timedelta(days=days)
    scan = request_scan(full=full, requested_by=None, as_of=at)
    run_scan(scan.pk, as_of=at)
    scan.refresh_from_db()
    return scan


def found() -> set[tuple[frozenset[str], str, bool, bool]]:
    return {
        (
            frozenset((row.first.external_id, row.second.external_id)),
            row.state,
            row.same_email,
            row.same_phone,
        )
        for row in MergeProposal.objects.select_related("first", "second")
    }


def test_it_proposes_who_shares_an_address_or_a_number_however_written() -> None:
    person("A", "Anna.Lee+ads@gmail.com", "+971 50 812 4467")
    person("B", "annalee@googlemail.com", "0508124467")
    person("C", "other@firm.ae", "00971508124467")
    person("D", "nobody@firm.ae", "050 999 1828")
    scan = search()
    assert scan.state == "done", scan.error
    assert found() == {
        (frozenset("AB"), "open", True, True),
        (frozenset("AC"), "open", False, True),
        (frozenset("BC"), "open", False, True),
    }
    assert (scan.leads_read, scan.proposals_made) == (4, 3)


def test_it_never_matches_on_rubbish_or_on_what_many_share() -> None:
    for n in range(6):
        person(f"M-{n}", "office@firm.ae", "+97142223344")
    for n in range(2):
        person(f"J-{n}", "test@test", "0000000")
    search()
    assert found() == set()


def test_it_stores_no_address_or_number() -> None:
    person("A", "anna.lee@firm.ae", "+971508124467")
    search()
    stored = "".join(LeadIdentity.objects.values_list("digest", flat=True))
    assert len(stored) == 64
    assert "anna" not in stored
    assert "508124467" not in stored


def test_a_dismissed_pair_is_never_proposed_again() -> None:
    person("A", "a.b@firm.ae")
    person("B", "a.b@firm.ae")
    search()
    row = MergeProposal.objects.get()
    dismiss(proposal_id=row.pk, by=None, reason="brothers", as_of=NOW)
    search(full=True, days=1)
    assert {state for _, state, *_ in found()} == {"dismissed"}
    with pytest.raises(MergeRefused, match="decided meanwhile: it is dismissed"):
        dismiss(proposal_id=row.pk, by=None, reason="again", as_of=NOW)


def test_it_reads_only_what_changed_since_the_last_search() -> None:
    person("A", "a.b@firm.ae", updated_at=NOW - timedelta(days=5))
    search()
    person("B", "a.b@firm.ae", updated_at=NOW + timedelta(days=3))
    scan = search(days=4)
    assert (scan.full, scan.leads_read) == (False, 1)
    assert len(found()) == 1


def test_changed_settings_make_it_read_all_again() -> None:
    person("A", None, "0508124467")
    person("B", None, "+49 508124467")
    search()
    assert found() == set()
    MergePolicy.objects.update(country_code="49")
    scan = search(days=30)
    assert (scan.full, scan.leads_read, len(found())) == (True, 2, 1)


def test_a_proposal_that_no_longer_holds_is_closed_and_may_come_back() -> None:
    one = person("A", "a.b@firm.ae")
    person("B", "a.b@firm.ae")
    search()
    Lead.objects.filter(pk=one.pk).update(
        attributes={"E-mail": "c.d@firm.ae"}, updated_at=NOW + timedelta(days=2)
    )
    assert search(days=3).proposals_closed == 1
    assert {state for _, state, *_ in found()} == {"outdated"}
    Lead.objects.filter(pk=one.pk).update(
        attributes={"E-mail": "a.b@firm.ae"}, updated_at=NOW + timedelta(days=4)
    )
    search(days=5)
    assert {state for _, state, *_ in found()} == {"open"}


def test_a_merged_leads_address_leads_to_the_one_that_stands_for_it() -> None:
    one, other = person("A", "a.b@firm.ae"), person("B", "c.d@firm.ae")
    merge_leads(survivor_id=one.pk, merged_id=other.pk, by=None, reason="same", as_of=NOW)
    person("C", "c.d@firm.ae")
    search()
    assert {pair for pair, *_ in found()} == {frozenset("AC")}


def test_it_finds_the_fields_by_what_they_hold() -> None:
    MergePolicy.objects.update(email_fields=[], phone_fields=[])
    for n in range(5):
        person(f"L-{n}", f"p.{n}@firm.ae", f"+971 50 81244{n}{n}")
    assert duplicates.guess_fields() == {"E-mail": "email", "Mobile": "phone"}


def test_it_says_so_when_no_field_identifies_anybody() -> None:
    MergePolicy.objects.update(email_fields=[], phone_fields=[])
    a_lead("A", attributes={"source": "web"})
    scan = search()
    assert (scan.state, "No attribute of the leads" in scan.message) == ("done", True)


def test_a_killed_search_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "BATCH", 2)
    for n in range(7):
        person(f"L-{n}", f"p.{n // 2}@firm.ae")
    scan = request_scan(full=False, requested_by=None, as_of=NOW)
    real, batches = duplicates._replace_identities, []

    def dies(batch: Any, wanted: Any, scan_id: int) -> int:
        batches.append([pk for pk, _ in batch])
        if len(batches) == 3:
            raise KeyboardInterrupt
        return real(batch, wanted, scan_id)

    monkeypatch.setattr(duplicates, "_replace_identities", dies)
    with pytest.raises(KeyboardInterrupt):
        run_scan(scan.pk, as_of=NOW)
    scan.refresh_from_db()
    assert (scan.state, scan.leads_read) == ("running", 4)
    IdentityScan.objects.update(lease_until=NOW - timedelta(days=9999))
    run_scan(scan.pk, as_of=NOW + timedelta(hours=1))
    scan.refresh_from_db()
    assert (scan.state, scan.leads_read, scan.until) == ("done", 7, NOW)
    assert batches[3] == batches[2]
    assert len(found()) == 3


def test_a_search_that_lost_its_claim_writes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    person("A", "a.b@firm.ae")
    scan = request_scan(full=False, requested_by=None, as_of=NOW)
    real = duplicates._replace_identities

    def stolen(batch: Any, wanted: Any, scan_id: int) -> int:
        IdentityScan.objects.update(fence=99)
        return real(batch, wanted, scan_id)

    monkeypatch.setattr(duplicates, "_replace_identities", stolen)
    run_scan(scan.pk, as_of=NOW)
    assert not LeadIdentity.objects.exists()


def test_one_search_at_a_time_and_it_can_be_stopped() -> None:
    scan = request_scan(full=False, requested_by=None, as_of=NOW)
    assert request_scan(full=True, requested_by=None, as_of=NOW) == scan
    assert cancel_scan(scan.pk)
    scan.refresh_from_db()
    assert scan.state == "cancelled"
    assert not cancel_scan(scan.pk)


def test_the_sweep_wakes_a_search_whose_message_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = request_scan(full=False, requested_by=None, as_of=NOW)
    woken: list[tuple[Any, ...]] = []
    monkeypatch.setattr("scoring.services.maintenance.enqueue", lambda *args: woken.append(args))
    sweep(as_of=NOW)
    assert ("scoring.tasks.run_identity_scan", scan.pk) in woken


def test_a_broken_search_is_tried_again_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = request_scan(full=False, requested_by=None, as_of=NOW)

    def breaks(*_: Any, **__: Any) -> int:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(duplicates.proposals, "propose", breaks)
    with pytest.raises(RuntimeError):
        run_scan(scan.pk, as_of=NOW)
    scan.refresh_from_db()
    assert (scan.state, scan.error) == (claims.WorkState.QUEUED, "RuntimeError: the disk is full")


def test_safe_pairs_are_merged_at_once_each_for_itself() -> None:
    for name in ("A", "B"):
        person(name, "a.b@firm.ae", "0508124467")
    for name in ("C", "D", "E"):
        person(name, "c.d@firm.ae", "0508124468")
    person("F", "f.g@firm.ae")
    person("G", "f.g@firm.ae")
    search()
    ids = list(MergeProposal.objects.values_list("pk", flat=True))
    done, refused = merge_safe(proposal_ids=[*ids, 999_999], by=None, reason="same twice", as_of=NOW)
    assert done == 3
    assert Lead.objects.filter(merged_into__isnull=False).count() == 3
    assert {pair for pair, state, *_ in found() if state == "open"} == {frozenset("FG")}
    assert len(refused) <= 1
