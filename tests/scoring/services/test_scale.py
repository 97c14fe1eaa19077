"""Scores of a release are ranks among the newest leads, whichever version serves."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from scoring import loader
from scoring.contracts import GradeLimits
from scoring.ml.scale import limits_of_shares
from scoring.models import Lead, Release
from scoring.selectors.recent import recent_leads
from scoring.services.releases import activate_version
from scoring.services.scale import cut_scale, grade_change
from tests.factories.calls import score, sent
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, a_lead, days_ago
from tests.factories.trained import GOOD, POOR, a_stored_version

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

PRESET = GradeLimits(*limits_of_shares(10, 20, 30, 40))


def activate(seed: int = 1) -> Release:
    current = Release.objects.filter(is_open=True).first()
    return activate_version(
        a_stored_version(seed=seed).pk,
        expected_open_release_id=current.pk if current else None,
        by=None,
        reason="for a test",
        as_of=NOW,
    )


def test_a_release_keeps_the_cuts_and_which_leads_they_came_from() -> None:
    some_leads(400, days=89)
    release = activate()
    assert len(release.score_cuts) == 99
    assert release.score_cuts == sorted(release.score_cuts)
    assert release.score_population["n"] == 400
    assert release.ranked_among() == "the 400 leads created from 4 Mar 2026 to 1 Jun 2026"


def test_with_too_few_recent_leads_the_cuts_of_the_file_hold_and_it_says_so() -> None:
    some_leads(299, days=89)
    some_leads(300, days=50, until=days_ago(91), prefix="old-")
    some_leads(300, dated=False, prefix="undated-")
    release = activate()
    assert release.score_cuts == []
    assert release.ranked_among() == "the leads the version learned from"
    assert release.score_population["why"].startswith(
        "Only 299 leads were created in the 90 days before; 300"
    )


def test_on_an_empty_database_a_version_goes_into_service_all_the_same() -> None:
    assert activate().ranked_among() == "the leads the version learned from"


def test_what_serves_scores_by_the_cuts_of_its_release() -> None:
    some_leads(400, days=89)
    release = activate()
    champion = loader.serving().champion
    assert champion.cuts == tuple(release.score_cuts)
    assert champion.document["score_quantiles"] == release.score_cuts
    assert score(sent("good")).score > score(sent("poor", attributes=POOR)).score


def test_a_new_release_of_the_same_version_with_other_cuts_is_loaded_anew() -> None:
    some_leads(400, days=89)
    release = activate()
    before = loader.serving().champion
    Release.objects.filter(pk=release.pk).update(is_open=False, closed_at=NOW)
    # Everybody lies below: the same lead is better than all of them now.
    Release.objects.create(
        champion_id=release.champion_id, opened_at=NOW, reason="other leads", score_cuts=[0.0] * 99
    )
    loader.refresh()
    assert loader.serving().champion is not before
    assert score(sent("good", attributes=GOOD)).score == 99


def test_two_versions_give_the_same_leads_grades_in_the_same_shares() -> None:
    some_leads(1200, days=89)
    shares = []
    for seed in (1, 2):
        activate(seed)
        scale = cut_scale(loader.serving().champion, as_of=NOW)
        shares.append(Counter(PRESET.grade(one).value for one in scale.scores))
    # The small model knows few different leads: an atom of equal ones may lie on either side of a limit.
    for grade, share in {"A": 0.1, "B": 0.2, "C": 0.3, "D": 0.4}.items():
        for found in shares:
            assert found[grade] / 1200 == pytest.approx(share, abs=0.03), (grade, found)


def test_recent_leads_are_the_newest_with_a_date_not_in_the_future() -> None:
    a_lead("old", created=days_ago(90.1))
    a_lead("undated")
    a_lead("tomorrow", created=NOW + timedelta(days=1))
    for day in (3, 1, 2):
        a_lead(f"day-{day}", created=days_ago(day))
    assert [lead.created for lead in recent_leads(NOW, limit=2)] == [days_ago(1), days_ago(2)]
    assert len(recent_leads(NOW)) == 3


def test_it_says_which_grades_would_change_and_changes_none() -> None:
    some_leads(400, days=89)
    first, *others = Lead.objects.order_by("-created")[:3]
    Lead.objects.filter(pk__in=[lead.pk for lead in others]).update(grade="A", score=90)
    Lead.objects.filter(pk=first.pk).update(grade="D", score=2)
    scale = cut_scale(loader.load_version(a_stored_version()), as_of=NOW)
    change = grade_change(scale, GradeLimits())
    assert (change.before, change.unscored) == ({"A": 2, "B": 0, "C": 0, "D": 1}, 397)
    assert sum(change.after.values()) == 400
    assert sum(change.moves.values()) == 3
    wanted = [GradeLimits().grade(one).value for one in scale.scores[:3]]
    assert change.changed == sum(a != b for a, b in zip(wanted, ["D", "A", "A"], strict=True))
    assert Lead.objects.filter(grade="A").count() == 2


def test_a_lead_scored_on_the_scale_has_the_score_the_scale_foretold() -> None:
    some_leads(400, days=89)
    activate()
    scale = cut_scale(loader.serving().champion, as_of=NOW)
    for lead, foretold in list(zip(scale.leads, scale.scores, strict=True))[:20]:
        stored = Lead.objects.get(pk=lead.pk)
        assert score(sent(stored.external_id, attributes=stored.attributes)).score == foretold
