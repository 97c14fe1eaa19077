"""`Idempotency-Key` on every POST."""

from __future__ import annotations

from datetime import timedelta

import pytest

from leadscoring.common.models import IdempotencyRecord
from scoring.models import Lead, Outcome, Prediction, Release
from scoring.services import keys
from tests.scoring.api.conftest import NOW, Api, lead

pytestmark = pytest.mark.django_db

BODIES = (
    ("score-lead", lead("L-1")),
    ("score-leads", {"leads": [lead("L-1"), {}]}),
    ("outcomes", {"external_id": "known", "outcome": "lost"}),
)


@pytest.fixture(autouse=True)
def _known(db: None) -> None:
    Lead.objects.create(source_system="crm", external_id="known", first_seen=NOW, updated_at=NOW)


def rows() -> tuple[int, int, int]:
    return Lead.objects.count(), Prediction.objects.count(), Outcome.objects.count()


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_the_same_call_again_is_done_once_and_answered_with_the_same_bytes(
    path: str, body: object, api: Api, release: Release
) -> None:
    first = api.post(path, body, Idempotency_Key='"k-1"')
    after = rows()
    again = api.post(path, body, Idempotency_Key='"k-1"')
    assert (again.status, again.raw) == (200, first.raw)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert rows() == after


def test_the_bare_form_and_the_slash_mean_the_same_key(api: Api, release: Release) -> None:
    first = api.post("score-lead", lead(), Idempotency_Key='"k-1"')
    assert api.post("score-lead/", lead(), Idempotency_Key="k-1").raw == first.raw
    assert Prediction.objects.count() == 1


def test_spacing_and_order_of_the_body_do_not_matter(api: Api, release: Release) -> None:
    one = b'{"external_id":"L-1","attributes":{"Budget":1,"Visas wanted":2}}'
    two = b'{ "attributes": {"Visas wanted": 2, "Budget": 1}, "external_id": "L-1" }'
    first = api.post("score-lead", one, Idempotency_Key="k")
    assert api.post("score-lead", two, Idempotency_Key="k").raw == first.raw


def test_the_key_with_another_body_is_refused(api: Api, release: Release) -> None:
    api.post("score-lead", lead(Budget=1), Idempotency_Key="k")
    api.post("score-lead", lead(Budget=2), Idempotency_Key="k").problem(422, "idempotency-key-reused")
    assert Prediction.objects.count() == 1


def test_one_key_on_two_calls_is_two_keys(api: Api, release: Release) -> None:
    api.post("score-lead", lead("known"), Idempotency_Key="k")
    assert (
        api.post("outcomes", {"external_id": "known", "outcome": "lost"}, Idempotency_Key="k").status == 200
    )


def test_another_callers_key_never_gives_away_an_answer(api: Api, release: Release) -> None:
    mine = api.post("score-lead", lead(), Idempotency_Key="k")
    other = keys.create_key(name="o", scopes=["score"], source_system="other", as_of=NOW)
    theirs = Api(other.key).post("score-lead", lead(), Idempotency_Key="k")
    assert theirs.status == 200
    assert theirs.body["prediction_id"] != mine.body["prediction_id"]


@pytest.mark.parametrize(
    "header", ["", '""', '"a', "a,b", '"' + "x" * 256 + '"', "a b", '"é"', '"a", "b"', '"\x00"']
)
def test_an_unusable_key_is_refused_and_nothing_is_done(header: str, api: Api, release: Release) -> None:
    api.post("score-lead", lead(), Idempotency_Key=header).problem(400, "idempotency-key")
    assert not Prediction.objects.exists()


def test_a_refused_call_leaves_no_key(api: Api, release: Release) -> None:
    api.post("score-lead", {"external_id": "L-1"}, Idempotency_Key="k").problem(422, "invalid")
    assert not IdempotencyRecord.objects.exists()
    assert api.post("score-lead", lead(), Idempotency_Key="k").status == 200


def test_a_call_that_failed_leaves_no_key_and_nothing_half_written(
    api: Api, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scoring.api import answers

    with monkeypatch.context() as patch:
        patch.setattr(answers, "scored", lambda answer: 1 / 0)
        api.post("score-lead", lead("L-9"), Idempotency_Key="k").problem(500, "unexpected")
    assert not IdempotencyRecord.objects.exists()
    assert not Lead.objects.filter(external_id="L-9").exists()
    assert not Prediction.objects.exists()
    assert api.post("score-lead", lead("L-9"), Idempotency_Key="k").status == 200


def test_without_a_model_the_lead_is_kept_and_the_key_is_not(api: Api, unreleased: None) -> None:
    api.post("score-lead", lead("L-9"), Idempotency_Key="k").problem(503, "no-model-released")
    assert Lead.objects.get(external_id="L-9").awaiting_score
    assert not IdempotencyRecord.objects.exists()


def test_a_key_ends_after_72_hours(api: Api, release: Release) -> None:
    api.post("score-lead", lead(), Idempotency_Key="k")
    record = IdempotencyRecord.objects.get()
    assert record.expires_at - record.created_at == pytest.approx(
        timedelta(hours=72), abs=timedelta(seconds=5)
    )
