"""Releases: one open at a time, opened only for a version that can serve, by whoever saw the newest state."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from scoring import loader, signals, store, tasks
from scoring.contracts import GradeLimits, ReleaseConflict, ScoringError, VersionUnusable
from scoring.models import GradeBand, ModelVersion, Release
from scoring.selectors.versions import grade_limits, open_release
from scoring.services.releases import activate_version, preview_limits, set_grade_limits
from tests.factories.rows import NOW, a_version, counts, days_ago
from tests.factories.trained import a_served_release, a_stored_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def activate(version_id: int, expected: int | None, **changes: Any) -> Release:
    return activate_version(
        version_id,
        **{"expected_open_release_id": expected, "by": None, "reason": "better", "as_of": NOW, **changes},
    )


def test_the_first_version_goes_into_service() -> None:
    version = a_stored_version()
    release = activate(version.pk, None, reason="  the first  ")
    assert (release.champion, release.is_open, release.reason) == (version, True, "the first")
    assert open_release() == release


def test_the_next_one_closes_the_one_before() -> None:
    before = a_served_release()
    version = a_stored_version(seed=2)
    release = activate(version.pk, before.pk)
    before.refresh_from_db()
    assert (before.is_open, before.closed_at) == (False, NOW)
    assert Release.objects.get(is_open=True) == release


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_it_wants_a_reason(reason: str) -> None:
    version = a_stored_version()
    before = counts()
    with pytest.raises(ScoringError, match="A reason is needed"):
        activate(version.pk, None, reason=reason)
    assert counts() == before


def test_it_refuses_a_version_that_is_not_there() -> None:
    with pytest.raises(ScoringError, match="no model version with the key 999"):
        activate(999, None)


def test_it_refuses_whoever_saw_an_older_state() -> None:
    seen = a_served_release()
    now = a_served_release(seed=2)
    version = a_stored_version()
    with pytest.raises(ReleaseConflict, match=rf"version 2 \(release {now.pk}\) serves now. Look again"):
        activate(version.pk, seen.pk)
    with pytest.raises(ReleaseConflict):
        activate(version.pk, None)
    assert Release.objects.get(is_open=True) == now


def test_it_refuses_whoever_saw_a_release_that_is_gone() -> None:
    version = a_stored_version()
    with pytest.raises(ReleaseConflict, match="nothing serves now"):
        activate(version.pk, 41)
    assert Release.objects.count() == 0


def test_two_activations_from_one_page_leave_one_winner() -> None:
    seen = a_served_release()
    one, two = a_stored_version(seed=2), a_stored_version()
    activate(one.pk, seen.pk)
    with pytest.raises(ReleaseConflict):
        activate(two.pk, seen.pk)
    assert Release.objects.get(is_open=True).champion == one
    assert Release.objects.count() == 2


def test_it_refuses_the_version_that_serves_already() -> None:
    release = a_served_release()
    with pytest.raises(ReleaseConflict, match="Version 1 serves already"):
        activate(release.champion_id, release.pk)


def test_a_version_without_its_file_is_never_opened() -> None:
    before = a_served_release()
    broken = a_version()
    rows = counts()
    with pytest.raises(
        VersionUnusable,
        match="Version 2: model file 000000000000… is not on this machine, and MLflow has no copy",
    ):
        activate(broken.pk, before.pk)
    assert counts() == rows
    assert open_release() == before


def test_an_altered_file_is_never_opened() -> None:
    version = a_stored_version()
    path = store.path_of(version.artefact_digest)
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    with pytest.raises(VersionUnusable, match="SHA-256"):
        activate(version.pk, None)
    assert Release.objects.count() == 0


def test_receivers_hear_of_it_and_can_refuse_it() -> None:
    before = a_served_release()
    version = a_stored_version(seed=2)
    heard: list[list[int]] = []

    def refuse(ids: list[int], **kwargs: Any) -> None:
        heard.append(ids)
        raise RuntimeError("no")

    signals.release_changed.connect(refuse)
    try:
        with pytest.raises(RuntimeError):
            activate(version.pk, before.pk)
    finally:
        signals.release_changed.disconnect(refuse)
    assert open_release() == before, "the receiver undid the opening"
    assert len(heard) == 1
    assert activate(version.pk, before.pk).is_open


def test_waiting_leads_are_scored_after_the_commit(
    django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(tasks.after_release, "apply_async", lambda args, **kwargs: woken.extend(args))
    version = a_stored_version()
    with django_capture_on_commit_callbacks(execute=True):
        release = activate(version.pk, None)
        assert woken == []
    assert woken == [release.pk]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_exactly_one_opens_a_release() -> None:
    seen = a_served_release()
    rivals = [a_stored_version(seed=2), a_stored_version()]
    ready = threading.Barrier(2)
    ends: list[str] = []

    def go(version_id: int) -> None:
        try:
            # Both have checked their version when both begin to write.
            loader.load_version(ModelVersion.objects.get(pk=version_id))
            ready.wait(timeout=20)
            activate(version_id, seen.pk)
            ends.append("opened")
        except ReleaseConflict:
            ends.append("conflict")
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(version.pk,)) for version in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(ends) == ["conflict", "opened"]
    assert Release.objects.filter(is_open=True).count() == 1
    assert Release.objects.count() == 2


# --- Grade limits ------------------------------------------------------------------------------------


def test_without_a_decision_the_limits_are_75_50_25() -> None:
    assert grade_limits() == GradeLimits(75, 50, 25)


def test_new_limits_replace_the_old_ones_and_keep_them() -> None:
    set_grade_limits(a=80, b=60, c=30, by=None, reason="fewer A", as_of=days_ago(1))
    set_grade_limits(a=90, b=60, c=30, by=None, reason="fewer still", as_of=NOW)
    assert grade_limits() == GradeLimits(90, 60, 30)
    assert [(band.a, band.is_current) for band in GradeBand.objects.all()] == [(90, True), (80, False)]


@pytest.mark.parametrize(
    "limits", [(75, 75, 25), (50, 60, 25), (75, 50, 1), (100, 50, 25), (75, 50, 50), (3, 2, 1)]
)
def test_limits_out_of_order_are_refused(limits: tuple[int, int, int]) -> None:
    a, b, c = limits
    with pytest.raises(ScoringError, match="expected 99 ≥ A > B > C ≥ 2"):
        set_grade_limits(a=a, b=b, c=c, by=None, reason="x", as_of=NOW)
    assert GradeBand.objects.count() == 0


def test_limits_want_a_reason_too() -> None:
    with pytest.raises(ScoringError, match="A reason is needed"):
        set_grade_limits(a=80, b=60, c=30, by=None, reason=" ", as_of=NOW)


def test_a_preview_counts_leads_by_grade() -> None:
    assert preview_limits(GradeLimits(75, 50, 25), {99: 2, 75: 1, 74: 4, 25: 8, 24: 16, 1: 32}) == {
        "A": 3,
        "B": 4,
        "C": 8,
        "D": 48,
    }
