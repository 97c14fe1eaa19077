"""Tasks of monitoring: one service call each, safe to run twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks, Settings

from leadscoring.common import outbox
from leadscoring.places import Places
from monitoring import tasks
from monitoring.models import Delivery, NotificationChannel, StoredReading
from monitoring.services.readings import forget
from tests.factories.watch import START, a_channel, a_reading, look

pytestmark = pytest.mark.django_db


def test_an_alert_becomes_a_file_of_each_channel_that_takes_its_level(
    settings: Settings, tmp_path: object, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    settings.PLACES = Places(tmp_path)  # type: ignore[arg-type]  # a path
    settings.CELERY_TASK_ALWAYS_EAGER = True
    NotificationChannel.objects.all().delete()
    for kind in ("slack", "email", "pagerduty"):
        a_channel(kind, "critical" if kind != "slack" else "warning")
    with django_capture_on_commit_callbacks() as callbacks:
        look(0, a_reading(value=0.6))
    assert len(callbacks) == 3
    for pk in Delivery.objects.values_list("pk", flat=True):
        tasks.deliver(pk)
        tasks.deliver(pk)
    assert sorted(file.kind for file in outbox.written()) == ["email", "pagerduty", "slack"]


def test_a_sweep_with_nothing_to_do_does_nothing() -> None:
    tasks.sweep()
    assert not StoredReading.objects.exists()


def test_readings_that_no_rule_is_tried_on_are_forgotten() -> None:
    look(0, a_reading())
    look(24 * 10, a_reading())
    assert forget(as_of=START + timedelta(days=181)) == 1
    assert StoredReading.objects.count() == 1
    tasks.forget_readings()
