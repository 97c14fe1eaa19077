"""Training asked for, watched and stopped; the file of refused rows; grade limits with their preview."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client

from scoring.ml.reading_refused import marks
from scoring.models import GradeBand, ImportRun, TrainingRun
from tests.factories.rows import a_feature_set, a_lead, counts
from tests.scoring.admin.conftest import Core, SignIn

pytestmark = pytest.mark.django_db

TRAIN = "/admin/scoring/trainingrun/train/"
FORM = {"trials": "3", "timeout_s": "10", "seed": "1", "reason": "monthly"}


def test_an_analyst_asks_for_a_training_run(sign_in: SignIn) -> None:
    a_feature_set()
    answer = sign_in("analyst").post(TRAIN, FORM)
    run = TrainingRun.objects.get()
    assert answer.headers["Location"] == f"/admin/scoring/trainingrun/{run.pk}/change/"
    assert (run.trials, run.timeout_s, run.seed, run.reason, run.state) == (3, 10, 1, "monthly", "queued")
    assert run.requested_by is not None


@pytest.mark.parametrize("role", ["sales rep", "approver", "operator", "integrator"])
def test_others_do_not(role: str, sign_in: SignIn) -> None:
    a_feature_set()
    assert sign_in(role).post(TRAIN, FORM).status_code == 403
    assert not TrainingRun.objects.exists()


def test_it_says_what_is_missing_before_anything_can_train(admin_client: Client) -> None:
    answer = admin_client.post(TRAIN, FORM)
    assert answer.status_code == 400
    assert "No feature set is active" in answer.content.decode()
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize(
    "changes", [{"reason": ""}, {"trials": "-1"}, {"trials": "1e9"}, {"timeout_s": "0"}, {"seed": "x"}]
)
def test_it_refuses_limits_that_make_no_sense(changes: dict[str, str], admin_client: Client) -> None:
    a_feature_set()
    assert admin_client.post(TRAIN, {**FORM, **changes}).status_code == 400
    assert not TrainingRun.objects.exists()


def test_it_says_that_a_run_was_over_already(core: Core, admin_client: Client) -> None:
    TrainingRun.objects.filter(pk=core.running.pk).update(state="done")
    answer = admin_client.post(f"/admin/scoring/trainingrun/{core.running.pk}/cancel/", follow=True)
    assert "was over already" in answer.content.decode()
    assert not TrainingRun.objects.get(pk=core.running.pk).cancel_requested


def errors_path(run: ImportRun) -> str:
    return f"/admin/scoring/importrun/{run.pk}/download-errors/"


def test_it_hands_out_the_refused_rows_as_a_file_that_runs_nothing(core: Core, admin_client: Client) -> None:
    ImportRun.objects.filter(pk=core.imported.pk).update(
        file_name="leads “june”.csv", layout={"columns": ["Created", "=Notes"], "delimiter": ";"}
    )
    core.imported.row_errors.create(
        row_number=3,
        external_id="@7",
        column="Notes",
        value="=cmd()",
        expected="a text",
        cells=[None, "=cmd()"],
    )
    answer = admin_client.get(errors_path(core.imported))
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert content.decode("utf-8-sig").splitlines() == [
        ";".join([*marks(core.imported.pk), "Created", "'=Notes"]),
        "2;;Created;??;a date",
        "3;'@7;Notes;'=cmd();a text;;'=cmd()",
    ]
    told = answer.headers["Content-Disposition"]
    assert told.startswith("attachment;")
    assert unquote(told).endswith("leads “june” refused rows.csv")


def test_it_previews_grade_limits_before_it_sets_them(core: Core, admin_client: Client) -> None:
    for number, (score, grade) in enumerate(((90, "A"), (78, "A"), (60, "B"), (10, "D"))):
        a_lead(f"S-{number}", score=score, grade=grade)
    path, form = (
        "/admin/scoring/gradeband/set-limits/",
        {"a": "80", "b": "55", "c": "25", "reason": "fewer A"},
    )
    before = counts()
    preview = admin_client.post(path, {**form, "_preview": "1"})
    assert preview.context["found"].open_moves == {("A", "A"): 1, ("A", "B"): 1, ("B", "B"): 1, ("D", "D"): 1}
    assert counts() == before
    assert admin_client.post(path, {**form, "_set": preview.context["shown"]}).status_code == 302
    assert str(GradeBand.objects.get(is_current=True)) == "A ≥ 80, B ≥ 55, C ≥ 25"


@pytest.mark.parametrize(
    ("a", "b", "c"), [("50", "60", "10"), ("100", "50", "25"), ("75", "50", "1"), ("75", "75", "25")]
)
def test_it_refuses_limits_out_of_order(a: str, b: str, c: str, core: Core, admin_client: Client) -> None:
    form = {"a": a, "b": b, "c": c, "reason": "x", "_set": "1"}
    assert admin_client.post("/admin/scoring/gradeband/set-limits/", form).status_code == 400
    assert GradeBand.objects.count() == 1


def test_a_list_of_work_says_in_one_cell_how_far_it_is_and_in_one_who_asked(
    core: Core, admin_client: Client
) -> None:
    admin = User.objects.get(pk=admin_client.session["_auth_user_id"])
    ImportRun.objects.filter(pk=core.imported.pk).update(state="running", progress=0.43, requested_by=admin)
    page = " ".join(admin_client.get("/admin/scoring/importrun/").content.decode().split())
    assert "running" in page
    assert "43 %" in page
    assert f">by {admin.username}</span>" in page
    assert f'<span class="ls-sub">{core.imported.source_system}</span>' in page
    ImportRun.objects.update(state="done", progress=1)
    assert "100 %" not in admin_client.get("/admin/scoring/importrun/").content.decode()


def test_the_list_of_grade_limits_counts_sets(core: Core, admin_client: Client) -> None:
    page = " ".join(admin_client.get("/admin/scoring/gradeband/").content.decode().split())
    assert "1 set of grade limits" in page
    assert "1 grade limits" not in page
