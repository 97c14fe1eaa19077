"""The sections about leads, grades, and what was earned. Each takes the week and the moment of the report.

A section says "not measured yet" where there is nothing to measure, and never shows a zero for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.urls import reverse

from leadscoring.common.text import line
from monitoring.selectors.reports import (
    Conversions,
    LeadsOfWeek,
    Ripened,
    conversions_by_week,
    leads_by_week,
    maturity_windows,
    revenues,
    ripened,
)
from monitoring.services.reports.contents import (
    NOT_MEASURED,
    Picture,
    Section,
    Table,
    Week,
    average,
    beside,
    change,
    counted,
    mean_of,
    sample,
    share,
    share_between,
)
from monitoring.services.reports.plots import conversion_by_grade_plot, weekly_leads_plot
from monitoring.stats.performance import winsorised
from monitoring.stats.rates import rate_ratio
from scoring.ml.estimates import Estimate, NotEnoughData
from scoring.ml.means import mean
from scoring.ml.proportions import wilson
from scoring.selectors.grade_tally import RIPE_READ, first_scores
from scoring.selectors.versions import grade_limits

GRADES = "ABCD"
WEEKS_BEFORE = 4
WEEKS_DRAWN = 12
SOURCES_SHOWN = 8
CURRENCIES_SHOWN = 3
FOUR_WEEKS = "the mean of the four weeks before"
COUNTED_HOW = (
    "A lead counts in the week in which it was created at its source, or first seen where no date was sent. Scored "
    "leads are those with a score at the time of this report."
)
WHOSE_CONVERSIONS = (
    "These are all conversions that happened in the week, mostly of leads that came earlier. What this week's leads "
    "will do is not known yet."
)
CUT_BACK = (
    "Per conversion: the largest hundredth is cut back to the next value, so that one deal does not make the week. "
    "Sums are as reported."
)
HEAD = ("", "This week", "Week before", "Mean of 4 weeks", "Against that mean (95 % interval)")


def leads(week: Week, as_of: datetime) -> Section:
    """Leads that came, how many have a score, and where they came from."""
    weeks = leads_by_week(week.end, WEEKS_DRAWN)
    now, before = weeks[-1], weeks[-1 - WEEKS_BEFORE : -1]
    ratio = _ratio(now.came, [one.came for one in before])
    if not any(one.came for one in weeks):
        return Section(
            "Leads",
            f"No lead came in this week or the {WEEKS_DRAWN - 1} before it.",
            headline="no leads",
            facts={"came": 0, "scored": 0},
        )
    scored = wilson(now.scored, now.came) if now.came else None
    says = f"{counted(now.came, 'lead')} came, {beside(ratio, FOUR_WEEKS)}."
    if scored is not None:
        says += f" {now.scored:,} of them have a score: {share_between(scored)}."
    rows = [_row("Leads that came", now.came, [one.came for one in before])]
    rows.append(_row("of which scored", now.scored, [one.scored for one in before]))
    sources = sorted(
        {name for one in (now, *before) for name, _ in one.cells},
        key=lambda name: (-now.of_source(name), -sum(one.of_source(name) for one in before), name),
    )
    by_source = [
        _row(line(name, 60) or "(no name)", now.of_source(name), [one.of_source(name) for one in before])
        for name in sources[:SOURCES_SHOWN]
    ]
    rest = sources[SOURCES_SHOWN:]
    if rest:
        left = partial(_of_sources, names=frozenset(rest))
        by_source.append(_row(f"{len(rest)} other sources", left(now), [left(one) for one in before]))
    return Section(
        "Leads",
        says,
        headline=counted(now.came, "lead"),
        tables=(Table(HEAD, tuple(rows)), Table(("By source", *HEAD[1:]), tuple(by_source))),
        notes=(COUNTED_HOW,),
        picture=_weeks_picture(week, weeks),
        facts={
            "came": now.came,
            "scored": now.scored,
            "week_before": before[-1].came,
            "four_week_mean": mean_of([one.came for one in before]),
            "against_mean": ratio.to_json() if ratio else None,
            "by_source": {name: now.of_source(name) for name in sources},
        },
        link=reverse("admin:scoring_lead_changelist"),
    )


def grades(week: Week, as_of: datetime) -> Section:
    """How the week's scored leads were graded."""
    weeks = leads_by_week(week.end, WEEKS_BEFORE + 1)
    now, before = weeks[-1], weeks[:-1]
    if not now.scored:
        return Section("Grades", f"No lead of this week has a grade: {NOT_MEASURED}.", facts={"scored": 0})
    earlier = sum(one.scored for one in before)
    rows = []
    for grade in GRADES:
        n, past = now.of_grade(grade), sum(one.of_grade(grade) for one in before)
        was = share_between(wilson(past, earlier)) if earlier else "–"
        rows.append((grade, f"{n:,}", share_between(wilson(n, now.scored)), was))
    best = wilson(now.of_grade("A"), now.scored)
    return Section(
        "Grades",
        f"{counted(now.of_grade('A'), 'lead')} graded A: {share_between(best)} of the scored leads.",
        headline=f"{now.of_grade('A'):,} graded A",
        tables=(
            Table(
                ("Grade", "Leads", "Share of scored leads (95 % interval)", "In the four weeks before"),
                tuple(rows),
            ),
        ),
        facts={"scored": now.scored, "grades": {grade: now.of_grade(grade) for grade in GRADES}},
    )


