"""Forms of rows look alike: no control that the browser would draw its own way."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.urls import reverse

from tests.scoring.admin.conftest import SignIn
from tests.scoring.admin.test_permissions import SUPER

pytestmark = pytest.mark.django_db


class Controls(HTMLParser):
    """What a person fills in, below the form's root."""

    def __init__(self) -> None:
        super().__init__()
        self.bare: list[str] = []
        self.seen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        drawn = tag in {"textarea", "select"} or (
            tag == "input" and found.get("type") not in {"hidden", "submit"}
        )
        if not drawn or not (found.get("id") or "").startswith("id_"):
            return
        self.seen += 1
        if not {"border", "appearance-none"} & set((found.get("class") or "").split()):
            self.bare.append(f"{tag} {found.get('name')}")


def test_every_control_of_a_new_row_is_drawn_by_the_theme(sign_in: SignIn) -> None:
    client, forms, controls = sign_in(SUPER), 0, 0
    for model in admin.site._registry:
        if model._meta.app_label not in {"scoring", "monitoring"}:
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_add"
        response = client.get(reverse(name))
        if response.status_code != 200:
            continue
        page = Controls()
        page.feed(response.content.decode())
        assert page.bare == [], name
        forms, controls = forms + 1, controls + page.seen
    assert forms >= 4
    assert controls >= 15
