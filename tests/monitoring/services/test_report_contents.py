"""What the weekly report says, to the figure, and what it says where there is nothing to say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.template.loader import render_to_string

from monitoring.contracts import RuleKind
from monitoring.models import Report, ReportState
from monitoring.services.reports import Week, prepare
from monitoring.services.reports.contents import NBSP, Section, Table
from monitoring.services.reports.render import render, subject
from scoring.models import Lead, MaturityWindow
from tests.factories.rows import a_lead, a_release, an_outcome
from tests.factories.weekly import (
    AS_OF,
    MONDAY,
    WEEK,
    a_business,
    a_reading,
    converted,
    leads_of_week,
)

pytestmark = pytest.mark.django_db


def report() -> Report:
    return prepare(Week.before(AS_OF), as_of=AS_OF)


def words(row: Report) -> str:
    """The text without what its lines and no-break spaces add."""
    return " ".join(row.text.replace(NBSP, " ").split())


class TestWeek:
    @pytest.mark.parametrize(
        ("at", "monday"),
        [
            (datetime(2026, 6, 1, 0, 0, tzinfo=UTC), date(2026, 5, 25)),
            (datetime(2026, 6, 7, 23, 59, tzinfo=UTC), date(2026, 5, 25)),
            (datetime(2026, 5, 31, 23, 59, tzinfo=UTC), date(2026, 5, 18)),
        ],
    )
    def test_the_last_full_week_is_reported(self, at: datetime, monday: date) -> None:
        assert Week.before(at).monday == monday

    def test_the_first_days_of_january_belong_to_the_last_week_of_the_year(self) -> None:
        assert Week(date(2026, 12, 28)).number == 53


class TestFigures:
    def test_leads_grades_and_conversions_are_counted_beside_the_weeks_before(self) -> None:
        a_business()
        row = report()
        assert row.facts["leads"]["came"] == 10
        assert row.facts["leads"]["scored"] == 9
        assert row.facts["leads"]["week_before"] == 5
        assert row.facts["leads"]["four_week_mean"] == 5.0
        assert row.facts["leads"]["by_source"] == {"crm": 9, "web": 1}
        assert row.facts["grades"]["grades"] == {"A": 3, "B": 1, "C": 2, "D": 3}
        assert row.facts["conversions"] == {
            "conversions": 3, "week_before": 0, "revenue": {"EUR": {"n": 2, "sum": 300.0}},
        }  # fmt: skip
        assert "9 of them have a score: 90 % (60 % to 98.2 %, n = 10)" in words(row)
        assert "1 conversion of this week came without a revenue" in words(row)

    def test_ripe_leads_only_tell_what_a_grade_became(self) -> None:
        a_business()
        facts = report().facts["ripe"]
        assert facts["ripened"] == {"leads": 8, "conversions": 3}
        assert (facts["by_grade"]["A"]["value"], facts["by_grade"]["A"]["n"]) == (0.75, 4)
        assert facts["by_grade"]["D"]["value"] == 0.0
        # Three leads of this week converted, and are too young to count.
        assert facts["by_grade"]["B"] is None

    def test_a_source_with_its_own_window_ripens_by_it(self) -> None:
        MaturityWindow.objects.create(source_system="crm", set_days=14)
        for lead in leads_of_week(2, "AB"):
            converted(lead, MONDAY - WEEK)
        leads_of_week(2, "AB", source="web")
        row = report()
        assert row.facts["ripe"]["ripened"] == {"leads": 2, "conversions": 2}
        assert "crm 14 days; others 180 days" in words(row)

    def test_leads_on_the_edges_of_the_week_count_once_and_merged_ones_never(self) -> None:
        end = MONDAY + WEEK
        for name, created in [("in", MONDAY), ("last", end - timedelta(microseconds=1)), ("out", end)]:
            a_lead(name, created=created)
        a_lead("undated", created=None, first_seen=MONDAY + timedelta(days=1))
        standing = Lead.objects.get(external_id="in")
        a_lead("merged", created=MONDAY, merged_into=standing)
        assert report().facts["leads"]["came"] == 3

    def test_a_corrected_outcome_counts_as_it_is_now(self) -> None:
        (lead,) = leads_of_week(1, "A")
        an_outcome(lead, occurred_at=MONDAY, recorded_at=MONDAY, is_current=False)
        assert report().facts["conversions"] == {"conversions": 0}

    def test_many_sources_are_summed_up_and_their_names_are_cut(self) -> None:
        for place in range(12):
            leads_of_week(0, "A", source=f"source {place:02} of a very long name that goes on for sixty")
        text = words(report())
        assert "4 other sources" in text
        assert "source 07" in text
        assert "source 09" not in text


class TestModel:
    def test_it_holds_where_ripe_leads_were_judged_and_nothing_was_found(self) -> None:
        a_business()
        a_reading(RuleKind.RANKING, "version=1/newest", n=410)
        assert report().subject == (
            "Week 22: 10 leads, 3 graded A, 3 converted; model holds (AUC .78, .76–.80 in its test)"
        )

    def test_it_is_not_said_to_hold_where_nobody_could_measure(self) -> None:
        a_business()
        a_reading(RuleKind.RANKING, "version=1/newest", value=None, p=None, n=12)
        row = report()
        assert row.subject.endswith("; model not measured yet")
        assert "not measured yet: too few of its leads are ripe" in words(row)

    def test_what_is_worse_than_promised_leads_the_subject_and_the_mail(self) -> None:
        a_business()
        a_reading(RuleKind.RANKING, "version=1/newest", value=0.08, p=1e-6, sure="critical")
        row = report()
        assert row.subject.startswith("Week 22: the model does worse: the model ranks worse; 10 leads")
        assert row.text.index("The model does worse") < row.text.index("10 leads came")

    def test_a_large_sample_alone_makes_nothing_worse(self) -> None:
        a_business()
        a_reading(RuleKind.RANKING, "version=1/newest", value=0.004, p=1e-6, sure="critical")
        assert "model holds" in report().subject

    def test_an_older_week_says_nothing_about_this_one(self) -> None:
        a_business()
        a_reading(RuleKind.RANKING, value=0.08, sure="critical", at=MONDAY - WEEK)
        assert "model not measured yet" in report().subject

    def test_drift_is_counted_and_named(self) -> None:
        a_business()
        a_reading(RuleKind.FEATURE_DRIFT, "feature=budget", value=0.61, p=1e-9, sure="critical")
        a_reading(RuleKind.FEATURE_DRIFT, "feature=pages")
        row = report()
        assert "1 shift in the data" in row.subject
        assert "feature budget" in words(row)
        assert "feature pages" not in words(row)


class TestNothing:
    def test_an_empty_installation_gets_an_honest_report(self) -> None:
        row = report()
        assert row.subject == "Week 22: no model serves; no leads"
        assert row.images == []
        assert "No model serves" in words(row)
        assert words(row).count("not measured yet") == 5

    def test_a_quiet_week_after_busy_ones_is_told_as_such(self) -> None:
        leads_of_week(1, "ABCD")
        row = report()
        assert row.facts["leads"]["came"] == 0
        assert "0 leads came, no comparison" in words(row)

    def test_a_version_without_test_numbers_is_reported(self) -> None:
        a_release()
        assert "not told" in report().text


class TestWriting:
    def test_names_from_outside_are_text_and_nothing_else(self) -> None:
        for source in ("<script>alert(1)</script>", "=HYPERLINK(1)", "東京支店", "two\nlines\x07"):
            leads_of_week(0, "A", source=source)
        row = report()
        assert "<script>" not in row.html
        assert "&lt;script&gt;" in row.html
        assert "- =HYPERLINK(1): this week 1" in row.text
        assert "東京支店" in row.html
        assert "\x07" not in row.text

    def test_the_mail_fetches_nothing(self) -> None:
        a_business()
        html = report().html
        assert "http" not in html.replace('http-equiv="', "")
        assert html.count('src="cid:') == 2
        assert html.count("src=") == 2

    def test_links_appear_where_the_address_of_the_admin_is_known(self, settings: object) -> None:
        a_business()
        assert "Open in the admin" not in report().html
        settings.PUBLIC_URL = "https://leads.example"  # type: ignore[attr-defined]
        row = report()
        assert 'href="https://leads.example/admin/scoring/lead/"' in row.html
        assert "More: https://leads.example/admin/scoring/lead/" in row.text

    def test_a_subject_is_one_line_of_bounded_length(self) -> None:
        week = Week(MONDAY.date())
        told = subject(week, [Section("x", "y", headline="a\nb" + "c" * 400)])
        assert "\n" not in told
        assert len(told) <= 200
        assert subject(week, []) == "Week 22: nothing to report"

    def test_text_and_html_say_the_same(self) -> None:
        table = Table(("Group", "Share (95 % interval)"), (("east", "4 %"),))
        told = render(Week(MONDAY.date()), [Section("T", "It is so.", tables=(table,))], as_of=AS_OF)
        assert "- east: share 4 %" in told.text
        for part in ("It is so.", "east", "4 %", "Group"):
            assert part in told.html

    def test_pictures_are_small_and_on_white(self) -> None:
        a_business()
        for image in report().images:
            assert image["alt"]
            assert len(image["png"]) < 150_000

    def test_the_template_is_found(self) -> None:
        assert render_to_string("monitoring/report/mail.html", {"sections": []})


class TestKeeping:
    def test_a_prepared_report_is_counted_anew_and_a_released_one_is_not(self) -> None:
        first = report()
        leads_of_week(0, "A")
        again = report()
        assert (again.pk, again.facts["leads"]["came"]) == (first.pk, 1)
        Report.objects.update(state=ReportState.RELEASED)
        leads_of_week(0, "B", source="web")
        assert report().facts["leads"]["came"] == 1
