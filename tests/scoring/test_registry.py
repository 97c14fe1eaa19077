"""What MLflow is told and what comes back: files and numbers, never anything that could run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from scoring import loader, registry, store, tasks
from scoring.contracts import VersionUnusable
from scoring.models import ModelVersion, Release
from scoring.services import maintenance, versions
from scoring.services.publication import published_look
from scoring.services.versions import mark_champion, publish_version, publish_waiting
from tests.factories.rows import NOW, a_release, a_version
from tests.factories.trained import a_served_release, a_stored_version, tiny_document

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="session")
def empty_store(pytestconfig: pytest.Config) -> Path:
    """A MLflow database with its tables: making one takes many seconds, so pytest's cache keeps it."""
    from mlflow import MlflowClient, __version__

    assert pytestconfig.cache is not None
    kept = Path(pytestconfig.cache.mkdir("mlflow")) / f"empty-{__version__}.db"
    if not kept.exists():
        made = kept.with_name(f"{kept.name}.{os.getpid()}")
        MlflowClient(f"sqlite:///{made}", f"sqlite:///{made}").get_experiment_by_name("none")
        made.replace(kept)
    return kept


@pytest.fixture
def mlflow(settings: Settings, place: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of this test's own MLflow store."""
    from mlflow import MlflowClient

    database = place / "mlflow.db"
    shutil.copy(empty_store, database)
    settings.MLFLOW_TRACKING_URI = f"sqlite:///{database}"
    settings.MLFLOW_ARTIFACT_ROOT = str(place / "mlflow")
    for plot in ("calibration_plot", "gain_plot"):
        real = getattr(versions, plot)
        monkeypatch.setattr(
            versions, plot, lambda *args, real=real, **about: drawn_once(real, *args, **about)
        )
    return MlflowClient(settings.MLFLOW_TRACKING_URI, settings.MLFLOW_TRACKING_URI)


_drawn: dict[str, bytes] = {}


def drawn_once(real: Any, *args: Any, **about: Any) -> bytes:
    """The real plot, drawn for the first version of this process only."""
    if real.__name__ not in _drawn:
        _drawn[real.__name__] = real(*args, **about)
    return _drawn[real.__name__]


@pytest.fixture
def published(mlflow: Any) -> ModelVersion:
    """A version MLflow knows."""
    version = a_stored_version()
    assert publish_version(version)
    return version


def artefacts(place: Path) -> dict[str, bytes]:
    """Every file MLflow holds, by its path under the run's folder."""
    root = place / "mlflow"
    return {
        str(path.relative_to(root)).split("/artifacts/", 1)[-1]: path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_parameters_metrics_tags_and_files_are_told(
    published: ModelVersion, mlflow: Any, place: Path
) -> None:
    run = mlflow.get_run(published.mlflow_run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "leadscoring-v1"
    assert run.data.params["estimator"] == published.estimator
    assert run.data.params["training_rows"] == str(published.training_rows)
    assert run.data.metrics["test_roc_auc"] == pytest.approx(published.metrics["roc_auc"]["value"])
    assert run.data.metrics["test_roc_auc_low"] <= run.data.metrics["test_roc_auc"]
    assert run.data.tags["artefact_digest"] == published.artefact_digest
    assert {"data_fingerprint", "code_revision", "feature_set"} <= set(run.data.tags)
    files, look = artefacts(place), published_look(published.report)
    assert "second_look/slices.json" in look.files
    for name, curve in look.curves.items():
        told = mlflow.get_metric_history(published.mlflow_run_id, name)
        assert sorted((metric.step, metric.value) for metric in told) == sorted(curve)
    assert set(files) == {
        "model/model.json",
        "report.json",
        "metrics.json",
        "importance.json",
        "reference_profile.json",
        "feature_set.json",
        "plots/calibration.png",
        "plots/gain.png",
    } | set(look.files)
    assert files["model/model.json"] == tiny_document()
    assert json.loads(files["metrics.json"]) == published.metrics
    assert json.loads(files["feature_set.json"]) == published.feature_set.schema().to_json()
    assert all(files[f"plots/{name}.png"].startswith(b"\x89PNG") for name in ("calibration", "gain"))


def test_nothing_in_mlflow_is_code_or_a_pickle(published: ModelVersion, place: Path) -> None:
    files = artefacts(place)
    assert files
    for name, content in files.items():
        assert name.endswith((".json", ".png"))
        assert not content.startswith((b"\x80", b"PK"))
        assert b"loader_module" not in content
        if name.endswith(".json"):
            json.loads(content)


def test_the_version_is_registered_and_the_row_names_it(published: ModelVersion, mlflow: Any) -> None:
    found = mlflow.get_model_version("leadscoring", published.mlflow_version)
    assert found.run_id == published.mlflow_run_id
    assert found.tags["leadscoring.number"] == "1"
    assert ModelVersion.objects.get().mlflow_version == "1"


def test_publishing_twice_is_publishing_once(published: ModelVersion, mlflow: Any) -> None:
    run_id = published.mlflow_run_id
    assert publish_version(published)
    assert published.mlflow_run_id == run_id
    assert publish_waiting() == 0
    assert len(mlflow.search_model_versions("name = 'leadscoring'")) == 1


def test_a_second_version_joins_the_first(published: ModelVersion, mlflow: Any) -> None:
    second = a_stored_version(seed=2)
    assert publish_version(second)
    assert second.mlflow_version == "2"


def test_the_champion_alias_follows_the_release(published: ModelVersion, mlflow: Any) -> None:
    release = a_release(published)
    mark_champion()
    assert mlflow.get_model_version_by_alias("leadscoring", "champion").run_id == published.mlflow_run_id
    release.refresh_from_db()
    assert release.in_registry
    second = a_stored_version(seed=2)
    publish_version(second)
    tasks.after_release(a_release(second).pk)
    assert mlflow.get_model_version_by_alias("leadscoring", "champion").run_id == second.mlflow_run_id


# --- Away --------------------------------------------------------------------------------------------


def test_while_mlflow_is_away_nothing_is_lost_and_the_sweep_makes_up_for_it(
    place: Path, mlflow_away: None, settings: Settings, empty_store: Path
) -> None:
    release = a_served_release()
    assert not publish_version(release.champion)
    maintenance.sweep(as_of=NOW)
    release.refresh_from_db()
    assert (release.champion.mlflow_run_id, release.in_registry) == ("", False)
    assert loader.serving().champion.number == 1, "what serves does not depend on MLflow"
    database = place / "mlflow.db"
    shutil.copy(empty_store, database)
    settings.MLFLOW_TRACKING_URI, settings.MLFLOW_ARTIFACT_ROOT = (
        f"sqlite:///{database}",
        str(place / "mlflow"),
    )
    maintenance.sweep(as_of=NOW)
    version, release = ModelVersion.objects.get(), Release.objects.get()
    assert version.mlflow_run_id
    assert version.mlflow_version == "1"
    assert release.in_registry


def test_an_address_where_nobody_listens_is_unavailable_in_words(mlflow_away: None, place: Path) -> None:
    with pytest.raises(registry.RegistryUnavailable, match="MLflow gave no model document for run abc"):
        registry.fetch_document("abc")
    with pytest.raises(registry.RegistryUnavailable, match="MLflow did not set the alias"):
        registry.mark_champion("leadscoring", "1")


def test_a_version_whose_file_is_gone_is_not_published_and_stops_no_other(mlflow: Any) -> None:
    lost, kept = a_version(), a_stored_version()
    assert publish_waiting() == 1
    lost.refresh_from_db()
    kept.refresh_from_db()
    assert (lost.mlflow_run_id, bool(kept.mlflow_run_id)) == ("", True)


def test_many_lost_files_do_not_stand_before_a_new_version(mlflow: Any) -> None:
    for _ in range(6):
        a_version()
    assert publish_waiting(limit=5) == 0
    new = a_stored_version()
    assert publish_waiting(limit=5) == 1
    new.refresh_from_db()
    assert new.mlflow_run_id


# --- Coming back -------------------------------------------------------------------------------------


def test_a_deleted_file_is_fetched_checked_and_kept_again(published: ModelVersion) -> None:
    path = store.path_of(published.artefact_digest)
    path.unlink()
    a_release(published)
    assert loader.serving().champion.number == 1
    assert path.read_bytes() == tiny_document()


def test_a_file_that_cannot_be_kept_serves_all_the_same(
    published: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.path_of(published.artefact_digest).unlink()

    def full(document: bytes) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "put", full)
    assert loader.load_version(published).number == 1


@pytest.mark.parametrize("change", ["one byte", "longer", "cut", "gone"])
def test_an_altered_copy_in_mlflow_is_refused_and_not_kept(
    published: ModelVersion, place: Path, change: str
) -> None:
    path = store.path_of(published.artefact_digest)
    path.unlink()
    [copy] = (place / "mlflow").rglob("model.json")
    content = copy.read_bytes()
    match change:
        case "one byte":
            copy.write_bytes(content.replace(b"leadscoring-model", b"leadscoring-modeL"))
        case "longer":
            copy.write_bytes(content + b" ")
        case "cut":
            copy.write_bytes(content[:-1])
        case _:
            copy.unlink()
    with pytest.raises(VersionUnusable, match=r"Version 1: .*(recorded|MLflow gave no model document)"):
        loader.load_version(published)
    assert not path.exists()


def test_an_altered_local_file_is_not_replaced_in_silence(published: ModelVersion) -> None:
    path = store.path_of(published.artefact_digest)
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    with pytest.raises(VersionUnusable, match="SHA-256"):
        loader.load_version(published)


def test_a_run_that_mlflow_does_not_know_is_unusable_in_words(published: ModelVersion) -> None:
    store.path_of(published.artefact_digest).unlink()
    ModelVersion.objects.update(mlflow_run_id="0" * 32)
    with pytest.raises(
        VersionUnusable, match="its file is not on this machine and MLflow gave no model document"
    ):
        loader.load_version(ModelVersion.objects.get())


def test_a_run_id_is_no_way_into_the_file_system(published: ModelVersion) -> None:
    store.path_of(published.artefact_digest).unlink()
    ModelVersion.objects.update(mlflow_run_id="../../../../etc")
    with pytest.raises(VersionUnusable):
        loader.load_version(ModelVersion.objects.get())


def test_long_parameters_and_notes_are_cut_to_what_mlflow_takes(mlflow: Any) -> None:
    version = a_stored_version()
    version.report = {
        **version.report,
        "params": {"settings": "x" * 9000, "n": 3},
        "notes": ["n" * 9000],
    }
    version.save()
    assert publish_version(version)
    run = mlflow.get_run(version.mlflow_run_id)
    assert len(run.data.params["settings"]) == registry.LONGEST_PARAMETER
    assert run.data.params["n"] == "3"
