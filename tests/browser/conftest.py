"""A browser for the admin: Debian's Chromium driven by Playwright; skipped where there is none."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))


def missing() -> str:
    """What keeps a browser from starting, in words; empty when nothing does."""
    if importlib.util.find_spec("playwright") is None:
        return "Playwright is not installed"
    return "" if CHROMIUM.is_file() else f"there is no Chromium at {CHROMIUM}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    for item in items:
        if reason and item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _nothing_served() -> Iterator[None]:
    """A version that an earlier test served is not in this test's database."""
    from scoring import loader

    loader.forget()
    yield
    loader.forget()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    # Playwright runs an event loop in this thread, where Django would refuse the database calls of the tests.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield started
        started.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


class Visit:
    """A signed-in page, and everything the browser complained about while it was open."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.on("console", lambda told: self.complaints.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def open(self, path: str) -> Page:
        """Open a page of the admin."""
        self.page.goto(f"{self.address}/admin/{path}")
        return self.page

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window, once it has loaded."""
        self.page.wait_for_load_state()
        return int(
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        )


@pytest.fixture
def visit(browser: Browser, live_server: Any) -> Iterator[Any]:
    """Sign in as somebody with a window of a width, in light or dark."""
    from django.conf import settings
    from django.test import Client

    contexts = []

    def signed_in(user: Any, *, width: int = 1280, scheme: str = "light") -> Visit:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
        contexts.append(context)
        context.add_cookies(
            [
                {
                    "name": settings.SESSION_COOKIE_NAME,
                    "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
                    "url": live_server.url,
                }
            ]
        )
        return Visit(context.new_page(), live_server.url)

    yield signed_in
    for context in contexts:
        context.close()
