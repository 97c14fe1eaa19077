"""Every stakeholder gets a report once, whatever dies or is away meanwhile."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from leadscoring.common.models import JobRun
from monitoring import tasks
from monitoring.models import Report, ReportDelivery, ReportState
from monitoring.services import reports
from monitoring.services.reports import Week, sending
from tests.factories.smtp import MailServer
from tests.factories.weekly import AS_OF, WEEK, a_business, a_stakeholder, leads_of_week
from tests.processes import race

pytestmark = pytest.mark.django_db


def a_report() -> Report:
    return reports.prepare(Week.before(AS_OF), as_of=AS_OF)


def released(*names: str) -> list[ReportDelivery]:
    for name in names:
        a_stakeholder(name)
    return reports.release(a_report(), as_of=AS_OF, by=None, reason="for a test")


def due() -> None:
    ReportDelivery.objects.update(next_attempt_at=datetime(2026, 1, 1, tzinfo=UTC))


def addresses() -> list[str]:
    return [parseaddr(one)[1] for told in mail.outbox for one in told.recipients()]


class Away:
    """A mail server that fails as told, a number of times."""

    def __init__(self, error: Exception, times: int = 99) -> None:
        self.error = error
        self.left = times

    def __call__(self, *_: Any, **__: Any) -> int:
        self.left -= 1
        raise self.error


class TestTheMail:
    def test_it_is_built_of_text_html_and_the_images_the_html_shows(self, outbox: Path) -> None:
        a_business()
        (row,) = released('王小明, Director "East"')
        assert reports.deliver(row.pk)
        (file,) = outbox.iterdir()
        told = message_from_bytes(file.read_bytes(), policy=policy.default)
        assert isinstance(told, EmailMessage)
        assert told.get_content_type() == "multipart/related"
        alternatives, *images = told.iter_parts()
        assert alternatives.get_content_type() == "multipart/alternative"
        text, html = alternatives.iter_parts()
        assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
        assert [image["Content-ID"] for image in images] == ["<leads>", "<grades>"]
        for image in images:
            assert image.get_content()[:8] == b"\x89PNG\r\n\x1a\n"
            assert image.get_content_disposition() == "inline"
            assert f'cid:{image["Content-ID"][1:-1]}"' in html.get_content()
        assert told["To"].addresses[0].display_name == '王小明, Director "East"'
        assert told["Subject"] == Report.objects.get().subject
        assert told["Auto-Submitted"] == "auto-generated"

    def test_a_name_with_a_line_break_adds_no_header(self) -> None:
        (row,) = released("Eve\r\nBcc: all@example.com")
        assert reports.deliver(row.pk)
        assert addresses() == ["evebccallexamplecom@example.com"]
        assert "\nBcc" not in mail.outbox[0].message().as_string()

    def test_a_real_mail_server_takes_it_in_one_transaction(self, settings: Settings) -> None:
        a_business()
        (row,) = released("Zoë (東京)")
        with MailServer() as server:
            settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
            settings.EMAIL_HOST, settings.EMAIL_PORT = server.address
            assert reports.deliver(row.pk)
        (got,) = server.mails
        assert [one.lower() for one in got.recipients] == ["rcpt to:<zo@example.com>"]
        assert max(len(line) for line in got.data.split(b"\r\n")) <= 998
        told = message_from_bytes(got.data, policy=policy.default)
        assert told["To"].addresses[0].display_name == "Zoë (東京)"
        assert [part.get_content_type() for part in told.walk()] == [
            "multipart/related", "multipart/alternative", "text/plain", "text/html", "image/png", "image/png",
        ]  # fmt: skip

    def test_an_empty_week_is_sent_without_images(self) -> None:
        (row,) = released("Ada")
        assert reports.deliver(row.pk)
        assert mail.outbox[0].attachments == []


class TestOnce:
    def test_each_active_stakeholder_has_one_row_however_often_it_is_released(self) -> None:
        a_stakeholder("Off", active=False)
        rows = released("Ada", "Ben")
        assert [row.name for row in rows] == ["Ada", "Ben"]
        for row in rows:
            assert reports.deliver(row.pk)
            assert not reports.deliver(row.pk)
        again = reports.release(Report.objects.get(), as_of=AS_OF, by=None, reason="twice")
        assert again == []
        assert sorted(addresses()) == ["ada@example.com", "ben@example.com"]

    def test_who_came_to_the_list_later_gets_it_by_sending_again(self) -> None:
        released("Ada")
        a_stakeholder("Ben")
        rows = reports.release(Report.objects.get(), as_of=AS_OF, by=None, reason="for Ben")
        assert [row.name for row in rows] == ["Ben"]

    def test_without_stakeholders_it_is_kept_and_goes_to_nobody(self) -> None:
        assert released() == []
        assert Report.objects.get().state == ReportState.RELEASED

    def test_who_is_switched_off_before_it_left_does_not_get_it(self) -> None:
        (row,) = released("Ada")
        assert row.stakeholder is not None
        row.stakeholder.active = False
        row.stakeholder.save()
        assert not reports.deliver(row.pk)
        row.refresh_from_db()
        assert row.state == "cancelled"
        assert mail.outbox == []

    def test_who_was_removed_from_the_list_keeps_the_history(self) -> None:
        (row,) = released("Ada")
        assert row.stakeholder is not None
        row.stakeholder.delete()
        row.refresh_from_db()
        assert (row.name, row.email) == ("Ada", "ada@example.com")


class TestTrouble:
    def test_a_mail_server_that_is_away_leaves_the_mail_waiting(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (row,) = released("Ada")
        with monkeypatch.context() as patch:
            patch.setattr(sending.RelatedMail, "send", Away(ConnectionRefusedError("nobody listens")))
            assert not reports.deliver(row.pk)
        row.refresh_from_db()
        assert (row.state, row.error) == ("queued", "ConnectionRefusedError: nobody listens")
        assert row.next_attempt_at is not None
        assert not reports.deliver(row.pk)
        due()
        assert reports.deliver(row.pk)
        row.refresh_from_db()
        assert (row.state, row.attempts, row.error) == ("done", 2, "")

    def test_a_day_of_failures_ends_it_with_its_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        (row,) = released("Ada")
        monkeypatch.setattr(sending.RelatedMail, "send", Away(smtplib.SMTPServerDisconnected("gone")))
        for _ in range(ReportDelivery.max_attempts + 3):
            due()
            reports.deliver(row.pk)
        row.refresh_from_db()
        assert (row.state, row.attempts) == ("failed", ReportDelivery.max_attempts)
        assert "gone" in row.error

    @pytest.mark.parametrize(("code", "state"), [(550, "failed"), (450, "queued")])
    def test_an_address_refused_for_good_is_not_tried_again(
        self, code: int, state: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (row,) = released("Ada")
        refusal = smtplib.SMTPRecipientsRefused({"ada@example.com": (code, b"no such user")})
        monkeypatch.setattr(sending.RelatedMail, "send", Away(refusal))
        reports.deliver(row.pk)
        row.refresh_from_db()
        assert row.state == state

    def test_the_sweep_wakes_what_waits_and_what_lost_its_worker(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queued: list[int] = []
        monkeypatch.setattr(sending, "enqueue", lambda path, pk: queued.append(pk))
        waiting, silent, done = released("Ada", "Ben", "Cem")
        queued.clear()
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        ReportDelivery.objects.filter(pk=silent.pk).update(state="running", attempts=1, lease_until=long_ago)
        ReportDelivery.objects.filter(pk=done.pk).update(state="done")
        tasks.sweep_reports()
        assert sorted(queued) == sorted([waiting.pk, silent.pk])

    def test_a_second_sending_of_the_same_row_carries_the_same_message_id(self) -> None:
        (row,) = released("Ada")
        first, second = (sending.mail_of(row).extra_headers["Message-ID"] for _ in range(2))
        assert first == second


class TestResend:
    def test_one_person_gets_it_once_more_at_the_address_of_today(self) -> None:
        ada, ben = released("Ada", "Ben")
        for row in (ada, ben):
            reports.deliver(row.pk)
        assert ada.stakeholder is not None
        ada.stakeholder.email = "ada@elsewhere.example"
        ada.stakeholder.save()
        ada = ReportDelivery.objects.get(pk=ada.pk)
        assert reports.resend(ada, by=None, reason="went to spam")
        assert reports.deliver(ada.pk)
        assert addresses()[2:] == ["ada@elsewhere.example"]
        ids = {one.extra_headers["Message-ID"] for one in mail.outbox}
        assert len(ids) == 3

    def test_a_mail_still_under_way_is_not_asked_for_twice(self) -> None:
        (row,) = released("Ada")
        assert not reports.resend(row, by=None, reason="impatient")
        row.refresh_from_db()
        assert (row.state, row.sendings) == ("queued", 1)


class TestBySchedule:
    def test_the_week_is_reported_once_however_often_beat_starts_it(self) -> None:
        a_stakeholder()
        for hours in (0, 1, 50):
            reports.send_weekly(as_of=AS_OF + timedelta(hours=hours))
        assert (Report.objects.count(), ReportDelivery.objects.count()) == (1, 1)
        reports.send_weekly(as_of=AS_OF + WEEK)
        assert (Report.objects.count(), ReportDelivery.objects.count()) == (2, 2)

    def test_weeks_without_a_start_are_recorded_and_not_mailed_late(self) -> None:
        a_stakeholder()
        reports.send_weekly(as_of=AS_OF)
        reports.send_weekly(as_of=AS_OF + 3 * WEEK)
        assert Report.objects.count() == 2
        assert JobRun.objects.filter(state="skipped").count() == 2

    def test_a_failure_while_counting_sends_nothing_and_is_tried_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        a_stakeholder()
        with monkeypatch.context() as patch:
            patch.setattr("monitoring.services.reports.build.render", Away(RuntimeError("no fonts")))
            assert reports.send_weekly(as_of=AS_OF) == []
        assert JobRun.objects.get().error == "RuntimeError: no fonts"
        assert not ReportDelivery.objects.exists()
        JobRun.objects.update(next_attempt_at=AS_OF)
        assert len(reports.send_weekly(as_of=AS_OF)) == 1
        assert ReportDelivery.objects.count() == 1

    def test_a_report_prepared_by_hand_is_counted_anew_when_it_is_sent(self) -> None:
        a_stakeholder()
        a_report()
        leads_of_week(0, "AB")
        reports.send_weekly(as_of=AS_OF)
        assert Report.objects.get().facts["leads"]["came"] == 2

    def test_the_tasks_have_limits_below_their_leases(self) -> None:
        assert tasks.deliver_report.time_limit < sending.LEASE_SECONDS
        assert tasks.send_weekly_report.time_limit < 900


def _send_all(_: int) -> list[int]:
    reports.send_weekly(as_of=AS_OF)
    return [pk for pk in ReportDelivery.objects.values_list("pk", flat=True) if reports.deliver(pk)]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_workers_that_report_and_send_at_once_send_each_mail_once(tmp_path: Path, outbox: Path) -> None:
    for name in ("Ada", "Ben", "Cem", "Dee"):
        a_stakeholder(name)
    leads_of_week(0, "ABCD")
    race(_send_all, [1, 2, 3], tmp_path)
    for pk in ReportDelivery.objects.filter(state="queued").values_list("pk", flat=True):
        reports.deliver(pk)
    assert Report.objects.count() == 1
    mails = [file.read_text(encoding="utf-8", errors="replace") for file in outbox.iterdir()]
    assert len(mails) == 4
    recipients = {line for told in mails for line in told.splitlines() if line.startswith("To: ")}
    assert len(recipients) == 4
