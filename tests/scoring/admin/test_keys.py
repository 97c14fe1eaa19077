"""API keys in the admin: the text is shown once and lives nowhere else."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from scoring.models import ApiKey
from scoring.services.keys import check_key, create_key

pytestmark = pytest.mark.django_db

NEW = "/admin/scoring/apikey/new-key/"
FORM = {
    "name": "Website form",
    "source_system": "website",
    "scopes": ["score", "outcomes"],
    "expires": "365",
    "per_minute": "600",
}


def text_of(page: str) -> str:
    found = re.search(r"data-secret>([^<]+)<", page)
    assert found is not None
    return found[1]


def test_it_shows_a_key_that_works_and_keeps_no_copy(
    admin_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = admin_client.post(NEW, FORM)
    key = text_of(answer.content.decode())
    holder = check_key(key, as_of=timezone.now())
    assert (holder.name, holder.source_system, holder.per_minute) == ("Website form", "website", 600)
    assert holder.scopes == {"score", "outcomes"}
    secret = key.split(".")[1]
    row = ApiKey.objects.get()
    assert secret not in str(ApiKey.objects.values().get())
    assert all(secret not in (entry.change_message + entry.object_repr) for entry in LogEntry.objects.all())
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
    assert secret not in caplog.text
    assert "no-store" in answer.headers["Cache-Control"]
    for path in ("", f"{row.pk}/change/", f"{row.pk}/history/", f"{row.pk}/rotate/"):
        page = admin_client.get(f"/admin/scoring/apikey/{path}").content.decode()
        assert secret not in page, path
        assert row.secret_hash not in page, path


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"name": ""},
        {"name": "a\x00b"},
        {"source_system": "  "},
        {"per_minute": "0"},
        {"per_minute": "many"},
        {"expires": "-1"},
    ],
)
def test_it_refuses_what_cannot_be_a_key(changes: dict[str, object], admin_client: Client) -> None:
    answer = admin_client.post(NEW, {**FORM, **changes})
    assert answer.status_code == 400
    assert not ApiKey.objects.exists()


def test_it_makes_a_key_that_never_expires(admin_client: Client) -> None:
    admin_client.post(NEW, {**FORM, "expires": "never"})
    assert ApiKey.objects.get().expires_at is None


def test_it_rotates_a_key_and_lets_the_old_one_run_out(admin_client: Client) -> None:
    now = timezone.now()
    old = create_key(name="CRM", scopes=["read"], source_system="crm", as_of=now)
    answer = admin_client.post(f"/admin/scoring/apikey/{old.id}/rotate/", {"overlap": "1"})
    fresh = text_of(answer.content.decode())
    assert check_key(fresh, as_of=timezone.now()).source_system == "crm"
    ends = ApiKey.objects.get(pk=old.id).expires_at
    assert ends is not None
    assert timedelta(hours=23) < ends - now < timedelta(hours=25)


def test_it_says_why_a_revoked_key_is_not_rotated(admin_client: Client) -> None:
    old = create_key(name="CRM", scopes=["read"], source_system="crm", as_of=timezone.now())
    admin_client.post(f"/admin/scoring/apikey/{old.id}/revoke/")
    answer = admin_client.post(f"/admin/scoring/apikey/{old.id}/rotate/", {"overlap": "1"})
    assert answer.status_code == 400
    assert "revoked" in answer.content.decode()
    assert ApiKey.objects.count() == 1


def test_it_revokes_once_and_stays_calm_about_a_second_time(admin_client: Client) -> None:
    key = create_key(name="CRM", scopes=["read"], source_system="crm", as_of=timezone.now())
    path = f"/admin/scoring/apikey/{key.id}/revoke/"
    admin_client.post(path)
    first = ApiKey.objects.get(pk=key.id).revoked_at
    admin_client.post(path)
    assert ApiKey.objects.get(pk=key.id).revoked_at == first
