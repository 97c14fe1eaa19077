"""Pages that say no look like the product, say what was refused and who may do it, and give nothing away."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.template import loader
from django.test import Client
from pytest_django.fixtures import Settings

from leadscoring.refusals import NotedRefusals
from scoring.admin.leads import LeadAdmin
from scoring.models import ImportRun
from tests.factories.people import a_person
from tests.factories.rows import counts

pytestmark = pytest.mark.django_db


def signed_in(role: str, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(a_person(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


def words_of(answer: Any) -> str:
    """The page's own part as text on one line; nothing on it comes from elsewhere."""
    page = answer.content.decode()
    assert 'name="viewport"' in page
    assert (
        re.search(r"""(src|href|action)=["'](https?:)?//""", page.replace("http://testserver/", "/")) is None
    )
    body = (
        page.split('<div class="ls-page">')[-1]
        if "content-main" not in page
        else page.split("content-main")[1]
    )
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def in_frame(answer: Any) -> bool:
    return b"nav-sidebar" in answer.content


# --- Not allowed -------------------------------------------------------------------------------------


def test_it_names_the_permission_the_roles_that_have_it_and_one_s_own() -> None:
    answer = signed_in("sales rep").get("/admin/scoring/importrun/")
    assert answer.status_code == 403
    words = words_of(answer)
    assert "You may not open this page" in words
    assert (
        "It needs the permission “Can view import run” , which you do not have. These roles have it: "
        "analyst, approver, integrator, operator ." in words
    )
    assert "your role: sales rep." in words
    assert "Asked for: /admin/scoring/importrun/" in words
    assert in_frame(answer)


@pytest.mark.parametrize(
    ("role", "path", "permission"),
    [
        ("sales rep", "importrun/{}/file/", "Can view import run"),
        ("approver", "importrun/upload/", "Can add import run"),
        ("approver", "importrun/{}/discard/", "Can add import run"),
        ("sales rep", "lead/export/", "Can export leads to a file"),
    ],
)
def test_what_is_refused_changes_nothing_and_says_so(role: str, path: str, permission: str) -> None:
    run = ImportRun.objects.create(file_name="a.csv", source_system="a", state="draft", stored_file="a/a.csv")
    client = signed_in(role)
    before = counts()
    answer = client.post(f"/admin/scoring/{path.format(run.pk)}", {"reason": "x"})
    assert (answer.status_code, counts()) == (403, before)
    words = words_of(answer)
    assert "You may not do this Nothing was changed." in words
    assert f"“{permission}”" in words


def test_whoever_has_no_role_is_told_who_gives_one() -> None:
    person = User.objects.create_user("new", is_staff=True)
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    words = words_of(client.get("/admin/scoring/lead/"))
    assert "You are signed in as new, who has no role yet." in words
    assert "gives roles under People" in words


@pytest.mark.parametrize("role", ["superuser", "analyst"])
def test_what_nobody_may_do_by_hand_is_said_so(role: str) -> None:
    answer = signed_in(role).post("/admin/scoring/prediction/add/")
    assert answer.status_code == 403
    assert "the program does it by itself" in words_of(answer)


def test_noting_a_refusal_gives_no_permission() -> None:
    person = a_person("sales rep")
    assert not person.has_perm("scoring.activate_release")
    assert person.has_perm("scoring.view_lead")
    assert person.refused_permissions == ["scoring.activate_release"]  # type: ignore[attr-defined]
    backend = NotedRefusals()
    assert backend.authenticate(HttpRequest(), username="x", password="x") is None  # type: ignore[func-returns-value]
    assert backend.get_all_permissions(person) == set()


# --- Not there ---------------------------------------------------------------------------------------


def test_a_missing_row_is_named_in_the_admin_s_frame() -> None:
    answer = signed_in("superuser").get("/admin/scoring/importrun/999/download-errors/")
    assert answer.status_code == 404
    assert "There is no import run with the key 999." in words_of(answer)
    assert in_frame(answer)