def conversions(week: Week, as_of: datetime) -> Section:
    """What happened in the week, whatever the age of the lead: conversions and their revenue."""
    weeks = conversions_by_week(week.end, WEEKS_BEFORE + 1)
    now, before = weeks[-1], weeks[:-1]
    if not any(one.n for one in weeks):
        return Section(
            "Conversions and revenue",
            f"No conversion was reported for this week or the four before it: {NOT_MEASURED}.",
            facts={"conversions": 0},
        )
    ratio = _ratio(now.n, [one.n for one in before])
    rows = [_row("Conversions", now.n, [one.n for one in before])]
    money, facts = _revenue_rows(week, now, before)
    tables = [Table(HEAD, tuple(rows))]
    if money:
        head = ("Revenue", "Sum", "Week before", "Mean of 4 weeks", "Per conversion (95 % interval)")
        tables.append(Table(head, tuple(money)))
    notes = [WHOSE_CONVERSIONS]
    untold = now.n - sum(n for n, _ in now.revenue.values())
    if untold:
        notes.append(
            f"{counted(untold, 'conversion')} of this week came without a revenue and are in no sum."
        )
    notes.append(CUT_BACK if money else "No conversion of this week came with a revenue.")
    return Section(
        "Conversions and revenue",
        f"{counted(now.n, 'lead')} converted, {beside(ratio, FOUR_WEEKS)}.",
        headline=f"{now.n:,} converted",
        tables=tuple(tables),
        notes=tuple(notes),
        facts={"conversions": now.n, "week_before": before[-1].n, "revenue": facts},
        link=reverse("admin:scoring_outcome_changelist"),
    )


def ripe(week: Week, as_of: datetime) -> Section:
    """How many ripe leads converted: those whose window ended in this week, and by grade over all of late."""
    weeks = ripened(week.end, WEEKS_BEFORE + 1)
    now, before = weeks[-1], _sum(weeks[:-1])
    first = first_scores(as_of=as_of)
    by_grade = first.by_grade(grade_limits())
    rates = {grade: wilson(hits, n) if n else None for grade, (hits, n) in by_grade.items()}
    judged = sum(n for _, n in by_grade.values())
    notes = [_window_note()]
    tables = []
    if now.leads or before.leads:
        rows = tuple(
            (words, f"{one.leads:,}", f"{one.conversions:,}", _rate(one))
            for words, one in (("In this week", now), ("In the four weeks before", before))
        )
        tables.append(Table(("Leads that became ripe", "Leads", "Converted", "Share (95 % interval)"), rows))
    if judged:
        head = ("Grade given first", "Ripe leads", "Converted", "Share (95 % interval)")
        rows = tuple(
            (grade, f"{n:,}", f"{hits:,}", _interval(rates[grade])) for grade, (hits, n) in by_grade.items()
        )
        tables.append(Table(head, rows))
        newest = f"the newest {RIPE_READ:,} ripe leads" if first.cut else "all ripe leads"
        notes.append(
            f"By grade: {judged:,} of {newest}: those that were scored before their outcome was known. A score given "
            "later would flatter the model."
        )
    return Section(
        "What leads of each grade became",
        _ripe_says(now, rates, judged),
        tables=tuple(tables),
        notes=tuple(notes),
        picture=_grade_picture(rates) if judged else None,
        facts={
            "ripened": {"leads": now.leads, "conversions": now.conversions},
            "four_weeks_before": {"leads": before.leads, "conversions": before.conversions},
            "by_grade": {grade: rate.to_json() if rate else None for grade, rate in rates.items()},
        },
    )


