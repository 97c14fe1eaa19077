"""Versions: numbered one after the other, and MLflow's troubles stay MLflow's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError

from leadscoring.common import claims
from scoring import registry
from scoring.models import ModelVersion, TrainingRun
from scoring.services import maintenance, versions
from scoring.services.training import collect
from scoring.services.versions import code_revision, publish_version, register_version
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, a_feature_set, a_training_run
from tests.factories.trained import SPECS, a_stored_version, tiny_result

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


@pytest.fixture
def revision() -> Iterator[None]:
    """The revision is asked for anew, before and after."""
    code_revision.cache_clear()
    yield
    code_revision.cache_clear()


def register() -> ModelVersion:
    """A version of the small model, registered for a claimed run."""
    feature_set = a_feature_set(SPECS)
    some_leads(40, dated=False)
    run = a_training_run(feature_set=feature_set)
    held = claims.claim(TrainingRun, run.pk, lease_seconds=60)
    assert held is not None
    return register_version(run, collect(feature_set, as_of=NOW), tiny_result(), held=held, as_of=NOW)


def test_a_number_taken_meanwhile_is_counted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ModelVersion.objects.create
    tries: list[int] = []

    def overtaken(**fields: Any) -> ModelVersion:
        tries.append(fields["number"])
        if len(tries) < 3:
            raise IntegrityError("number taken")
        return real(**fields)

    monkeypatch.setattr(ModelVersion.objects, "create", overtaken)
    assert register().number == 1
    assert len(tries) == 3


def test_a_conflict_that_does_not_end_is_raised_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(**fields: Any) -> ModelVersion:
        raise IntegrityError("number taken")

    monkeypatch.setattr(ModelVersion.objects, "create", taken)
    with pytest.raises(IntegrityError):
        register()
    assert TrainingRun.objects.get().state == "running"


@pytest.mark.parametrize(
    "error", [ValueError("no font"), registry.RegistryUnavailable("away"), OSError("disk")]
)
def test_whatever_goes_wrong_in_publishing_waits_for_the_next_sweep(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(publication: registry.Publication) -> registry.Entry:
        raise error

    monkeypatch.setattr(versions, "_plots", lambda report: {})
    monkeypatch.setattr(registry, "publish", broken)
    version = a_stored_version()
    assert not publish_version(version)
    maintenance.sweep(as_of=NOW)
    monkeypatch.setattr(registry, "publish", lambda publication: registry.Entry("run", "1"))
    maintenance.sweep(as_of=NOW)
    version.refresh_from_db()
    assert (version.mlflow_run_id, version.mlflow_version) == ("run", "1")


def test_two_publishers_leave_the_row_naming_one(monkeypatch: pytest.MonkeyPatch) -> None:
    version = a_stored_version()

    def overtaken(publication: registry.Publication) -> registry.Entry:
        ModelVersion.objects.update(mlflow_run_id="first", mlflow_version="1")
        return registry.Entry("second", "2")

    monkeypatch.setattr(versions, "_plots", lambda report: {})
    monkeypatch.setattr(registry, "publish", overtaken)
    assert publish_version(version)
    assert (version.mlflow_run_id, version.mlflow_version) == ("first", "1")


def test_the_code_names_the_commit_it_is(revision: None) -> None:
    found = code_revision()
    assert found == "unknown" or (len(found) == 12 and int(found, 16) >= 0)


@pytest.mark.parametrize("trouble", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 5)])
def test_without_git_the_revision_is_unknown(
    monkeypatch: pytest.MonkeyPatch, revision: None, trouble: Exception
) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise trouble

    monkeypatch.setattr(versions.subprocess, "run", fail)
    assert code_revision() == "unknown"
