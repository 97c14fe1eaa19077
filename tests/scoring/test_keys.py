"""API keys: what a key is, who it stands for, and when it stops."""

from __future__ import annotations

import hashlib
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from scoring.models import ApiKey
from scoring.services import keys
from scoring.services.keys import (
    ALPHABET,
    KEY_PATTERN,
    IssuedKey,
    KeyNotMade,
    KeyRefused,
    Scope,
    check_key,
    create_key,
    revoke_key,
    rotate_key,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    keys.forget_keys()


def make(**changes: Any) -> IssuedKey:
    wanted: dict[str, Any] = {"name": "CRM", "scopes": ["score"], "source_system": "crm", "as_of": NOW}
    return create_key(**(wanted | changes))


def test_a_key_opens_what_it_was_made_for() -> None:
    issued = make(scopes=["read", "score"], per_minute=60)
    holder = check_key(issued.key, as_of=NOW)
    assert (holder.id, holder.name, holder.source_system, holder.per_minute) == (issued.id, "CRM", "crm", 60)
    assert holder.may(Scope.SCORE)
    assert holder.may(Scope.READ)
    assert not holder.may(Scope.OUTCOMES)
    assert not holder.may(Scope.ADMIN)


def test_an_admin_key_may_do_everything() -> None:
    holder = check_key(make(scopes=["admin"]).key, as_of=NOW)
    assert all(holder.may(scope) for scope in Scope)


def test_only_a_digest_of_the_key_is_stored() -> None:
    issued = make()
    row = ApiKey.objects.get(pk=issued.id)
    stored = " ".join(str(value) for value in vars(row).values())
    secret = issued.key.partition(".")[2]
    assert secret not in stored
    assert row.secret_hash == hashlib.sha512(issued.key.encode()).hexdigest()
    assert issued.key.startswith(f"{row.prefix}.")


def test_two_keys_share_nothing_but_their_form() -> None:
    one, other = make(), make()
    assert one.prefix != other.prefix
    assert one.key.partition(".")[2] != other.key.partition(".")[2]
    assert KEY_PATTERN.fullmatch(one.key)
    assert len(one.key) == 12 + 1 + 43 + 6


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: "",
        lambda key: key[:-1],
        lambda key: key + "x",
        lambda key: key.replace(".", ""),
        lambda key: key.replace(".", ".."),
        lambda key: key.partition(".")[2],
        lambda key: key.swapcase(),
        lambda key: key[:20] + ("a" if key[20] != "a" else "b") + key[21:],
        lambda key: key[:2] + key[3] + key[2] + key[4:] if key[2] != key[3] else key[:-1],
        lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
        lambda key: key + "\n",
        lambda key: "é" * 62,
        lambda key: "x" * 100_000,
    ],
)
def test_a_mistyped_key_is_told_without_asking_the_database(
    spoil: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    spoiled = spoil(make().key)
    with django_assert_num_queries(0), pytest.raises(KeyRefused, match="mistyped"):
        check_key(spoiled, as_of=NOW)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 61), st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_noticed(place: int, other: str) -> None:
    body = "ls0123456789." + "k" * 43
    key = body + keys._check_characters(body)
    wrong = key[:place] + other + key[place + 1 :]
    if wrong != key:
        with pytest.raises(KeyRefused, match="mistyped"):
            check_key(wrong, as_of=NOW)


def test_a_well_formed_key_of_nobody_is_unknown() -> None:
    body = "ls" + "a" * 10 + "." + "b" * 43
    with pytest.raises(KeyRefused, match="not known"):
        check_key(body + keys._check_characters(body), as_of=NOW)


def test_the_prefix_of_a_real_key_with_another_secret_is_unknown() -> None:
    body = make().prefix + "." + "b" * 43
    with pytest.raises(KeyRefused, match="not known"):
        check_key(body + keys._check_characters(body), as_of=NOW)


def test_the_check_characters_are_a_crc_of_the_rest() -> None:
    # CRC-32 of "123456789" is 0xCBF43926 (the check value of the catalogue of CRC algorithms).
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    number = 0
    for character in keys._check_characters("123456789"):
        number = number * 62 + digits.index(character)
    assert number == 0xCBF43926


def test_an_expired_key_is_refused_and_the_moment_before_it_is_not() -> None:
    issued = make(expires_at=NOW + timedelta(days=1))
    assert check_key(issued.key, as_of=NOW + timedelta(hours=23, minutes=59)).id == issued.id
    with pytest.raises(KeyRefused, match="expired at 2026-03-02T12:00:00"):
        check_key(issued.key, as_of=NOW + timedelta(days=1))


def test_a_revoked_key_is_refused_at_once_in_this_process() -> None:
    issued = make()
    check_key(issued.key, as_of=NOW)
    assert revoke_key(key_id=issued.id, as_of=NOW) is True
    with pytest.raises(KeyRefused, match="revoked"):
        check_key(issued.key, as_of=NOW)
    assert revoke_key(key_id=issued.id, as_of=NOW + timedelta(days=1)) is False
    assert ApiKey.objects.get(pk=issued.id).revoked_at == NOW


