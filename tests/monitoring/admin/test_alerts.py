"""Pages of alerts: what people read, and what they may do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitoring.contracts import AlertLevel, Looked, RuleKind
from monitoring.models import Alert, AlertEvent
from monitoring.services.readings import record
from tests.factories.people import a_person
from tests.factories.watch import a_reading, a_story, look, the_alert

pytestmark = pytest.mark.django_db
LIST = "/admin/monitoring/alert/"


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(a_person(role))
    return client


def test_the_page_says_what_how_sure_what_it_does_and_what_to_do(admin_client: Client) -> None:
    look(0, a_reading(value=0.6, story=a_story("Grades are wrong")), a_reading("feature=a", cause="x"))
    alert = Alert.objects.get(subject="feature=budget")
    text = page(admin_client, f"{LIST}{alert.pk}/change/")
    for words in (
        "Grades are wrong",
        "PSI 0.31 against the reference.",
        "n = 1,200, p below 0.001.",
        "Grades of one lead in ten are wrong.",
        "Ask who changed the form.",
        "0.6 PSI",
        "0.5 PSI",
        "below 0.001",
        "Onset",
        "feature=budget",
    ):
        assert words in text, words


def test_words_of_a_lead_are_shown_as_words(admin_client: Client) -> None:
    nasty = "<script>alert(1)</script>"
    look(
        0,
        *(
            a_reading(f"{n}{nasty}", cause="c", story=a_story(nasty, what=nasty, sure=nasty))
            for n in range(2)
        ),
    )
    for path in ("/admin/", LIST, f"{LIST}{the_alert().pk}/change/", f"{LIST}{the_alert().pk}/close/"):
        assert "<script>alert" not in page(admin_client, path), path


def test_the_list_shows_open_ones_first_and_the_most_serious_on_top(admin_client: Client) -> None:
    look(0, a_reading("feature=over", 0.9, story=a_story("Over long ago")))
    look(1, a_reading("feature=mild", 0.3, story=a_story("Mild one")))
    look(
        2,
        a_reading("feature=mild", 0.3, story=a_story("Mild one")),
        a_reading("x", 0.9, story=a_story("Grave")),
    )
    text = page(admin_client, LIST)
    assert text.index("Grave") < text.index("Mild one") < text.index("Over long ago")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=open", 2),
        ("state=closed", 1),
        ("state=snoozed", 0),
        ("state=unseen", 2),
        ("state=nonsense", 3),
        ("level=critical", 1),
        ("kind=volume", 0),
        ("owner=nobody", 3),
        ("owner=me", 0),
        ("q=grave", 1),
        ("q=%00", 3),
        ("onset_from=2026-11-03", 0),
    ],
)
def test_the_list_is_filtered_and_searched(query: str, found: int, admin_client: Client) -> None:
    look(0, a_reading("over", 0.3))
    look(1, a_reading("mild", 0.3), a_reading("x", 0.9, story=a_story("Grave")))
    assert page(admin_client, f"{LIST}?{query}").count("data-row") == found


def test_the_list_asks_the_database_a_bounded_number_of_times(admin_client: Client) -> None:
    look(0, *(a_reading(f"feature={n}") for n in range(60)))
    page(admin_client, LIST)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page(admin_client, LIST)
    assert len(queries) <= 15


@pytest.mark.parametrize("act", ["acknowledge", "take", "snooze", "close"])
def test_looking_changes_nothing_and_posting_acts(act: str, admin_client: Client) -> None:
    look(0, a_reading())
    path = f"{LIST}{the_alert().pk}/{act}/"
    before = AlertEvent.objects.count()
    page(admin_client, path)
    assert AlertEvent.objects.count() == before
    answer = admin_client.post(path, {"reason": "We know", "length": "4"})
    assert answer.status_code == 302
    assert AlertEvent.objects.count() == before + 1
    event = AlertEvent.objects.latest("pk")
    assert event.by == User.objects.get(username="admin")


@pytest.mark.parametrize("act", ["snooze", "close"])
def test_a_reason_is_asked_for(act: str, admin_client: Client) -> None:
    look(0, a_reading())
    answer = admin_client.post(f"{LIST}{the_alert().pk}/{act}/", {"reason": " ", "length": "4"})
    assert (answer.status_code, the_alert().state, the_alert().snoozed_until) == (400, "open", None)


@pytest.mark.parametrize("until", ["", "yesterday", "2020-01-01T00:00", "2999-01-01T00:00"])
def test_a_snooze_needs_an_end_that_is_ahead(until: str, admin_client: Client) -> None:
    look(0, a_reading())
    form = {"reason": "Known", "length": "other", "until": until}
    assert admin_client.post(f"{LIST}{the_alert().pk}/snooze/", form).status_code == 400
    assert the_alert().snoozed_until is None


def test_a_snooze_ends_when_it_was_said(admin_client: Client) -> None:
    look(0, a_reading())
    until = (timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    form = {"reason": "Known", "length": "other", "until": f"{until:%Y-%m-%dT%H:%M}"}
    admin_client.post(f"{LIST}{the_alert().pk}/snooze/", form)
    assert the_alert().snoozed_until == until


@pytest.mark.parametrize("act", ["acknowledge", "take", "snooze", "close"])
def test_a_closed_alert_is_left_alone_and_says_so(act: str, admin_client: Client) -> None:
    look(0, a_reading())
    look(1, a_reading(value=0.0))
    before = AlertEvent.objects.count()
    answer = admin_client.post(f"{LIST}{the_alert().pk}/{act}/", {"reason": "We know", "length": "4"})
    assert answer.status_code == 400
    assert "closed already" in answer.content.decode()
    assert AlertEvent.objects.count() == before


@pytest.mark.parametrize(
    ("role", "reads", "acts"),
    [
        ("operator", True, True),
        ("analyst", True, True),
        ("approver", True, False),
        ("sales rep", False, False),
        ("integrator", False, False),
        ("nobody", False, False),
    ],
)
def test_each_role_sees_and_does_what_it_may(role: str, reads: bool, acts: bool) -> None:
    look(0, a_reading())
    client, alert = signed_in(role), the_alert()
    assert (client.get(f"{LIST}{alert.pk}/change/").status_code == 200) is reads
    answer = client.post(f"{LIST}{alert.pk}/close/", {"reason": "We know"})
    assert (answer.status_code, the_alert().state) == ((302, "held") if acts else (403, "open"))


def test_the_dashboard_shows_the_most_serious_first_and_is_calm_when_there_is_none(
    admin_client: Client,
) -> None:
    assert "as far as is known: no check was made yet" in page(admin_client, "/admin/")
    look(0, a_reading("a", 0.3, story=a_story("Mild one")), a_reading("b", 0.9, story=a_story("Grave")))
    text = page(admin_client, "/admin/")
    assert text.index("Grave") < text.index("Mild one")
    look(1, a_reading("a", 0.0), a_reading("b", 0.0))
    assert "Nothing is wrong. The newest check" in page(admin_client, "/admin/")


def test_a_snoozed_alert_is_counted_on_the_dashboard_only() -> None:
    now = timezone.now()
    reading = a_reading(
        kind=RuleKind.LATENCY, value=300.0, sure=AlertLevel.WARNING, story=a_story("Slow answers")
    )
    record(Looked(now, frozenset({RuleKind.LATENCY}), (reading,)))
    Alert.objects.update(snoozed_until=now + timedelta(hours=1))
    text = page(signed_in("operator"), "/admin/")
    assert "Slow answers" not in text
    assert "1 snoozed" in text


def test_what_was_measured_is_drawn_beside_the_limits(admin_client: Client) -> None:
    look(0, a_reading(value=0.3))
    address = f"/admin/monitoring/alert/{the_alert().pk}/change/"
    assert "A feature drifted, measured" not in admin_client.get(address).content.decode()
    look(1, a_reading(value=0.6))
    page = admin_client.get(address).content.decode()
    assert "A feature drifted, measured" in page
    assert "Dashed: warning from 0.25, critical from 0.5." in page
