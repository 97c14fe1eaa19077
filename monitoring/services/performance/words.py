"""What a reading says to people: the consequence first, then figures with n and interval, then what to do."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring.contracts import RuleKind, Story
from monitoring.stats.ripe import Gap, Loss
from scoring.ml.estimates import Estimate

NAMES = {
    RuleKind.RANKING: "how well leads are ranked",
    RuleKind.ESTIMATED_RANKING: "how well new leads will be ranked",
    RuleKind.CALIBRATION: "whether the probabilities are right",
    RuleKind.GRADE_ORDER: "the order of the grades",
    RuleKind.FAIRNESS: "how groups fare",
}


def ranking(number: int, days: float, promised: Estimate, found: Estimate, loss: Loss, link: str) -> Story:
    """AUC on ripe leads beside that of the test."""
    return Story(
        title=f"The best leads are found less often: version {number} ranks worse than when it was tested",
        what=f"ROC-AUC {_with(found)} on leads that became ripe in the last {days:.0f} days; "
        f"{_with(promised)} on its test leads. Loss {_difference(loss)}.",
        sure=_sure(loss.p, "a model that ranks as well as in its test"),
        consequence="Of the leads called first, fewer convert than they should; good ones wait below.",
        next_step="Look at the weeks on the check's page: a sudden fall points to a changed source or field, a slow "
        "one "
        "to a business that changed. Compare with another version on the same leads, or train a new one.",
        link=link,
    )


def estimated(number: int, days: float, promised: Estimate, found: Estimate, loss: Loss, link: str) -> Story:
    """The expected AUC of leads without outcome beside that of the test."""
    return Story(
        title=f"New leads are probably harder to tell apart for version {number}",
        what=f"Estimated ROC-AUC {_with(found)} for leads of the last {days:.0f} days whose outcome is not known; "
        f"{_with(promised)} on the test leads. Loss {_difference(loss)}.",
        sure=_sure(loss.p, "the test's ranking")
        + " The estimate holds while only the mix of leads changes; it cannot see a changed law.",
        consequence="Scores of new leads lie closer together, so calling the best first gains less.",
        next_step="See which features drifted: a missing or broken field makes leads look alike.",
        link=link,
    )


def calibration(number: int, days: float, gap: Gap, link: str) -> Story:
    """Conversions beside what was promised."""
    direction = "fewer" if gap.converted < gap.promised else "more"
    level = abs(gap.converted / gap.promised - 1)
    head = (
        f"{direction.capitalize()} leads convert than version {number} promises"
        if level >= 0.1
        else f"The probabilities of version {number} are off, high and low ones unlike"
    )
    return Story(
        title=head,
        what=f"{gap.converted:,} of {gap.n:,} leads that became ripe in the last {days:.0f} days converted; "
        f"{gap.promised:,.0f} were promised. Single probabilities are off by {gap.relative:.0%} on average.".replace(
            "%", " %"
        ),
        sure=_sure(gap.p, "right probabilities", "outcomes as far off"),
        consequence="Forecasts of conversions and revenue are off as much; grades keep their order if ranking holds.",
        next_step="See the calibration plot on the check's page. If the ranking holds, new grade limits or a "
        "recalibrated version help; if not, train anew.",
        link=link,
    )


def order(
    number: int, days: float, better: str, worse: str, counted: Sequence[int], excess: Loss, link: str
) -> Story:
    """Conversion of two neighbouring grades."""
    worse_hits, worse_n, better_hits, better_n = counted
    return Story(
        title=f"Grade {worse} converts more than grade {better}: the calling order is upside down there",
        what=f"Grade {worse}: {worse_hits:,} of {worse_n:,} ripe leads of the last {days:.0f} days converted; "
        f"grade {better}: {better_hits:,} of {better_n:,}. {worse} above {better} by {_points(excess)}.",
        sure=_sure(excess.p, "grades in their order"),
        consequence=f"People call grade {better} first and leave better leads of grade {worse} for later.",
        next_step="Look at the table of grades on the check's page; set other grade limits or train anew.",
        link=link,
    )


def fairness(
    number: int, days: float, label: str, value: str, best: str, mine: tuple[int, int], top: tuple[int, int],
    loss: Loss | None, link: str,
) -> Story:  # fmt: skip
    """Share of grade A in a group beside the best group."""
    (hits, n), (best_hits, best_n) = mine, top
    return Story(
        title=f"{label} {value}: graded A less often than {best}",
        what=f"{hits:,} of {n:,} ripe leads of the last {days:.0f} days have grade A ({_share(hits, n)}); of {best} "
        f"{best_hits:,} of {best_n:,} ({_share(best_hits, best_n)}).",
        sure="It is the best group." if loss is None else _sure(loss.p, "equal shares"),
        consequence="Leads of this group are called later. Below four fifths of the best group's share this is the "
        "usual mark of unequal treatment; whether it is unjust depends on whether they convert as often.",
        next_step="Compare AUC and calibration of the groups on the check's page: a group that converts more than "
        "promised is graded too low.",
        link=link,
    )


def not_enough(kind: RuleKind, number: int, days: float, n: int, why: str, link: str) -> Story:
    """Too little data is said as such."""
    return Story(
        title=f"Not enough data to say {NAMES[kind]} (version {number})",
        what=f"Not enough data (n = {n:,} in the last {days:.0f} days): {why}.",
        sure="Nothing can be said either way.",
        consequence="A change would not be seen here yet.",
        next_step="Wait for more ripe leads; see the check's page for how many wait and how many were left out.",
        link=link,
    )


def _with(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f}, n = {estimate.n:,})"


def _difference(loss: Loss) -> str:
    one = loss.difference
    return f"{one.value:.3f} (95 % interval {one.low:.3f} to {one.high:.3f})".replace("-", "−")


def _points(loss: Loss) -> str:
    one = loss.difference
    words = f"{one.value * 100:.1f} points (95 % interval {one.low * 100:.1f} to {one.high * 100:.1f})"
    return words.replace("-", "−")


def _share(hits: int, n: int) -> str:
    return f"{hits / n * 100:.1f} %"


def _sure(p: float, null: str, what: str = "at least this much") -> str:
    chance = "less than 1 in 100,000" if p < 1e-5 else f"p = {p:.2g}"
    return f"With {null}, chance alone would show {what} with {chance}."
