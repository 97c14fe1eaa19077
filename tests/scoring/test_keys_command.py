"""`manage.py create_api_key`."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from scoring.models import ApiKey
from scoring.services.keys import check_key

pytestmark = pytest.mark.django_db


def run(*args: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_api_key", *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_it_prints_the_key_alone_on_stdout() -> None:
    out, err = run("Web form", "--scope", "score")
    holder = check_key(out.strip(), as_of=timezone.now())
    assert (holder.name, holder.source_system, holder.per_minute) == ("Web form", "file", 6000)
    assert "shown only now" in err
    assert out.strip() not in err


def test_it_prints_one_json_object_when_asked() -> None:
    out, err = run(
        "CRM", "--scope", "score,read", "--scope", "outcomes", "--source", "crm", "--days", "30", "--json"
    )
    found: dict[str, Any] = json.loads(out)
    assert found["scopes"] == ["score", "outcomes", "read"]
    assert found["source_system"] == "crm"
    assert check_key(found["key"], as_of=timezone.now()).id == found["id"]
    row = ApiKey.objects.get()
    assert row.expires_at is not None
    assert timedelta(days=29) < row.expires_at - timezone.now() <= timedelta(days=30)
    assert err == ""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("CRM", "--scope", "everything"), "'everything' is not known"),
        (("CRM", "--scope", ","), "at least one scope"),
        (("CRM",), "--scope"),
        (("", "--scope", "score"), "name"),
        (("CRM", "--scope", "score", "--days", "0"), "--days is 0"),
        (("CRM", "--scope", "score", "--days", "99999999"), "--days is 99999999"),
        (("CRM", "--scope", "score", "--per-minute", "0"), "Calls a minute is 0"),
        (("CRM", "--scope", "score", "--source", "x" * 65), "1 to 64"),
    ],
)
def test_it_says_what_was_expected_and_makes_nothing(args: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError) as caught:
        run(*args)
    assert words in str(caught.value)
    assert not ApiKey.objects.exists()
