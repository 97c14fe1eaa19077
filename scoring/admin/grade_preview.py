"""What new grade limits would change, drawn for the page that sets them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from leadscoring.common.admin.words import NOTHING, chance, moment
from leadscoring.common.charts import Bar, shares
from leadscoring.common.claims import WorkState
from scoring.contracts import GradeLimits
from scoring.ml.intervals import wilson
from scoring.models import Regrade
from scoring.selectors.grade_tally import GRADES, FirstScores
from scoring.selectors.grades import Moves, as_graded, preview
from scoring.services.releases import preview_limits
from scoring.services.tallies import current_tally


def preview_context(
    now: GradeLimits, wanted: GradeLimits, *, as_of: datetime, regrade: Regrade | None
) -> dict[str, Any]:
    """Tables and bars: who moves where, whose leads, shares before and after, conversion by grade; nothing but
    `counted` None where many leads wait for being counted, without which limits cannot be set. While the newest
    `regrade` is under way, and until it was followed by a count, leads are taken as if it had reached them all."""
    counted = current_tally(as_of=as_of)
    if counted is None:
        return {"counted": None}
    tally = counted.tally
    ended = None if regrade is None or regrade.state != WorkState.DONE else regrade.finished_at
    if (regrade is not None and regrade.is_open) or (ended is not None and counted.taken_at < ended):
        tally = as_graded(now, tally)
    found, said = preview(wanted, tally), tally.first
    return {
        "counted": counted,
        "taken": moment(counted.taken_at),
        "found": found,
        "moves": _moves(found.open_moves),
        "share_rows": [
            (name, sum(scores.values()), _bars(now, scores), _bars(wanted, scores))
            for name, scores in found.shares.items()
        ],
        "rates": _rates(said, now, wanted),
        "ripe": sum(said.leads.values()),
        "ripe_cut": said.cut,
    }


def _moves(moves: Moves) -> list[dict[str, Any]]:
    """Rows of the 4 × 4 table: from each grade, to each grade, with its total."""
    rows = []
    for old in GRADES:
        cells = [{"n": moves.get((old, new), 0), "same": old == new} for new in GRADES]
        rows.append({"grade": old, "cells": cells, "total": sum(cell["n"] for cell in cells)})
    return rows


def _bars(limits: GradeLimits, scores: Any) -> Any:
    counts = preview_limits(limits, dict(scores))
    return shares([Bar(g, counts[g], f"ls-tone-{g}") for g in GRADES], noun="leads")


def _rates(said: FirstScores, now: GradeLimits, wanted: GradeLimits) -> list[tuple[str, str, str]]:
    old, new = said.by_grade(now), said.by_grade(wanted)
    return [(grade, _rate(*old[grade]), _rate(*new[grade])) for grade in GRADES]


def _rate(conversions: int, n: int) -> str:
    """A conversion rate with its interval and n, or a dash."""
    if n == 0:
        return NOTHING
    rate = wilson(conversions, n)
    return f"{chance(rate.value)} ({chance(rate.low)} to {chance(rate.high)}, n = {n:,})"
