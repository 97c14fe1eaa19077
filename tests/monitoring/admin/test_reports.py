"""Reports in the admin: read by those who may, sent on a confirmed POST with a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from leadscoring.common.models import JobRun
from monitoring.models import Report, ReportDelivery, ReportState, Stakeholder
from monitoring.services import reports
from monitoring.services.reports import Week
from tests.factories.weekly import AS_OF, a_business, a_stakeholder
from tests.monitoring.conftest import SignIn

pytestmark = pytest.mark.django_db
LIST = "/admin/monitoring/report/"


@pytest.fixture
def report() -> Report:
    a_business()
    return reports.prepare(Week.before(AS_OF), as_of=AS_OF)


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def of(row: Report, action: str = "change") -> str:
    return reverse(f"admin:monitoring_report_{action}", args=(row.pk,))


class TestReading:
    def test_the_mail_is_shown_in_a_frame_that_runs_and_fetches_nothing(
        self, sign_in: SignIn, report: Report
    ) -> None:
        html = page(sign_in("approver"), of(report))
        assert 'sandbox=""' in html
        assert html.count("data:image/png;base64,") == 2
        assert "cid:" not in html
        assert "The same as plain text" in html

    def test_the_list_shows_the_state_and_who_got_it_in_few_queries(
        self, sign_in: SignIn, report: Report, django_assert_max_num_queries: object
    ) -> None:
        a_stakeholder("Ada")
        a_stakeholder("Ben")
        for row in reports.release(report, as_of=AS_OF, by=None, reason="x"):
            reports.deliver(row.pk)
        ReportDelivery.objects.filter(name="Ben").update(state="failed")
        client = sign_in("analyst")
        with django_assert_max_num_queries(15):  # type: ignore[operator]
            html = page(client, LIST)
        assert "1 of 2, 1 failed" in html
        assert "Week 22 of 2026 (25 to 31 May)" in html
        assert "Week 22" in page(client, f"{LIST}?q=ben")
        assert "Week 22 of" not in page(client, f"{LIST}?q=nobody")
        assert "Week 22 of" not in page(client, f"{LIST}?state=prepared")

    def test_addresses_are_for_those_who_may_see_mails(self, sign_in: SignIn, report: Report) -> None:
        a_stakeholder("Ada")
        reports.release(report, as_of=AS_OF, by=None, reason="x")
        assert "ada@example.com" in page(sign_in("operator"), of(report))
        answer = sign_in("sales rep").get(of(report))
        assert answer.status_code == 403

    def test_an_empty_archive_says_when_the_first_comes(self, sign_in: SignIn) -> None:
        assert "06:30 UTC" in page(sign_in("operator"), LIST)


class TestPreparing:
    def test_it_is_prepared_on_a_post_and_sent_to_nobody(self, sign_in: SignIn) -> None:
        a_stakeholder()
        client = sign_in("analyst")
        path = reverse("admin:monitoring_report_prepare_now")
        assert "nothing is sent" in page(client, path)
        assert not Report.objects.exists()
        client.post(path)
        assert Report.objects.get().week == Week.before(timezone.now()).monday
        assert not ReportDelivery.objects.exists()

    def test_who_may_only_read_is_refused(self, sign_in: SignIn) -> None:
        answer = sign_in("approver").post(reverse("admin:monitoring_report_prepare_now"))
        assert answer.status_code == 403
        assert not Report.objects.exists()


class TestSending:
    def test_the_page_names_the_recipients_and_a_reason_is_needed(
        self, sign_in: SignIn, report: Report
    ) -> None:
        a_stakeholder("Ada")
        a_stakeholder("Off", active=False)
        client = sign_in("operator")
        html = page(client, of(report, "send_now"))
        assert "ada@example.com" in html
        assert "off@example.com" not in html
        client.post(of(report, "send_now"), {"reason": " "})
        assert not ReportDelivery.objects.exists()
        client.post(of(report, "send_now"), {"reason": "The board meets today."})
        row = ReportDelivery.objects.get()
        assert (row.email, row.reason, str(row.requested_by)) == (
            "ada@example.com", "The board meets today.", "operator_8",
        )  # fmt: skip
        report.refresh_from_db()
        assert report.state == ReportState.RELEASED

    def test_a_second_press_sends_nothing(self, sign_in: SignIn, report: Report) -> None:
        a_stakeholder("Ada")
        client = sign_in("operator")
        for _ in range(2):
            client.post(of(report, "send_now"), {"reason": "x"})
        assert ReportDelivery.objects.count() == 1

    @pytest.mark.parametrize("role", ["approver", "sales rep", "integrator", "nobody"])
    def test_who_may_not_send_is_refused(self, role: str, sign_in: SignIn, report: Report) -> None:
        a_stakeholder("Ada")
        row = ReportDelivery.objects.create(report=report, name="Ben", email="ben@example.com", state="done")
        client = sign_in(role)
        assert client.post(of(report, "send_now"), {"reason": "x"}).status_code == 403
        again = reverse("admin:monitoring_report_resend", args=(report.pk, row.pk))
        assert client.post(again, {"reason": "x"}).status_code == 403
        row.refresh_from_db()
        assert (ReportDelivery.objects.count(), row.state) == (1, "done")

    def test_one_person_gets_it_again(self, sign_in: SignIn, report: Report) -> None:
        a_stakeholder("Ada")
        (row,) = reports.release(report, as_of=AS_OF, by=None, reason="x")
        reports.deliver(row.pk)
        client = sign_in("operator")
        path = reverse("admin:monitoring_report_resend", args=(report.pk, row.pk))
        assert path in page(client, of(report))
        assert "ada@example.com" in page(client, path)
        row.refresh_from_db()
        assert row.state == "done"
        client.post(path, {"reason": "Lost in the move."})
        row.refresh_from_db()
        assert (row.state, row.sendings, row.reason) == ("queued", 2, "Lost in the move.")

    def test_a_mail_of_another_report_is_not_found(self, sign_in: SignIn, report: Report) -> None:
        other = reports.prepare(Week.before(AS_OF + timedelta(days=7)), as_of=AS_OF + timedelta(days=7))
        row = ReportDelivery.objects.create(report=other, name="Ben", email="b@example.com", state="done")
        path = reverse("admin:monitoring_report_resend", args=(report.pk, row.pk))
        assert sign_in("operator").post(path, {"reason": "x"}).status_code == 404


class TestStakeholders:
    def test_an_operator_keeps_the_list(self, sign_in: SignIn) -> None:
        client = sign_in("operator")
        client.post(
            "/admin/monitoring/stakeholder/add/",
            {"name": "Zoë Ångström", "email": "zoe@example.com", "active": "on"},
        )
        assert Stakeholder.objects.get().active
        assert "Zoë Ångström" in page(client, "/admin/monitoring/stakeholder/?q=zoe")

    @pytest.mark.parametrize("email", ["no address", "a@b@c", "Zoe@Example.com"])
    def test_what_is_no_address_or_is_there_already_is_refused(self, email: str, sign_in: SignIn) -> None:
        a_stakeholder("Zoe")
        answer = sign_in("operator").post(
            "/admin/monitoring/stakeholder/add/", {"name": "Zoe", "email": email, "active": "on"}
        )
        assert answer.status_code == 200
        assert Stakeholder.objects.count() == 1

    def test_an_analyst_reads_it_only(self, sign_in: SignIn) -> None:
        client = sign_in("analyst")
        assert client.get("/admin/monitoring/stakeholder/").status_code == 200
        assert client.get("/admin/monitoring/stakeholder/add/").status_code == 403


class TestScheduledRuns:
    def test_failed_and_skipped_slots_are_listed_with_their_words(self, sign_in: SignIn) -> None:
        for state, words in (
            ("failed", {"error": "RuntimeError: no"}),
            ("skipped", {"message": "Nobody began it."}),
        ):
            slot = AS_OF if state == "failed" else AS_OF - timedelta(days=1)
            JobRun.objects.create(job="monitoring.send_weekly_report", slot=slot, state=state, **words)
        client = sign_in("operator")
        html = page(client, "/admin/common/jobrun/")
        assert "RuntimeError: no" in html
        assert "Nobody began it." in html
        assert "Weekly report" in html
        only = page(client, "/admin/common/jobrun/?state=failed&job_starts=monitoring")
        assert "Nobody began it." not in only
        row = JobRun.objects.get(state="failed")
        assert "RuntimeError: no" in page(client, f"/admin/common/jobrun/{row.pk}/change/")

    def test_nobody_changes_them(self, sign_in: SignIn) -> None:
        row = JobRun.objects.create(job="monitoring.x", slot=AS_OF)
        client = sign_in("superuser")
        assert client.get("/admin/common/jobrun/add/").status_code == 403
        assert client.post(f"/admin/common/jobrun/{row.pk}/delete/", {"post": "yes"}).status_code == 403
        assert sign_in("sales rep").get("/admin/common/jobrun/").status_code == 403
