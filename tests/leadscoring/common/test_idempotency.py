from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from leadscoring.common import idempotency
from leadscoring.common.errors import InFlight
from leadscoring.common.idempotency import Answer, BadKey, KeyReused
from leadscoring.common.models import IdempotencyRecord
from scoring.models import ImportRun
from tests.processes import race


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (None, None),
        ('"8e03978e-40d5"', "8e03978e-40d5"),
        ("8e03978e-40d5", "8e03978e-40d5"),
        (' "a,b" ', "a,b"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ("k" * 255, "k" * 255),
    ],
)
def test_a_key_is_read_in_quotes_or_bare(header: str | None, key: str | None) -> None:
    assert idempotency.parse_key(header) == key


@pytest.mark.parametrize(
    "header", ["", '""', "a b", '"a b"', '"a', "a,b", '"a","b"', "schlüssel", "k" * 256, "a\x00b", '"a\\b"']
)
def test_an_unusable_key_is_refused_in_words(header: str) -> None:
    with pytest.raises(BadKey, match="expected one header with 1 to 255 visible ASCII") as caught:
        idempotency.parse_key(header)
    assert caught.value.document()["status"] == 400


def test_spacing_and_order_of_a_request_do_not_change_its_fingerprint() -> None:
    assert idempotency.fingerprint("/x", {"a": 1, "b": [2]}) == idempotency.fingerprint(
        "/x", {"b": [2], "a": 1}
    )
    assert idempotency.fingerprint("/x", {"a": 1}) != idempotency.fingerprint("/y", {"a": 1})
    assert idempotency.fingerprint("/x", {"a": 1}) != idempotency.fingerprint("/x", {"a": "1"})


class Effect:
    """Writes a row and answers with its number."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.calls = 0

    def __call__(self) -> Answer:
        self.calls += 1
        row = ImportRun.objects.create(file_name="x", source_system="x", state="done")
        return Answer(self.status, f'{{"row":{row.pk}}}'.encode(), (("X-Kind", "first"),))


def call(act: Any, *, key: str | None = "k", caller: str = "1", payload: object = 1, **fields: Any) -> Answer:
    where = {"caller": caller, "method": "POST", "route": "score-lead", "key": key, **fields}
    return idempotency.run(**where, fingerprint=idempotency.fingerprint("/score-lead", payload), act=act)


@pytest.mark.django_db
class TestRun:
    def test_the_second_call_gets_the_first_answer_byte_for_byte(self) -> None:
        act = Effect()
        first, second = call(act), call(act)
        assert (first.status, first.body, first.headers) == (second.status, second.body, second.headers)
        assert (first.replayed, second.replayed) == (False, True)
        assert act.calls == 1

    def test_without_a_key_every_call_acts(self) -> None:
        act = Effect()
        assert call(act, key=None).body != call(act, key=None).body
        assert not IdempotencyRecord.objects.exists()

    def test_the_same_key_with_another_payload_is_refused(self) -> None:
        act = Effect()
        call(act)
        with pytest.raises(KeyReused) as caught:
            call(act, payload=2)
        assert caught.value.status == 422
        assert act.calls == 1

    @pytest.mark.parametrize(
        "other", [{"caller": "2"}, {"method": "PUT"}, {"route": "outcomes"}, {"key": "K"}]
    )
    def test_a_key_belongs_to_its_caller_method_and_route(self, other: dict[str, str]) -> None:
        act = Effect()
        first = call(act)
        assert call(act, **other).body != first.body
        assert act.calls == 2

    def test_a_crash_leaves_neither_key_nor_effect(self) -> None:
        def crash() -> Answer:
            Effect()()
            raise RuntimeError("power cut")

        with pytest.raises(RuntimeError, match="power cut"):
            call(crash)
        assert not IdempotencyRecord.objects.exists()
        assert not ImportRun.objects.exists()
        assert not call(Effect()).replayed

    @pytest.mark.parametrize("status", [400, 404, 422, 429, 500, 503])
    def test_only_a_success_is_kept_and_what_was_written_stays(self, status: int) -> None:
        assert call(Effect(status)).status == status
        assert not IdempotencyRecord.objects.exists()
        assert ImportRun.objects.count() == 1
        assert call(Effect()).status == 200

    def test_a_key_is_forgotten_after_72_hours(self) -> None:
        act, now = Effect(), timezone.now()
        first = call(act, now=now)
        assert call(act, now=now + timedelta(hours=71, minutes=59)).replayed
        later = call(act, now=now + timedelta(hours=72))
        assert not later.replayed
        assert later.body != first.body

    def test_pruning_removes_what_expired_and_nothing_else(self) -> None:
        now = timezone.now()
        call(Effect(), key="old", now=now - timedelta(hours=73))
        call(Effect(), key="new", now=now)
        assert idempotency.prune(now=now) == 1
        assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["new"]

    def test_any_bytes_come_back_as_they_were(self) -> None:
        body = bytes(range(256))
        call(lambda: Answer(201, body))
        assert call(lambda: Answer(201, b"other")).body == body


def use_twenty_keys(_: int) -> list[str]:
    answers = []
    for number in range(20):
        try:
            answers.append(call(Effect(), key=f"k{number}").body.decode())
        except InFlight:
            answers.append("in flight")
    return answers


@pytest.mark.django_db(transaction=True)
def test_parallel_calls_with_one_key_have_one_effect_and_one_answer(tmp_path: Path) -> None:
    answers = race(use_twenty_keys, [1, 2, 3], tmp_path)
    for answers_to_one_key in zip(*answers, strict=True):
        assert len(set(answers_to_one_key) - {"in flight"}) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.services
def test_a_key_in_flight_is_answered_at_once_with_409() -> None:
    def from_elsewhere() -> Exception | None:
        try:
            call(Effect())
        except InFlight as error:
            return error
        finally:
            connection.close()
        return None

    def act() -> Answer:
        with ThreadPoolExecutor(1) as other:
            found.append(other.submit(from_elsewhere).result(timeout=10))
        return Effect()()

    found: list[Exception | None] = []
    assert call(act).status == 200
    (refusal,) = found
    assert isinstance(refusal, InFlight)
    assert (refusal.status, refusal.headers()) == (409, {"Retry-After": "1"})
    assert ImportRun.objects.count() == 1
