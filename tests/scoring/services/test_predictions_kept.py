"""A prediction is a record: neither it nor what scored can be taken away."""

from __future__ import annotations

import pytest
from django.db.models import ProtectedError

from scoring.models import Lead, ModelVersion, Prediction, Release
from tests.factories.calls import score, sent
from tests.factories.trained import a_served_release

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def test_a_prediction_is_never_changed_or_deleted() -> None:
    a_served_release()
    row = Prediction.objects.get(pk=score(sent()).prediction_id)
    with pytest.raises(TypeError, match="never changed"):
        row.save()
    with pytest.raises(TypeError, match="never deleted"):
        row.delete()


def test_what_scored_cannot_disappear() -> None:
    release = a_served_release()
    score(sent())
    for row in (release, release.champion, Lead.objects.get()):
        with pytest.raises(ProtectedError):
            row.delete()
    assert (Release.objects.count(), ModelVersion.objects.count()) == (1, 1)
