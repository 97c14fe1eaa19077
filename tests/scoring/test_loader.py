"""The loader: a release is followed without a restart; nothing that cannot serve replaces what can."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pandas as pd
import pytest
from django.db import DatabaseError

from scoring import loader, store
from scoring.contracts import GradeLimits, NoModelReleased, ReleasedVersionUnusable, VersionUnusable
from scoring.ml.compile import ParityReport, load_document, reference_probabilities
from scoring.ml.schema import parse_row
from scoring.models import ModelVersion, Release
from scoring.services.releases import set_grade_limits
from tests.factories.rows import NOW, a_feature_set, a_release, a_version
from tests.factories.trained import GOOD, POOR, SPECS, a_served_release, a_stored_version, tiny_document

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def stored(document: bytes) -> ModelVersion:
    """A version of any bytes, with their true digest: what a hostile registry could register."""
    return a_version(artefact_digest=store.put(document), artefact_size=len(document))


def changed(**changes: Any) -> bytes:
    """The small model's document with some keys replaced."""
    return json.dumps({**json.loads(tiny_document()), **changes}).encode()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The loader's monotonic clock, moved by hand."""

    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

        @staticmethod
        def sleep(seconds: float) -> None:
            raise AssertionError("no test waits")

    moved = Clock()
    monkeypatch.setattr(loader, "time", moved)
    return moved


# --- Following ---------------------------------------------------------------------------------------


def test_without_a_release_it_says_so_and_is_cold() -> None:
    with pytest.raises(NoModelReleased, match="No model version has been released yet"):
        loader.serving()
    status = loader.status()
    assert (status.release_id, status.version_number, status.warm, status.error) == (None, None, False, "")


def test_it_serves_the_open_release() -> None:
    release = a_served_release()
    serving = loader.serving()
    assert (serving.release_id, serving.champion.number) == (release.pk, 1)
    assert serving.limits == GradeLimits()
    status = loader.status()
    assert (status.release_id, status.version_number, status.warm, status.exact) == (
        release.pk,
        1,
        True,
        True,
    )


def test_a_new_release_is_seen_without_a_restart() -> None:
    a_served_release()
    assert loader.serving().champion.number == 1
    release = a_served_release(seed=2)
    assert (loader.serving().release_id, loader.serving().champion.number) == (release.pk, 2)


def test_a_release_that_is_closed_without_another_stops_serving() -> None:
    release = a_served_release()
    loader.serving()
    Release.objects.filter(pk=release.pk).update(is_open=False, closed_at=NOW)
    with pytest.raises(NoModelReleased):
        loader.serving()
    assert not loader.status().warm


def test_a_version_is_compiled_once_for_any_number_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    a_served_release()
    loads: list[int] = []
    real = loader.load_version
    monkeypatch.setattr(
        loader, "load_version", lambda version, **_: loads.append(version.pk) or real(version)
    )
    for _ in range(3):
        loader.serving()
    assert len(loads) == 1


def test_the_same_version_in_a_new_release_is_not_loaded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    release = a_served_release()
    before = loader.serving().champion
    monkeypatch.setattr(loader, "load_version", lambda version, **_: pytest.fail("loaded again"))
    again = a_release(release.champion)
    assert loader.serving().release_id == again.pk
    assert loader.serving().champion is before


def test_new_grade_limits_are_followed_too() -> None:
    a_served_release()
    champion = loader.serving().champion
    set_grade_limits(a=90, b=60, c=30, by=None, reason="fewer A", as_of=NOW)
    assert loader.serving().limits == GradeLimits(90, 60, 30)
    assert loader.serving().champion is champion


