"""Activating a version through the admin: evidence first, then a POST with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from scoring.models import ModelVersion, Release
from tests.factories.rows import a_release, a_version, counts
from tests.factories.trained import a_served_release, a_stored_version
from tests.scoring.admin.conftest import SignIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]


def path_of(version: ModelVersion) -> str:
    return f"/admin/scoring/modelversion/{version.pk}/activate/"


def test_an_approver_puts_a_version_into_service(sign_in: SignIn) -> None:
    before = a_served_release()
    version = a_stored_version(seed=2)
    client = sign_in("approver")
    form = client.get(path_of(version)).context["form"]
    assert form.initial["expected"] == before.pk
    answer = client.post(
        path_of(version), {"reason": "better on the newest leads", "expected": before.pk}, follow=True
    )
    release = Release.objects.get(is_open=True)
    assert (release.champion, release.reason) == (version, "better on the newest leads")
    assert release.opened_by is not None
    assert release.opened_by.groups.get().name == "approver"
    assert "serves now" in answer.content.decode()


@pytest.mark.parametrize("role", ["sales rep", "analyst", "operator", "integrator", "nobody"])
def test_nobody_else_does(role: str, sign_in: SignIn) -> None:
    before = a_served_release()
    version = a_stored_version(seed=2)
    answer = sign_in(role).post(path_of(version), {"reason": "I want to", "expected": before.pk})
    assert answer.status_code == 403
    assert Release.objects.get(is_open=True) == before


@pytest.mark.parametrize("reason", ["", "   ", "\t\n"])
def test_it_asks_for_a_reason(reason: str, admin_client: Client) -> None:
    version = a_stored_version()
    before = counts()
    answer = admin_client.post(path_of(version), {"reason": reason, "expected": ""})
    assert answer.status_code == 409
    assert "Write why" in answer.content.decode()
    assert counts() == before


def test_it_shows_what_serves_now_when_somebody_was_quicker(admin_client: Client) -> None:
    version = a_stored_version()
    seen = a_served_release(seed=2)
    quicker = a_release(a_version())
    answer = admin_client.post(path_of(version), {"reason": "better", "expected": seen.pk})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "changed meanwhile" in page
    assert "better" in page
    assert answer.context["form"]["expected"].value() == quicker.pk
    assert Release.objects.get(is_open=True) == quicker
    again = admin_client.post(path_of(version), {"reason": "better", "expected": quicker.pk})
    assert again.status_code == 302
    assert Release.objects.get(is_open=True).champion == version


def test_it_says_why_a_version_without_its_file_cannot_serve(admin_client: Client) -> None:
    version = a_version()
    before = counts()
    answer = admin_client.post(path_of(version), {"reason": "try", "expected": ""})
    assert answer.status_code == 409
    assert f"Version {version.number}" in answer.content.decode()
    assert counts() == before


def test_it_says_why_an_altered_file_cannot_serve(admin_client: Client, place: Path) -> None:
    version = a_stored_version()
    for file in place.rglob("*.json"):
        file.chmod(0o600)
        file.write_bytes(file.read_bytes() + b" ")
    answer = admin_client.post(path_of(version), {"reason": "try", "expected": ""})
    assert answer.status_code == 409
    assert not Release.objects.exists()


def test_it_takes_a_number_that_is_none_for_a_mistake(admin_client: Client) -> None:
    version = a_stored_version()
    assert admin_client.post(path_of(version), {"reason": "x", "expected": "one"}).status_code == 409
    assert not Release.objects.exists()