@pytest.mark.parametrize("path", ["/nowhere", "/admin", "/%3Cscript%3Ealert(1)%3C/script%3E"])
def test_outside_the_admin_the_page_stands_alone(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 404
    assert "Nothing is at this address." in words_of(answer)
    assert b"<script>alert" not in answer.content
    assert not in_frame(answer)
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]


def test_strangers_see_no_navigation() -> None:
    answer = Client().get("/admin/nowhere/", follow=True)
    assert b"importrun" not in answer.content


# --- A form that cannot be taken ---------------------------------------------------------------------


def refused_form(client: Client, **headers: str) -> str:
    answer = client.post("/admin/login/", {"username": "x"}, **headers)  # type: ignore[arg-type]
    assert answer.status_code == 403
    words = words_of(answer)
    assert "The form could not be taken Nothing was changed." in words
    return words + " " + " ".join(re.findall(r'href="([^"]*)"', answer.content.decode()))


def test_a_form_without_a_cookie_says_how_to_send_it_again() -> None:
    words = refused_form(Client(enforce_csrf_checks=True))
    assert "sent no cookie of this site" in words


def test_an_old_form_leads_back_to_its_page() -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/admin/login/")
    words = refused_form(client, HTTP_REFERER="http://testserver/admin/login/?next=/admin/")
    assert "Load it anew and send the form again." in words
    assert "http://testserver/admin/login/?next=/admin/" in words


def test_a_form_of_another_site_is_named_as_such_and_never_linked() -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/admin/login/")
    words = refused_form(client, HTTP_ORIGIN="https://evil.example", HTTP_REFERER="https://evil.example/form")
    assert "come from another address" in words
    assert "CSRF_TRUSTED_ORIGINS" in words
    assert "evil.example/form" not in words


def test_a_signed_in_person_s_refused_form_stays_in_the_frame() -> None:
    client = signed_in("superuser", enforce_csrf_checks=True)
    answer = client.post("/admin/scoring/importrun/upload/", {})
    assert answer.status_code == 403
    assert in_frame(answer)


# --- Locked ------------------------------------------------------------------------------------------


def try_to_sign_in(name: str, password: str = "wrong", **headers: Any) -> Any:
    return Client(**headers).post("/admin/login/", {"username": name, "password": password})


def test_too_many_failed_tries_are_told_how_long_to_wait_and_who_can_help(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    assert [try_to_sign_in("<b>Ben</b>").status_code for _ in range(3)] == [200, 200, 429]
    answer = try_to_sign_in("<b>Ben</b>")
    words = words_of(answer)
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert "There were 3 failed tries as <b>Ben</b> from your address." in words
    assert "No more are taken for 15 minutes, not even with the right password" in words
    assert "end the wait under Failed sign-ins" in words
    assert b"<b>Ben" not in answer.content
    assert not in_frame(answer)


def test_the_page_of_locked_tries_does_not_say_whether_a_name_exists(settings: Settings) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    person = User.objects.create_superuser("ben", password="the right one")
    known, unknown = try_to_sign_in("ben"), try_to_sign_in("bob")
    assert words_of(known).replace("ben", "") == words_of(unknown).replace("bob", "")
    assert try_to_sign_in(person.username, "the right one").status_code == 429
    assert try_to_sign_in("ben", "the right one", REMOTE_ADDR="198.51.100.7").status_code == 302


# --- Faults ------------------------------------------------------------------------------------------


def test_a_fault_is_owned_and_gives_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> Any:
        raise RuntimeError("password of the database")

    monkeypatch.setattr(LeadAdmin, "get_queryset", broken)
    client = signed_in("superuser", raise_request_exception=False)
    answer = client.get("/admin/scoring/lead/")
    assert answer.status_code == 500
    words = words_of(answer)
    assert "Something went wrong on our side" in words
    assert "password" not in words


@pytest.mark.parametrize("name", ["400.html", "500.html"])
def test_the_pages_of_faults_need_no_database_and_no_request(
    name: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert "leadscoring" in loader.get_template(name).render()


def test_a_foreign_host_gets_a_page_too() -> None:
    answer = Client().get("/admin/", HTTP_HOST="evil.example")
    assert answer.status_code == 400
    assert "The request cannot be read" in words_of(answer)
    assert b"evil.example" not in answer.content
