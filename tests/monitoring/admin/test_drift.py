"""Pages of drift and data quality: what they show, whom they let in, and what they cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from monitoring.models import CheckKind, DriftCheck, FeatureLimit
from monitoring.selectors.profiles import DAY, floor_day
from monitoring.services import drift, profiles, quality
from scoring.ml.schema import FeatureSpec, Kind
from scoring.models import ModelVersion, Release
from tests.factories.rows import a_feature_set, a_release, a_version
from tests.factories.watching import HOUR_0, a_watched_release, some_predictions, values

pytestmark = pytest.mark.django_db

SignIn = Callable[[str], Client]
END = floor_day(HOUR_0)
HOSTILE = "<script>alert(1)</script>"
LIST = "admin:monitoring_driftcheck_changelist"
NOW = "admin:monitoring_driftcheck_check_now"


@pytest.fixture
def release() -> Release:
    return a_watched_release()


@pytest.fixture
def boss(sign_in: SignIn) -> Client:
    return sign_in("superuser")


def checked(rows: list[dict[str, Any]], *, at: Any = END) -> DriftCheck:
    some_predictions(rows, at - DAY / 2, at - DAY / 2 + profiles.SLICE)
    profiles.fold(as_of=at + profiles.GRACE)
    return drift.check(as_of=at)[0]


def looked(rows: list[dict[str, Any]]) -> DriftCheck:
    some_predictions(rows, END - profiles.SLICE, END)
    profiles.fold(as_of=END + profiles.GRACE)
    made = quality.check(as_of=END)
    assert made is not None
    return made


def moved(n: int = 1000, **changed: Any) -> list[dict[str, Any]]:
    return [{**row, "budget": row["budget"] + 150.0, **changed} for row in values(n, seed=1)]


def page(client: Client, check: DriftCheck) -> str:
    answer = client.get(reverse("admin:monitoring_driftcheck_change", args=(check.pk,)))
    assert answer.status_code == 200
    return answer.content.decode()


def feature(client: Client, check: DriftCheck, name: str, status: int = 200) -> str:
    answer = client.get(reverse("admin:monitoring_driftcheck_feature", args=(check.pk,)), {"name": name})
    assert answer.status_code == status
    return answer.content.decode()


class TestTheList:
    def test_it_names_what_stands_out(self, boss: Client, release: Release) -> None:
        checked(moved())
        shown = boss.get(reverse(LIST)).content.decode()
        assert "Budget" in shown
        assert "critical" in shown

    def test_it_is_filtered_and_searched(self, boss: Client, release: Release) -> None:
        checked(moved())
        looked(values(30, seed=1))
        for query, rows in (
            ("kind=drift", 1),
            ("kind=quality", 1),
            ("level=quiet", 1),
            ("q=budget", 1),
            ("q=nosuchthing", 0),
            (f"until_from={END:%Y-%m-%d}", 2),
            ("until_to=2020-01-01", 0),
        ):
            found = boss.get(f"{reverse(LIST)}?{query}").context["cl"].result_list
            assert len(found) == rows, query

    def test_more_checks_cost_no_more_queries(self, boss: Client, release: Release) -> None:
        check = checked(values(50, seed=1))
        boss.get(reverse(LIST))
        with CaptureQueriesContext(connection) as few:
            boss.get(reverse(LIST))
        DriftCheck.objects.bulk_create(
            DriftCheck(
                kind=CheckKind.DRIFT,
                version=check.version,
                since=check.since - back * DAY,
                until=check.until - back * DAY,
                n=50,
                level="quiet",
                found=check.found,
                summary=check.summary,
                took_ms=1.0,
                made_at=END,
            )
            for back in range(1, 30)
        )
        with CaptureQueriesContext(connection) as many:
            boss.get(reverse(LIST))
        assert len(many) == len(few) <= 15

    def test_nobody_without_the_permission_sees_it(self, sign_in: SignIn, release: Release) -> None:
        check = checked(values(50, seed=1))
        client = sign_in("nobody")
        for address in (
            reverse(LIST),
            reverse("admin:monitoring_driftcheck_change", args=(check.pk,)),
            reverse("admin:monitoring_driftcheck_feature", args=(check.pk,)) + "?name=budget",
        ):
            assert client.get(address).status_code == 403

    def test_checks_are_read_only(self, boss: Client, release: Release) -> None:
        check = checked(values(50, seed=1))
        boss.post(reverse("admin:monitoring_driftcheck_change", args=(check.pk,)), {"level": "quiet"})
        assert boss.get(reverse("admin:monitoring_driftcheck_add")).status_code == 403
        assert boss.post(reverse("admin:monitoring_driftcheck_delete", args=(check.pk,))).status_code == 403
        assert DriftCheck.objects.get().level == check.level


class TestTheCheck:
    def test_a_check_of_drift_shows_figures_with_their_n(self, boss: Client, release: Release) -> None:
        check = checked(moved())
        shown = page(boss, check)
        assert "1,000" in shown
        assert "of 4,000 before" in shown
        assert "AUC promised by the probabilities" in shown
        assert f"all {check.summary['tests']} comparisons" in shown
        assert "among leads with Source = Web" in shown

    def test_thin_data_says_how_many_it_takes(self, boss: Client, release: Release) -> None:
        shown = page(boss, checked(values(30, seed=1)))
        assert re.search(r"n = 30, needs [\d,]+", shown)
        assert "not enough data" in shown
        assert "no drift</" not in shown

    def test_a_week_without_leads_is_shown(self, boss: Client, release: Release) -> None:
        check = drift.check(as_of=END)[0]
        shown = page(boss, check)
        assert "no lead now" in shown
        assert "not enough data" in shown

    def test_a_look_at_data_quality_shows_what_is_wrong(self, boss: Client, release: Release) -> None:
        shown = page(boss, looked([{**row, "budget": None} for row in values(30, seed=1)]))
        assert "no value" in shown
        assert "100.0" in shown or "100 %" in shown
        assert "four past weeks are needed" in shown

    def test_a_quiet_look_says_so(self, boss: Client, release: Release) -> None:
        assert "No feature has more missing" in page(boss, looked(values(30, seed=1)))

    def test_a_version_without_a_reference_shows_the_problem(self, boss: Client) -> None:
        a_release(a_version())
        for check in (drift.check(as_of=END)[0], quality.check(as_of=END)):
            assert check is not None
            assert "has no reference profile. Nothing was compared." in page(boss, check)

    def test_its_queries_are_few(self, boss: Client, release: Release) -> None:
        check = checked(moved())
        page(boss, check)
        with CaptureQueriesContext(connection) as captured:
            page(boss, check)
        assert len(captured) <= 15
        with CaptureQueriesContext(connection) as captured:
            feature(boss, check, "budget")
        assert len(captured) <= 15

    def test_a_check_that_is_not_there(self, boss: Client) -> None:
        address = reverse("admin:monitoring_driftcheck_feature", args=(999,))
        assert boss.get(address, {"name": "budget"}).status_code == 404


class TestOneFeature:
    def test_it_shows_both_windows_the_trend_and_every_measure(self, boss: Client, release: Release) -> None:
        for back in (2, 1):
            checked(values(300, seed=back), at=END - back * DAY)
        shown = feature(boss, checked(moved()), "budget")
        for words in (
            "Kullback-Leibler",
            "Jensen-Shannon",
            "Kolmogorov-Smirnov",
            "Reference and these seven days",
            "PSI of Budget over the past weeks",
            "n = 4,000 leads",
        ):
            assert words in shown, words

    def test_own_limits_are_drawn(self, boss: Client, release: Release) -> None:
        FeatureLimit.objects.create(
            feature_set=release.champion.feature_set,
            feature="budget",
            warning=0.7,
            critical=0.9,
            reason="r",
            set_at=END,
        )
        assert "warning from 0.7, critical from 0.9" in feature(boss, checked(moved()), "budget")

    def test_another_feature_or_another_kind_of_check_is_not_found(
        self, boss: Client, release: Release
    ) -> None:
        check = checked(values(50, seed=1))
        assert HOSTILE not in feature(boss, check, HOSTILE, 404)
        feature(boss, check, "", 404)
        feature(boss, looked(values(30, seed=1)), "budget", 404)


def test_labels_and_values_that_people_wrote_are_escaped(boss: Client) -> None:
    specs = (
        FeatureSpec("source", f"Source{HOSTILE}", Kind.CATEGORY, segment=True),
        FeatureSpec("budget", f"Budget{HOSTILE}", Kind.NUMBER, unit=HOSTILE),
    )
    import numpy as np
    import pandas as pd

    from scoring.ml.reference import reference_profile
    from scoring.ml.schema import FeatureSchema, parse_frame

    rows = [{"source": row["source"] + HOSTILE, "budget": row["budget"]} for row in values(500, seed=1)]
    reference = reference_profile(
        parse_frame(FeatureSchema(specs), pd.DataFrame(rows, dtype=object)),
        FeatureSchema(specs),
        np.full(500, 0.3),
        np.full(500, 30),
    )
    a_release(a_version(feature_set=a_feature_set(specs), reference_profile=reference.to_json()))
    bad = [{"source": f"Web{HOSTILE}", "budget": None} for _ in range(300)]
    check = checked(bad)
    shown = [boss.get(reverse(LIST)).content.decode(), page(boss, check), page(boss, looked(bad))]
    shown += [feature(boss, check, name) for name in ("source", "budget")]
    for one in shown:
        assert HOSTILE not in one
    assert "&lt;script&gt;" in shown[1]


class TestCheckNow:
    def test_it_asks_first_and_queues_on_post_only(
        self, boss: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queued: list[str] = []
        monkeypatch.setattr("monitoring.admin.drift.enqueue", queued.append)
        assert boss.get(reverse(NOW)).status_code == 200
        assert queued == []
        assert boss.post(reverse(NOW)).status_code == 302
        assert queued == ["monitoring.tasks.check_now"]

    def test_who_may_only_look_may_not_ask(self, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
        from django.contrib.auth.models import Permission

        from tests.factories.people import a_person

        queued: list[str] = []
        monkeypatch.setattr("monitoring.admin.drift.enqueue", queued.append)
        person = a_person("nobody", name="looker")
        person.user_permissions.add(Permission.objects.get(codename="view_driftcheck"))
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        assert client.get(reverse(LIST)).status_code == 200
        assert reverse(NOW) not in client.get(reverse(LIST)).content.decode()
        assert client.get(reverse(NOW)).status_code == 403
        assert client.post(reverse(NOW)).status_code == 403
        assert queued == []


class TestLimits:
    @pytest.fixture
    def version(self, release: Release) -> ModelVersion:
        return release.champion

    def posted(self, client: Client, version: ModelVersion, **changed: Any) -> str:
        form = {
            "feature_set": version.feature_set_id,
            "feature": "budget",
            "warning": "0.4",
            "critical": "0.8",
            "reason": "moves with the season",
            **changed,
        }
        return client.post(reverse("admin:monitoring_featurelimit_add"), form).content.decode()

    def test_a_limit_is_kept_with_who_set_it(self, boss: Client, version: ModelVersion) -> None:
        self.posted(boss, version)
        limit = FeatureLimit.objects.get()
        assert (limit.feature, limit.warning, limit.critical) == ("budget", 0.4, 0.8)
        assert limit.set_by is not None
        assert limit.set_at is not None

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"feature": "bugdet"}, "has no feature"),
            ({"critical": "0.3"}, "Expected 0 &lt; warning ≤ critical."),
            ({"warning": "0"}, "Expected 0 &lt; warning ≤ critical."),
            ({"warning": "-1"}, "Expected 0 &lt; warning ≤ critical."),
            ({"warning": "nan"}, "Enter a number."),
            ({"critical": "inf"}, "Enter a number."),
            ({"reason": ""}, "This field is required."),
        ],
    )
    def test_what_cannot_be_a_limit_is_refused_in_words(
        self, boss: Client, version: ModelVersion, changed: dict[str, str], words: str
    ) -> None:
        assert words in self.posted(boss, version, **changed)
        assert not FeatureLimit.objects.exists()

    def test_a_feature_has_one_limit(self, boss: Client, version: ModelVersion) -> None:
        self.posted(boss, version)
        assert "already exists" in self.posted(boss, version)
        assert FeatureLimit.objects.count() == 1

    def test_nobody_sets_limits_without_the_permission(self, sign_in: SignIn, version: ModelVersion) -> None:
        self.posted(sign_in("nobody"), version)
        assert not FeatureLimit.objects.exists()