def test_a_database_that_is_away_is_not_asked_while_the_follower_looked_lately(
    monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    a_served_release()
    loader.serving()
    inner = loader._loader
    monkeypatch.setattr(inner, "_thread", threading.current_thread())

    def away() -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(loader, "open_release", away)
    assert loader.serving().champion.number == 1
    clock.now += loader.STALE_SECONDS + 0.1
    with pytest.raises(DatabaseError):
        loader.serving()


def test_calls_go_on_with_the_old_version_while_the_new_one_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    a_served_release()
    loader.serving()
    a_served_release(seed=2)
    real = loader.load_version
    seen: list[int] = []

    def loading(version: ModelVersion, **_: Any) -> Any:
        seen.append(loader.serving().champion.number)  # another call comes in the middle of the load
        return real(version)

    monkeypatch.setattr(loader, "load_version", loading)
    assert loader.serving().champion.number == 2
    assert seen == [1]


# --- What cannot serve -------------------------------------------------------------------------------


def damage_delete(version: ModelVersion) -> None:
    store.path_of(version.artefact_digest).unlink()


def damage_one_byte(version: ModelVersion) -> None:
    path = store.path_of(version.artefact_digest)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_cut(version: ModelVersion) -> None:
    path = store.path_of(version.artefact_digest)
    path.write_bytes(path.read_bytes()[:-1])


def damage_grow(version: ModelVersion) -> None:
    with store.path_of(version.artefact_digest).open("r+b") as file:
        file.truncate(2**40)


def damage_directory(version: ModelVersion) -> None:
    damage_delete(version)
    store.path_of(version.artefact_digest).mkdir()


def damage_digest(version: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(artefact_digest="../../../../etc/passwd")


def damage_size(version: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(artefact_size=2**40)


DAMAGES = {
    damage_delete: "is not on this machine, and MLflow has no copy",
    damage_one_byte: "the file's SHA-256 is",
    damage_cut: "were recorded",
    damage_grow: r"has 1,099,511,627,776 bytes",
    damage_directory: "cannot be read here",
    damage_digest: "is not a SHA-256 digest",
    damage_size: "at most 67,108,864 are read",
}


@pytest.mark.parametrize(("damage", "words"), DAMAGES.items(), ids=[damage.__name__ for damage in DAMAGES])
def test_a_damaged_file_is_unusable_and_the_old_version_goes_on(damage: Any, words: str) -> None:
    before = a_served_release()
    loader.serving()
    version = a_stored_version(seed=2)
    damage(version)
    version.refresh_from_db()
    with pytest.raises(VersionUnusable, match=words):
        loader.load_version(version)
    a_release(version)
    assert loader.serving().release_id == before.pk
    status = loader.status()
    assert (status.version_number, status.warm) == (1, True)
    assert status.error.startswith("Version 2: ")


def test_with_nothing_to_go_on_with_the_reason_is_told() -> None:
    release = a_served_release()
    damage_one_byte(release.champion)
    with pytest.raises(ReleasedVersionUnusable) as caught:
        loader.serving()
    assert caught.value.detail == (
        "Version 1 is released but cannot be used: its file is not the one that was registered. "
        "The lead is kept and scored as soon as a version can be used."
    )
    assert "SHA-256" in loader.status().error


@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.__name__ for damage in DAMAGES])
def test_a_caller_learns_why_but_no_name_of_a_file_or_machine(damage: Any) -> None:
    release = a_served_release()
    damage(release.champion)
    with pytest.raises(
        ReleasedVersionUnusable, match="Version 1 is released but cannot be used: its "
    ) as caught:
        loader.serving()
    assert not re.search(r"/|\\|[0-9a-f]{12}|http|json", caught.value.detail)


def test_a_closed_release_is_no_longer_blamed() -> None:
    release = a_served_release()
    damage_one_byte(release.champion)
    with pytest.raises(ReleasedVersionUnusable):
        loader.serving()
    Release.objects.filter(pk=release.pk).update(is_open=False, closed_at=NOW)
    with pytest.raises(NoModelReleased, match="No model version has been released yet") as caught:
        loader.serving()
    assert type(caught.value) is NoModelReleased


def test_a_restored_file_serves_after_a_pause_and_is_not_read_at_every_call(
    clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = a_served_release()
    path = store.path_of(release.champion.artefact_digest)
    content = path.read_bytes()
    path.unlink()
    loads: list[int] = []
    real = loader.load_version
    monkeypatch.setattr(
        loader, "load_version", lambda version, **_: loads.append(version.pk) or real(version)
    )
    for _ in range(4):
        with pytest.raises(NoModelReleased):
            loader.serving()
    assert len(loads) == 1
    path.write_bytes(content)
    clock.now += loader.RETRY_BROKEN_SECONDS + 0.1
    assert loader.serving().champion.number == 1
    assert loader.status().error == ""


def test_a_good_release_after_a_broken_one_serves_at_once() -> None:
    a_release(a_version(feature_set=a_feature_set(SPECS)))
    with pytest.raises(NoModelReleased):
        loader.serving()
    a_served_release()
    assert loader.serving().champion.number == 2
    assert loader.status().error == ""


HOSTILE = {
    "nothing": b"",
    "no JSON": b"\x80\x04\x95pickle",
    "a list": b"[]",
    "deep": b'{"format":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep and cut": b"[" * 1_000_000,
    "infinite": b'{"format": Infinity}',
    "huge number": b'{"format_version": 1' + b"0" * 10_000 + b"}",
    "another format": b'{"format":"pickle"}',
    "no keys": b'{"format":"leadscoring-model","format_version":1}',
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_registered_file_that_is_no_model_is_unusable_in_words(content: bytes) -> None:
    with pytest.raises(VersionUnusable, match=r"Version 1: .*\S"):
        loader.load_version(stored(content))


@pytest.mark.parametrize(
    "changes",
    [
        {"format_version": 2},
        {"schema": {"features": []}},
        {"schema": {"features": "all"}},
        {"encoder": {}},
        {"estimator": {"kind": "python", "code": "import os"}},
        {"estimator": {"kind": "boosting", "model": "tree\nversion=v4\n"}},
        {"estimator": {"kind": "logistic", "intercept": 0, "weights": [], "means": []}},
        {"calibrator": {"kind": "isotonic", "x": [0, 1], "y": []}},
        {"score_quantiles": []},
        {"score_quantiles": ["a"] * 99},
        {"sample": "none"},
        {"sample": [{"attributes": {"Source": {"$ref": 1}}, "probability": 0.5}]},
        {"extra": 1},
    ],
    ids="-".join,
)
def test_a_model_with_a_wrong_part_is_unusable_in_words(changes: dict[str, Any]) -> None:
    with pytest.raises(VersionUnusable, match=r"Version 1: .*\S"):
        loader.load_version(stored(changed(**changes)))


def test_a_file_that_breaks_the_compiler_is_unusable_whatever_it_raises(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = a_served_release()
    loader.serving()

    def burst(document: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(loader, "compile_document", burst)
    a_served_release(seed=2)
    assert loader.serving().release_id == before.pk
    assert loader.status().error == "Version 2: MemoryError: "


# --- Parity ------------------------------------------------------------------------------------------


def test_the_row_scorer_is_compared_with_the_pipeline_before_it_serves() -> None:
    a_served_release()
    champion = loader.serving().champion
    assert champion.exact
    assert champion.parity_rows >= 100
    assert champion.max_difference <= 1e-6


def test_where_the_two_differ_the_pipeline_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    a_served_release()
    monkeypatch.setattr(loader, "parity", lambda *args: ParityReport(max_difference=0.2, n=200, ok=False))
    champion = loader.serving().champion
    assert (champion.exact, loader.status().exact) == (False, False)
    schema = champion.schema
    rows = [GOOD, POOR, {"Source": "fair"}]
    answers = champion.score([parse_row(schema, row)[0] for row in rows], rows)
    frame = pd.DataFrame.from_records(rows)
    expected = reference_probabilities(load_document(tiny_document()), frame)
    assert [answer.probability for answer in answers] == pytest.approx(list(expected), abs=1e-12)
    assert all(1 <= answer.score <= 99 for answer in answers)