def test_a_key_revoked_elsewhere_stops_when_it_is_no_longer_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: clock[0])
    issued = make()
    check_key(issued.key, as_of=NOW)
    ApiKey.objects.filter(pk=issued.id).update(revoked_at=NOW)
    clock[0] += keys.REMEMBERED_S - 0.01
    assert check_key(issued.key, as_of=NOW).id == issued.id
    clock[0] += 0.01
    with pytest.raises(KeyRefused, match="revoked"):
        check_key(issued.key, as_of=NOW)


def test_a_remembered_key_still_expires_on_time() -> None:
    issued = make(expires_at=NOW + timedelta(seconds=1))
    check_key(issued.key, as_of=NOW)
    with pytest.raises(KeyRefused, match="expired"):
        check_key(issued.key, as_of=NOW + timedelta(seconds=1))


def test_a_remembered_key_costs_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    issued = make()
    check_key(issued.key, as_of=NOW)
    with django_assert_num_queries(0):
        check_key(issued.key, as_of=NOW + timedelta(seconds=1))


def test_a_remembered_key_does_not_open_for_another_secret() -> None:
    issued = make()
    check_key(issued.key, as_of=NOW)
    body = issued.prefix + "." + "b" * 43
    with pytest.raises(KeyRefused, match="not known"):
        check_key(body + keys._check_characters(body), as_of=NOW)


def test_made_up_prefixes_do_not_fill_the_memory() -> None:
    for number in range(50):
        body = f"ls{number:010d}." + "b" * 43
        with pytest.raises(KeyRefused):
            check_key(body + keys._check_characters(body), as_of=NOW)
    assert keys._remembered == {}


def test_the_last_use_is_written_at_most_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: clock[0])
    issued = make()
    seen = []
    for seconds in (0, 30, 59, 60, 90, 121):
        clock[0] += 5
        check_key(issued.key, as_of=NOW + timedelta(seconds=seconds))
        seen.append((ApiKey.objects.get(pk=issued.id).last_used_at or NOW) - NOW)
    assert [at.total_seconds() for at in seen] == [0, 0, 0, 60, 60, 121]


def test_two_processes_write_the_last_use_once() -> None:
    issued = make()
    check_key(issued.key, as_of=NOW)
    keys.forget_keys()
    check_key(issued.key, as_of=NOW + timedelta(seconds=10))
    assert ApiKey.objects.get(pk=issued.id).last_used_at == NOW


def test_a_rotated_key_and_its_successor_work_side_by_side_for_the_overlap() -> None:
    old = make(scopes=["score", "read"], per_minute=77)
    new = rotate_key(key_id=old.id, as_of=NOW, overlap=timedelta(days=2))
    assert (new.name, new.scopes, new.source_system) == (old.name, old.scopes, old.source_system)
    assert new.key != old.key
    assert new.expires_at is None
    assert check_key(new.key, as_of=NOW).per_minute == 77
    assert check_key(old.key, as_of=NOW + timedelta(days=1)).id == old.id
    with pytest.raises(KeyRefused, match="expired"):
        check_key(old.key, as_of=NOW + timedelta(days=2))


def test_rotation_never_lengthens_the_old_key_and_gives_the_new_one_the_same_span() -> None:
    old = make(expires_at=NOW + timedelta(days=30))
    later = NOW + timedelta(days=29)
    new = rotate_key(key_id=old.id, as_of=later, overlap=timedelta(days=7))
    assert ApiKey.objects.get(pk=old.id).expires_at == NOW + timedelta(days=30)
    assert new.expires_at == later + timedelta(days=30)


@pytest.mark.parametrize("state", ["revoked", "expired", "unknown"])
def test_a_key_that_cannot_be_used_is_not_rotated(state: str) -> None:
    issued = make(expires_at=NOW + timedelta(days=1))
    if state == "revoked":
        revoke_key(key_id=issued.id, as_of=NOW)
    number = issued.id + (1000 if state == "unknown" else 0)
    at = NOW + timedelta(days=2) if state == "expired" else NOW
    with pytest.raises(KeyNotMade):
        rotate_key(key_id=number, as_of=at)
    assert ApiKey.objects.count() == 1


def test_a_negative_overlap_is_refused() -> None:
    issued = make()
    with pytest.raises(KeyNotMade, match="zero or more"):
        rotate_key(key_id=issued.id, as_of=NOW, overlap=timedelta(days=-1))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scopes": []}, "at least one scope"),
        ({"scopes": ["scores"]}, "'scores' is not known; expected one of score, outcomes, read, admin"),
        ({"name": "  "}, "name is ''"),
        ({"name": "x" * 256}, "1 to 255"),
        ({"name": "a\nb"}, "printable"),
        ({"source_system": ""}, "source system"),
        ({"source_system": "x" * 65}, "1 to 64"),
        ({"per_minute": 0}, "expected 1 to"),
        ({"per_minute": 10**7}, "expected 1 to 1,000,000"),
        ({"expires_at": NOW}, "has passed"),
    ],
)
def test_a_key_is_not_made_from_nonsense(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(KeyNotMade) as caught:
        make(**changes)
    assert words in caught.value.detail
    assert not ApiKey.objects.exists()


def test_scopes_are_kept_once_each_in_one_order() -> None:
    assert make(scopes=["read", "score", "read"]).scopes == (Scope.SCORE, Scope.READ)
