"""The page of the grade limits: preview, both ways of setting them, history, and the way back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from scoring import tasks
from scoring.admin.grade_forms import LimitsForm
from scoring.contracts import GradeLimits, OutcomeKind
from scoring.models import GradeBand, GradeTally, Regrade
from scoring.selectors.grade_tally import as_json, count_grades, first_scores, of_json, weekly_grades
from scoring.selectors.grades import preview
from scoring.services import tallies
from scoring.services.releases import set_grade_limits
from scoring.services.tallies import request_tally
from tests.factories.rows import NOW, a_lead, a_prediction, a_release, an_outcome, counts, days_ago
from tests.factories.trained import a_stored_version
from tests.scoring.admin.conftest import Core, SignIn

pytestmark = pytest.mark.django_db

PAGE = "/admin/scoring/gradeband/set-limits/"
PROGRESS = "/admin/scoring/gradeband/count-progress/"
SHARES = {"mode": "shares", "share_a": "10", "share_b": "20", "share_c": "30", "share_d": "40", "reason": "x"}


def test_it_counts_who_moves_where_and_whose_leads_they_are() -> None:
    for number, (score, grade, owner) in enumerate(
        [
            (95, "A", "Amal"),
            (80, "A", "Amal"),
            (60, "B", "Ben"),
            (30, "C", ""),
            (30, "D", "Ben"),
            (5, "D", "Ben"),
        ]
    ):
        a_lead(f"L-{number}", score=score, grade=grade, owner=owner, created=days_ago(40 * number))
    an_outcome(a_lead("closed", score=80, grade="A", owner="Amal"))
    found = preview(GradeLimits(90, 70, 25), count_grades(as_of=NOW, most_owners=10))
    assert found.open_moves == {
        ("A", "A"): 1,
        ("A", "B"): 1,
        ("B", "C"): 1,
        ("C", "C"): 1,
        ("D", "C"): 1,
        ("D", "D"): 1,
    }
    assert (found.open_leads, found.open_changed, found.closed_changed) == (6, 3, 1)
    assert [(o.owner, o.up, o.down) for o in found.owners] == [("Ben", 1, 1), ("Amal", 0, 1)]
    assert found.shares["Last 30 days"] == {95: 1}
    assert found.shares["Last 90 days"] == {95: 1, 80: 1, 60: 1}
    assert sum(found.shares["All open leads"].values()) == 6


def test_a_merged_lead_and_an_outcome_that_was_corrected_are_counted_once() -> None:
    lead = a_lead("kept", score=80, grade="A", owner="Amal", created=days_ago(10))
    a_lead("gone", score=80, grade="A", owner="Amal", merged_into=lead)
    an_outcome(lead, OutcomeKind.LOST, is_current=False)
    an_outcome(lead, OutcomeKind.CONVERTED)
    a_lead("never scored", owner="Ben")
    tally = count_grades(as_of=NOW, most_owners=10)
    assert (tally.everything, tally.still_open, tally.owners) == ({("A", 80): 1}, {}, {})


def test_counts_come_back_from_their_row_as_they_were() -> None:
    for number, owner in enumerate(["", "عمر", "Ben 'x'", "Ben 'x'"]):
        a_lead(f"L-{number}", score=20 * number + 5, grade="C", owner=owner, created=days_ago(20 * number))
    tally = count_grades(as_of=NOW, most_owners=10)
    assert of_json(json.loads(json.dumps(as_json(tally)))) == tally


def test_only_the_owners_with_the_most_open_leads_are_kept_and_the_preview_says_so() -> None:
    for number, owner in enumerate(["few", "most", "most", "most", "some", "some"]):
        a_lead(f"L-{number}", score=80, grade="B", owner=owner)
    tally = count_grades(as_of=NOW, most_owners=2)
    assert (set(tally.owners), tally.owners_left_out) == ({"most", "some"}, 1)
    found = preview(GradeLimits(), tally)
    assert ([row.owner for row in found.owners], found.owners_read) == (["most", "some"], 2)
    assert found.open_changed == 6, "every lead is counted, whoever owns it"


def test_conversion_by_grade_counts_ripe_leads_by_the_score_they_got_first() -> None:
    release = a_release()

    def scored(name: str, *, score: int, days: float, said: float, kind: OutcomeKind | None = None) -> None:
        lead = a_lead(name, score=99, grade="A", created=days_ago(days))
        a_prediction(lead, release, score=score, scored_at=days_ago(said))
        a_prediction(lead, release, score=99, scored_at=NOW)
        if kind is not None:
            an_outcome(lead, kind, occurred_at=days_ago(days - 20))

    scored("converted", score=80, days=300, said=299, kind=OutcomeKind.CONVERTED)
    scored("lost", score=80, days=300, said=299, kind=OutcomeKind.LOST)
    scored("open", score=10, days=300, said=299)
    scored("young", score=80, days=20, said=19, kind=OutcomeKind.CONVERTED)
    scored("scored after its outcome", score=80, days=300, said=100, kind=OutcomeKind.CONVERTED)
    scored("scored when ripe", score=80, days=300, said=50)
    found = first_scores(as_of=NOW)
    assert found.by_grade(GradeLimits()) == {"A": (1, 2), "B": (0, 0), "C": (0, 0), "D": (0, 1)}
    assert found.by_grade(GradeLimits(90, 70, 40))["B"] == (1, 2)


def test_target_shares_are_previewed_then_set(core: Core, admin_client: Client) -> None:
    before = counts()
    shown = admin_client.post(PAGE, {**SHARES, "_preview": "1"})
    assert shown.context["wanted"] == GradeLimits(90, 70, 40)
    assert "Set these limits" in shown.content.decode()
    assert counts() == before
    assert admin_client.post(PAGE, {**SHARES, "_set": shown.context["shown"]}).status_code == 302
    band = GradeBand.objects.get(is_current=True)
    assert (str(band), band.mode) == ("A ≥ 90, B ≥ 70, C ≥ 40", "shares")
    assert Regrade.objects.filter(grade_band=band).count() == 1
    assert "target shares (A 10 %, B 20 %, C 30 %, D 40 %)" in admin_client.get(PAGE).content.decode()


def test_shares_that_do_not_make_a_hundred_are_refused(core: Core, admin_client: Client) -> None:
    before = counts()
    answer = admin_client.post(PAGE, {**SHARES, "share_d": "41", "_set": "1"})
    assert answer.status_code == 400
    assert "make 101 %; expected 100 % together." in answer.content.decode()
    assert counts() == before


@pytest.mark.parametrize(
    "data",
    [
        {"mode": "shares", "reason": "x"},
        {"mode": "other", "a": "80", "b": "50", "c": "20", "reason": "x"},
        {"a": "80", "b": "50", "reason": "x"},
        {"a": "eighty", "b": "50", "c": "20", "reason": "x"},
        {**SHARES, "share_a": "-10", "share_d": "60"},
        {**SHARES, "share_a": "9" * 400},
        {**SHARES, "reason": "  "},
    ],
)
def test_what_cannot_be_read_is_refused_with_the_form(
    data: dict[str, Any], core: Core, admin_client: Client
) -> None:
    before = counts()
    assert admin_client.post(PAGE, {**data, "_set": "1"}).status_code == 400
    assert counts() == before


def test_numbers_of_the_other_choice_are_not_read() -> None:
    from django.http import QueryDict

    data = QueryDict(mutable=True)
    data.update({**SHARES, "a": "nonsense", "b": "", "c": "1000"})
    form = LimitsForm(data)
    assert form.is_valid(), form.errors
    assert form.limits() == GradeLimits(90, 70, 40)


def test_the_history_says_who_changed_what_and_why(core: Core, admin_client: Client) -> None:
    now = timezone.now()
    set_grade_limits(a=80, b=50, c=20, by=None, reason="fewer in A", as_of=now)
    page = admin_client.get("/admin/scoring/gradeband/").content.decode()
    assert "A from 75 to 80; C from 25 to 20" in page
    assert "fewer in A" in page
    assert "command line or program" in page


def test_grades_are_charted_week_by_week(core: Core, admin_client: Client) -> None:
    lead = a_lead("charted")
    for week in range(3):
        at = NOW + timedelta(weeks=30 - week)
        a_prediction(lead, core.release, scored_at=at, grade="A", score=90)
    weeks = weekly_grades(as_of=NOW + timedelta(weeks=30))
    assert [counts["A"] for _, counts in weeks] == [1, 1, 1]
    assert [at.weekday() for at, _ in weeks] == [0, 0, 0]
    a_prediction(lead, core.release, scored_at=timezone.now(), grade="A", score=90)
    assert (
        "Grades given, week by week</title>" in admin_client.get("/admin/scoring/gradeband/").content.decode()
    )


def test_earlier_limits_are_set_again_through_the_same_page(core: Core, admin_client: Client) -> None:
    set_grade_limits(a=95, b=85, c=60, by=None, reason="too strict", as_of=timezone.now())
    answer = admin_client.get(f"/admin/scoring/gradeband/{core.band.pk}/set-again/")
    assert answer.status_code == 302
    form = admin_client.get(answer.headers["Location"]).context["form"]
    assert (form.initial["a"], form.initial["b"], form.initial["c"]) == (75, 50, 25)
    for nonsense in ("x", "-1", "9" * 30, "٣", ""):
        assert admin_client.get(PAGE, {"from": nonsense}).status_code == 200


def test_numbers_that_were_not_shown_are_shown_and_not_set(core: Core, admin_client: Client) -> None:
    a_lead("R-1", score=80, grade="A")
    seen = admin_client.post(PAGE, {**SHARES, "_preview": "1"}).context["shown"]
    before = counts()
    for button in (seen, "1", ""):
        answer = admin_client.post(PAGE, {**SHARES, "share_a": "15", "share_d": "35", "_set": button})
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "These numbers were not shown before" in page
        assert f'name="_set" value="{answer.context["shown"]}"' in page
    assert counts() == before
    answer = admin_client.post(
        PAGE, {**SHARES, "share_a": "15", "share_d": "35", "_set": answer.context["shown"]}
    )
    assert answer.status_code == 302
    assert str(GradeBand.objects.get(is_current=True)) == "A ≥ 85, B ≥ 65, C ≥ 35"


class TestManyLeads:
    """Above so many leads the pages read kept counts."""

    @pytest.fixture(autouse=True)
    def _many(self, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tallies, "COUNTED_LIVE", 3)
        now = timezone.now()
        for number in range(6):
            lead = a_lead(f"R-{number}", score=80, grade="A", owner="Amal", created=now)
        a_prediction(lead, core.release, scored_at=now - timedelta(minutes=1), grade="A", score=80)

    @staticmethod
    def counted() -> None:
        row = request_tally()
        assert row is not None
        tasks.count_grades(row.pk)

    def test_looking_before_the_first_count_asks_for_nothing_and_says_when_it_comes(
        self, admin_client: Client
    ) -> None:
        before = counts()
        page = admin_client.get(PAGE).content.decode()
        assert "not counted yet" in page
        assert "It starts within half a minute; Preview starts it at once." in page
        history = admin_client.get("/admin/scoring/gradeband/").content.decode()
        assert "The first count starts within half a minute." in history
        assert admin_client.get(f"{PROGRESS}").status_code == 404
        assert counts() == before

    def test_the_first_preview_asks_for_the_count_and_shows_how_far_it_is(self, admin_client: Client) -> None:
        page = admin_client.post(PAGE, {**SHARES, "_preview": "1"}).content.decode()
        assert f'data-progress-url="{PROGRESS}"' in page
        assert "the leads are being counted for the first time" in page
        assert 'name="_set"' not in page
        row = GradeTally.objects.get()
        assert row.state == "queued"
        assert admin_client.get(PROGRESS).json() == {
            "progress": 0.0,
            "message": "",
            "state_words": "Waiting for a worker.",
            "ended": False,
        }
        GradeTally.objects.update(state="running", progress=0.7, message="Now the grades given week by week.")
        for address in (PAGE, "/admin/scoring/gradeband/"):
            shown = admin_client.get(address).content.decode()
            assert "70 %" in shown
            assert "Now the grades given week by week." in shown
        assert "70 %" in admin_client.post(PAGE, {**SHARES, "_preview": "1"}).content.decode()
        assert GradeTally.objects.count() == 1, "one under way is enough"

    @pytest.mark.parametrize("button", ["90-70-40", "1"])
    def test_nothing_is_set_before_the_first_count(self, admin_client: Client, button: str) -> None:
        answer = admin_client.post(PAGE, {**SHARES, "_set": button})
        assert answer.status_code == 400
        assert "not counted yet; expected a look at what changes first" in answer.content.decode()
        assert (GradeBand.objects.count(), Regrade.objects.count()) == (1, 1)

    def test_a_count_that_failed_says_why_and_when_it_is_tried_again(self, admin_client: Client) -> None:
        GradeTally.objects.create(state="failed", error="OperationalError: disk full")
        for address in (PAGE, "/admin/scoring/gradeband/"):
            page = admin_client.get(address).content.decode()
            assert "OperationalError: disk full" in page
            assert "tried again within the hour" in page
            assert PROGRESS not in page
        admin_client.post(PAGE, {**SHARES, "_preview": "1"})
        assert GradeTally.objects.filter(state="queued").count() == 1

    def test_the_pages_show_the_kept_counts_and_when_they_were_taken(self, admin_client: Client) -> None:
        self.counted()
        a_lead("later", score=80, grade="A", owner="Amal", created=timezone.now())
        shown = admin_client.post(PAGE, {**SHARES, "_preview": "1"})
        page = shown.content.decode()
        assert "With this many leads a worker counts every hour" in page
        assert 'name="_set" value="90-70-40"' in page
        assert shown.context["found"].open_moves[("A", "B")] == 6, "the seventh came after the count"
        history = admin_client.get("/admin/scoring/gradeband/").content.decode()
        assert "Grades given, week by week</title>" in history
        assert "a worker counts every hour" in history
        assert admin_client.post(PAGE, {**SHARES, "_set": "90-70-40"}).status_code == 302

    def test_during_the_regrade_the_pages_say_which_grades_they_show(self, admin_client: Client) -> None:
        self.counted()
        admin_client.post(PAGE, {**SHARES, "_set": "90-70-40"})
        regrade = Regrade.objects.get(state="queued")
        page = admin_client.get(PAGE).content.decode()
        assert f"/admin/scoring/regrade/{regrade.pk}/progress/" in page
        assert "“grade now” is the grade by the limits in force" in page
        back = admin_client.post(PAGE, {"a": "75", "b": "50", "c": "25", "reason": "x", "_preview": "1"})
        assert back.context["found"].open_moves == {("B", "A"): 6}, "not what their rows still have"
        assert (
            "Leads scored before get their new grade"
            in admin_client.get("/admin/scoring/gradeband/").content.decode()
        )
        tasks.run_regrade(regrade.pk)
        shown = admin_client.get(PAGE)
        assert shown.context["found"].open_moves == {("B", "B"): 6}, "nobody has counted since"
        assert "“grade now”" not in shown.content.decode()
        tasks.count_grades(GradeTally.objects.get(state="queued").pk)
        assert admin_client.get(PAGE).context["found"].open_moves == {("B", "B"): 6}

    def test_who_may_not_see_the_limits_is_not_told_how_far_the_count_is(self, sign_in: SignIn) -> None:
        GradeTally.objects.create()
        assert sign_in("nobody").get(PROGRESS).status_code in (302, 403)


def test_a_few_leads_are_counted_at_each_view(core: Core, admin_client: Client) -> None:
    a_lead("only", score=80, grade="A")
    assert "worker counts" not in admin_client.get(PAGE).content.decode()


def test_it_stays_within_fifteen_queries(
    core: Core, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        a_lead(f"R-{number}", score=3 * number + 1, grade="D", owner=f"o-{number}", created=NOW)
    with django_assert_max_num_queries(15):
        admin_client.post(PAGE, {**SHARES, "_preview": "1"})
    with django_assert_max_num_queries(15):
        admin_client.get("/admin/scoring/gradeband/")


def test_activating_shows_what_it_does_to_the_grades(
    core: Core, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    version = a_stored_version(seed=2, feature_set=core.active)
    now = timezone.now()
    for number in range(4):
        a_lead(
            f"R-{number}", created=now - timedelta(days=1), score=90, grade="A", attributes={"Source": "web"}
        )
    with django_assert_max_num_queries(15):
        page = admin_client.get(f"/admin/scoring/modelversion/{version.pk}/activate/").content.decode()
    assert "Grades of the newest 4 leads now" in page
    assert "ranks among the leads the version learned from" in page
    assert "Only 4 leads were created in the 90 days before" in page


def test_a_version_without_its_file_says_so_before_the_button_is_pressed(
    core: Core, admin_client: Client
) -> None:
    page = admin_client.get(f"/admin/scoring/modelversion/{core.newer.pk}/activate/").content.decode()
    assert "is not on this machine" in page
