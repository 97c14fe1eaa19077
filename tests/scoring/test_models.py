"""Rows keep their own promises, whoever writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, ProtectedError

from scoring.contracts import FeatureSetState, Grade, GradeLimits
from scoring.models import (
    ApiKey,
    Feature,
    FeatureSet,
    GradeBand,
    ImportRun,
    Lead,
    MaturityWindow,
    ModelVersion,
    Outcome,
    Prediction,
    Release,
    TrainingPolicy,
    TrainingRun,
)
from tests.factories.rows import (
    NOW,
    a_feature_set,
    a_lead,
    a_prediction,
    a_release,
    a_training_run,
    a_version,
    an_outcome,
)

pytestmark = pytest.mark.django_db


def two_leads_of_one_id() -> None:
    a_lead()
    a_lead()


def two_active_sets() -> None:
    a_feature_set()
    a_feature_set()


def a_feature_twice() -> None:
    feature_set = a_feature_set()
    Feature.objects.create(feature_set=feature_set, position=9, name="pages", label="again", kind="number")


def two_versions_of_one_number() -> None:
    a_version(number=1)
    a_version(number=1)


def two_versions_of_one_run() -> None:
    run = a_training_run()
    a_version(training_run=run)
    a_version(training_run=run)


def two_open_releases() -> None:
    release = a_release()
    Release.objects.create(champion=release.champion, opened_at=NOW, reason="x")


def a_share_above_one() -> None:
    a_release(share=1.5)


def an_open_release_with_an_end() -> None:
    a_release(closed_at=NOW)


def a_closed_release_without_an_end() -> None:
    a_release(is_open=False)


def two_current_outcomes() -> None:
    lead = a_lead()
    an_outcome(lead)
    an_outcome(lead)


def an_unknown_outcome() -> None:
    an_outcome(a_lead())
    Outcome.objects.update(kind="maybe")


def a_probability_above_one() -> None:
    a_prediction(a_lead(), probability=1.01)


def a_score_of_0() -> None:
    a_prediction(a_lead(), score=0)


def a_score_of_100() -> None:
    a_prediction(a_lead(), score=100)


def two_current_bands() -> None:
    for _ in range(2):
        GradeBand.objects.create(set_at=NOW, reason="x")


def a_band_out_of_order() -> None:
    GradeBand.objects.create(a=50, b=60, c=25, set_at=NOW, reason="x")


def progress_above_one() -> None:
    TrainingRun.objects.filter(pk=a_training_run().pk).update(progress=1.5)


def two_windows_of_one_source() -> None:
    for _ in range(2):
        MaturityWindow.objects.create(source_system="crm")


REFUSED: tuple[Callable[[], None], ...] = (
    two_leads_of_one_id,
    two_active_sets,
    a_feature_twice,
    two_versions_of_one_number,
    two_versions_of_one_run,
    two_open_releases,
    a_share_above_one,
    an_open_release_with_an_end,
    a_closed_release_without_an_end,
    two_current_outcomes,
    an_unknown_outcome,
    a_probability_above_one,
    a_score_of_0,
    a_score_of_100,
    two_current_bands,
    a_band_out_of_order,
    progress_above_one,
    two_windows_of_one_source,
)


@pytest.mark.parametrize("write", REFUSED, ids=[write.__name__ for write in REFUSED])
def test_the_database_refuses(write: Callable[[], None]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        write()


def protected_rows() -> dict[str, Any]:
    feature_set = a_feature_set()
    version = a_version(feature_set=feature_set, training_run=a_training_run(feature_set=feature_set))
    release = a_release(version)
    lead = a_lead()
    a_prediction(lead, release)
    return {"feature set": feature_set, "version": version, "release": release, "lead": lead}


@pytest.mark.parametrize("name", ["feature set", "version", "release", "lead"])
def test_what_a_prediction_rests_on_cannot_be_deleted(name: str) -> None:
    row = protected_rows()[name]
    with pytest.raises(ProtectedError):
        row.delete()


def test_a_prediction_is_inserted_and_never_changed_or_deleted() -> None:
    row = a_prediction(a_lead())
    row.score = 99
    with pytest.raises(TypeError, match="never changed; score the lead again"):
        row.save()
    with pytest.raises(TypeError, match="never deleted by hand"):
        row.delete()
    assert Prediction.objects.get().score == 50


def test_ids_of_predictions_follow_time() -> None:
    lead = a_lead()
    made = [a_prediction(lead).pk for _ in range(20)]
    assert made == sorted(made)


def test_an_import_without_its_lead_leaves_the_lead() -> None:
    run = ImportRun.objects.create(file_name="leads.csv", source_system="crm")
    lead = a_lead(import_run=run)
    run.delete()
    lead.refresh_from_db()
    assert lead.import_run is None


@pytest.mark.parametrize(
    ("score", "grade"),
    [(99, "A"), (75, "A"), (74, "B"), (50, "B"), (49, "C"), (25, "C"), (24, "D"), (1, "D")],
)
def test_a_grade_begins_at_its_limit(score: int, grade: str) -> None:
    assert GradeLimits().grade(score) is Grade(grade)
    assert GradeBand(set_at=NOW).limits().grade(score) is Grade(grade)


@pytest.mark.parametrize(
    ("revoked", "expires", "usable"),
    [
        (None, None, True),
        (None, 1, True),
        (None, 0, False),
        (None, -1, False),
        (-1, None, False),
        (-1, 1, False),
    ],
)
def test_a_key_is_usable_until_it_is_revoked_or_expires(
    revoked: int | None, expires: int | None, usable: bool
) -> None:
    def at(days: int | None) -> Any:
        return None if days is None else NOW + timedelta(days=days)

    assert ApiKey(revoked_at=at(revoked), expires_at=at(expires)).usable(NOW) is usable


@pytest.mark.parametrize(
    ("by_hand", "estimated", "days"),
    [(None, None, None), (None, 9.5, 9.5), (30.0, 9.5, 30.0), (0.0, 9.5, 0.0)],
)
def test_a_window_set_by_hand_comes_before_the_estimate(
    by_hand: float | None, estimated: float | None, days: float | None
) -> None:
    assert MaturityWindow(set_days=by_hand, estimated_days=estimated).days == days


def test_a_feature_set_reads_its_features_in_order() -> None:
    feature_set = a_feature_set()
    Feature.objects.filter(feature_set=feature_set, name="source").update(position=99)
    assert [spec.name for spec in feature_set.schema().features] == ["pages", "budget", "source"]


def test_rows_say_what_they_are() -> None:
    feature_set = a_feature_set(name="spring leads")
    version = a_version(feature_set=feature_set, estimator="naive_bayes")
    assert str(feature_set) == "Feature set 1: spring leads"
    assert str(version) == "leadscoring v1 (naive bayes)"
    assert str(a_lead("L-7")) == "L-7 (crm)"
    assert str(TrainingPolicy()) == "at least 1,000 leads and 120 conversions"
    assert str(GradeBand(set_at=NOW)) == "A ≥ 75, B ≥ 50, C ≥ 25"
    assert str(a_release(version)).endswith(": v1")


def test_newest_first_where_people_look() -> None:
    a_version()
    a_version()
    a_feature_set(state=FeatureSetState.DRAFT)
    assert [version.number for version in ModelVersion.objects.all()] == [2, 1]
    numbers = [feature_set.number for feature_set in FeatureSet.objects.all()]
    assert numbers == sorted(numbers, reverse=True)
    assert Lead.objects.count() == 0


def test_a_list_of_leads_best_first_uses_its_index() -> None:
    best = Lead.objects.order_by(F("score").desc(nulls_last=True), "-id")
    a_lead("none")
    for score in (10, 90):
        a_lead(f"L-{score}", score=score)
    assert [lead.external_id for lead in best] == ["L-90", "L-10", "none"]
    if connection.vendor == "sqlite":
        assert "lead_best_first" in best.explain()
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Lead._meta.db_table)
    assert found["lead_best_first"]["index"]