def _ripe_says(now: Ripened, rates: dict[str, Estimate | None], judged: int) -> str:
    if not now.leads and not judged:
        return f"No lead is ripe: {NOT_MEASURED}. A lead is ripe when its maturity window is over."
    if now.leads:
        says = f"{counted(now.leads, 'lead')} became ripe in this week; of these {_rate(now)} converted."
    else:
        says = "No lead became ripe in this week."
    a, d = rates["A"], rates["D"]
    if a is not None and d is not None:
        says += f" Over all judged, grade A converted in {share(a.value)} of cases and grade D in {share(d.value)}."
    return says


def _window_note() -> str:
    windows, horizon = maturity_windows()
    told = ", ".join(f"{line(name, 40)} {days:.0f} days" for name, days in sorted(windows.items())[:6])
    others = f"{'; ' if told else ''}{'others' if told else 'every source'} {horizon:.0f} days"
    return (
        f"A lead is ripe when its maturity window is over: {told}{others}. Younger leads count nowhere here, whether "
        "they converted or not."
    )


def _revenue_rows(
    week: Week, now: Conversions, before: list[Conversions]
) -> tuple[list[tuple[str, ...]], dict[str, dict[str, float]]]:
    rows: list[tuple[str, ...]] = []
    facts: dict[str, dict[str, float]] = {}
    largest = sorted(now.revenue, key=lambda one: (-now.revenue[one][0], one))
    for currency in largest[:CURRENCIES_SHOWN]:
        n, total = now.revenue[currency]
        past = [float(one.revenue.get(currency, (0, 0))[1]) for one in before]
        try:
            each = mean(winsorised(revenues(week.end, currency)))
            per = f"{each.value:,.0f} ({each.low:,.0f} to {each.high:,.0f}, {sample(each.n)})"
        except NotEnoughData:
            per = f"– ({sample(n)})"
        rows.append(
            (
                currency or "(no currency)",
                f"{total:,.0f}",
                f"{past[-1]:,.0f}",
                f"{sum(past) / len(past):,.0f}",
                per,
            )
        )
        facts[currency] = {"n": n, "sum": float(total)}
    return rows, facts


def _weeks_picture(week: Week, weeks: list[LeadsOfWeek]) -> Picture:
    mondays = [week.monday - timedelta(days=7 * back) for back in range(len(weeks) - 1, -1, -1)]
    counts = {grade: [one.of_grade(grade) for one in weeks] for grade in (*GRADES, "")}
    total = sum(one.came for one in weeks)
    alt = (
        f"Leads of the last {len(weeks)} weeks by grade, {total:,} in all: "
        f"{min(one.came for one in weeks):,} to {max(one.came for one in weeks):,} a week, "
        f"{weeks[-1].came:,} in this one."
    )
    return Picture("leads", alt, weekly_leads_plot(mondays, counts))


def _grade_picture(rates: dict[str, Estimate | None]) -> Picture:
    told = "; ".join(f"{grade} {share_between(rate)}" for grade, rate in rates.items() if rate is not None)
    return Picture(
        "grades", f"Share of ripe leads that converted, by grade: {told}.", conversion_by_grade_plot(rates)
    )


def _row(words: str, now: int, before: list[int]) -> tuple[str, ...]:
    return (words, f"{now:,}", f"{before[-1]:,}", average(mean_of(before)), change(_ratio(now, before)))


def _ratio(now: int, before: list[int]) -> Estimate | None:
    return rate_ratio(now, 1.0, sum(before), float(len(before)))


def _of_sources(one: LeadsOfWeek, names: frozenset[str]) -> int:
    return sum(n for (name, _), n in one.cells.items() if name in names)


def _sum(weeks: list[Ripened]) -> Ripened:
    return Ripened(sum(one.leads for one in weeks), sum(one.conversions for one in weeks))


def _rate(one: Ripened) -> str:
    return share_between(wilson(one.conversions, one.leads)) if one.leads else "–"


def _interval(rate: Estimate | None) -> str:
    return f"{share(rate.value)} ({share(rate.low)} to {share(rate.high)})" if rate else "–"
