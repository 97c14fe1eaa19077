"""The second look on a version's page in a real browser: its charts are drawn, its tables open, nothing runs off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from tests.factories.evidence import a_report, a_second_look, some_metrics
from tests.factories.people import a_person
from tests.factories.rows import a_version

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "A group whose name is long: " + "Lead source Website, contact form, returning visitor; " * 4
HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'
CHARTS = ("How much of it is luck of the split", "Would more leads help?")


@pytest.fixture
def admin(settings: Settings, tmp_path: Path) -> User:
    settings.VAR_DIR = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    return a_person("superuser")


def page_of(words: str) -> str:
    """The page of a version whose second look holds these words."""
    version = a_version(metrics=some_metrics(), report=a_report(**a_second_look(words)))
    return f"scoring/modelversion/{version.pk}"


def card(page: Any, heading: str) -> Any:
    return page.locator("section.ls-card", has=page.get_by_role("heading", name=heading, exact=True))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("words", [LONG, HOSTILE])
def test_every_part_is_drawn_inside_the_window(
    width: int, scheme: str, words: str, admin: User, visit: Any
) -> None:
    shown = visit(admin, width=width, scheme=scheme)
    page = shown.open(f"{page_of(words)}/change/")
    for heading in CHARTS:
        drawn = card(page, heading).locator("svg").first
        drawn.scroll_into_view_if_needed()
        box = drawn.bounding_box()
        assert box["width"] > 200, heading
        assert box["height"] > 80, heading
        assert box["x"] >= 0, heading
        assert box["x"] + box["width"] <= width, heading
    weak = card(page, "Where the model is weak")
    assert words.strip() in weak.inner_text()
    assert shown.overflow() <= 0
    assert shown.complaints == []


def test_its_tables_open_and_stay_inside_a_phone(admin: User, visit: Any) -> None:
    shown = visit(admin, width=390)
    page = shown.open(f"{page_of(LONG)}/change/")
    curve = card(page, "Would more leads help?")
    table = curve.get_by_role("table")
    assert not table.is_visible()
    curve.get_by_text("As a table").click()
    assert table.is_visible()
    assert "1,600" in table.inner_text()
    weak = card(page, "Where the model is weak")
    others = weak.get_by_text("The other groups of single fields: 1")
    assert not weak.get_by_text("City: Dubai").first.is_visible()
    others.click()
    assert weak.get_by_text("City: Dubai").first.is_visible()
    assert shown.overflow() <= 0


def test_its_charts_follow_the_scheme(admin: User, visit: Any) -> None:
    path, colours = f"{page_of(LONG)}/change/", set()
    for scheme in ("light", "dark"):
        page = visit(admin, scheme=scheme).open(path)
        page.wait_for_function(
            "dark => document.documentElement.classList.contains('dark') === dark", arg=scheme == "dark"
        )
        words = card(page, "Would more leads help?").locator("svg text").first
        colours.add(words.evaluate("e => getComputedStyle(e).fill"))
    assert len(colours) == 2


def test_who_decides_about_a_release_reads_it_there(admin: User, visit: Any) -> None:
    shown = visit(admin, width=390, scheme="dark")
    page = shown.open(f"{page_of(LONG)}/activate/")
    page.wait_for_selector("text=How sure that is")
    assert shown.overflow() <= 0
    assert shown.complaints == []
