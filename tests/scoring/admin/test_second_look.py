"""The second look on a version's page: drawn where it was measured, absent where it was not."""

from __future__ import annotations

import pytest
from django.test import Client

from scoring.models import ModelVersion
from tests.factories.evidence import a_report, a_second_look, some_metrics
from tests.factories.rows import a_version

pytestmark = pytest.mark.django_db

HEADINGS = (
    "How much of it is luck of the split",
    "Would more leads help?",
    "Where the model is weak",
    "What the held-out columns would have added",
)
HOSTILE = "<script>alert(1)</script>"


def page(client: Client, version: ModelVersion, part: str = "change") -> str:
    answer = client.get(f"/admin/scoring/modelversion/{version.pk}/{part}/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_all_four_parts_with_their_charts_and_words(admin_client: Client) -> None:
    shown = page(admin_client, a_version(metrics=some_metrics(), report=a_report(**a_second_look())))
    for words in (
        *HEADINGS,
        "Leads to learn from",
        "would add about .004 AUC",
        "Over 5 random splits",
        "Lead source: Meta Ads (n = 812): AUC 0.61",
        "ranked worse than promised",
        "chances are off",
        "sign of a leak",
        "1 of them would make the model look better than it can be",
        "too few to rank",
    ):
        assert words in shown, words


def test_a_version_from_before_it_shows_its_page_without(admin_client: Client) -> None:
    shown = page(admin_client, a_version(metrics=some_metrics(), report=a_report()))
    assert "Calibration" in shown
    assert not [words for words in HEADINGS if words in shown]


@pytest.mark.parametrize("part", ["learning_curve", "held_out", "split_spread", "slices"])
@pytest.mark.parametrize(
    "broken", [None, [], "x", {}, {"words": 1, "slices": [{}], "columns": [{}], "points": []}]
)
def test_a_part_that_cannot_be_read_takes_nothing_else_with_it(
    admin_client: Client, part: str, broken: object
) -> None:
    report = a_report(**{**a_second_look(), part: broken})
    version = a_version(metrics=some_metrics(), report=report)
    shown = page(admin_client, version)
    assert sum(words in shown for words in HEADINGS) >= 3
    page(admin_client, version, "activate")


def test_it_shows_hostile_names_as_text(admin_client: Client) -> None:
    shown = page(admin_client, a_version(metrics=some_metrics(), report=a_report(**a_second_look(HOSTILE))))
    assert HOSTILE not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_who_decides_reads_it_first(admin_client: Client) -> None:
    version = a_version(metrics=some_metrics(), report=a_report(**a_second_look()))
    shown = page(admin_client, version, "activate")
    assert "How sure that is" in shown
    assert "Lead source: Meta Ads (n = 812)" in shown
