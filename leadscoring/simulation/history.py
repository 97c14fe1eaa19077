"""What happens to rows in the CRM over time: stages, corrections, merges, deletions.

Every draw is a function of the seed, its purpose and the row's number, so no row's history depends on
what other rows there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.dirt import Cells
from leadscoring.simulation.draws import Codes, Flags, Floats, draw_levels_at, hashed
from leadscoring.simulation.mess import Corrections, Deletions, Merges
from leadscoring.simulation.names import HEADERS, LEVELS
from leadscoring.simulation.outcomes import DAY
from leadscoring.simulation.rows import Rows
from leadscoring.simulation.shifts import Acted, touched

HOUR = 3_600.0
# Mean days an open lead stays in a stage, and shares of leads that stall after 0, 1, 2 and 3 of them.
STAGE_DAYS = 12.0
STAGES_REACHED = (0.08, 0.20, 0.26, 0.46)
CORRECTED = ("nationality", "timeline", "package", "budget")


@dataclass(frozen=True, slots=True)
class History:
    """(n,) arrays; times in UTC seconds since 1970-01-01, infinite where it never happens.

    stage_at: (n, 3) when each open stage after the first is reached. gone_at: when the row leaves the CRM; into: the
    place of the row it is merged into, -1 if deleted or never gone. fix_at, fix_column, wrong: when a field
    is corrected, its place in CORRECTED (-1: none), and the cell until then. outcome_fix_at: when an outcome is
    corrected; until then won shows as lost and lost as won.
    """

    stage_at: Floats
    gone_at: Floats
    into: Codes
    fix_at: Floats
    fix_column: Codes
    wrong: Cells
    outcome_fix_at: Floats
    acted: Acted


def draw_history(config: SimulationConfig, rows: Rows) -> History:
    """The history of all rows, as far as it lies in the future."""
    acted: Acted = []
    gone_at, into = _departures(config, rows, acted)
    fix_at, fix_column, wrong = _field_fixes(config, rows, acted)
    return History(
        stage_at=_stages(config.seed, rows),
        gone_at=gone_at,
        into=into,
        fix_at=fix_at,
        fix_column=fix_column,
        wrong=wrong,
        outcome_fix_at=_outcome_fixes(config, rows, acted),
        acted=acted,
    )


def _after(seed: int, purpose: str, number: Codes, days: float) -> Floats:
    """Whole seconds of a log-normal time with this median, an hour at least."""
    noise = special.ndtri(hashed(seed, purpose, number))
    return np.asarray(HOUR + np.floor(days * DAY * np.exp(0.6 * noise)), dtype=np.float64)


def _stages(seed: int, rows: Rows) -> Floats:
    """Won leads come through all stages before they are won; others until they stall or are lost."""
    uniform = np.column_stack([hashed(seed, f"stage {stage}", rows.number) for stage in range(3)])
    step = np.arange(1.0, 4.0)
    outcomes, created = rows.outcomes, rows.created[:, None]
    # A delay is 72 minutes at least, so the stages, a second apart at least, end before it does.
    delay = np.nan_to_num(outcomes.converted_at - rows.created, nan=100.0)[:, None]
    won = created + step + np.floor(np.sort(uniform, axis=1) * (delay - 10.0))
    waits = 1.0 + np.floor(-np.log(uniform) * STAGE_DAYS * DAY)
    slow = created + np.cumsum(waits, axis=1)
    reached = draw_levels_at(hashed(seed, "stages reached", rows.number), STAGES_REACHED)
    closed = np.where(np.isnan(outcomes.lost_at), np.inf, outcomes.lost_at)[:, None]
    slow = np.where((step <= reached[:, None]) & (slow < closed), slow, np.inf)
    return np.where(outcomes.converts[:, None], won, slow)


def _departures(config: SimulationConfig, rows: Rows, acted: Acted) -> tuple[Floats, Codes]:
    gone_at, into = np.full(rows.size, np.inf), np.full(rows.size, -1, dtype=np.int64)
    for deletion in config.turned(Deletions):
        hit = touched(config, deletion, rows.created, rows.number)
        if hit.any():
            at = rows.created + _after(config.seed, "deleted after", rows.number, deletion.days)
            gone_at = np.where(hit, np.minimum(at, gone_at), gone_at)
            acted.append((deletion, hit))
    second = rows.second
    if not second.any():
        return gone_at, into
    order = np.argsort(rows.number, kind="stable")
    first = order[np.searchsorted(rows.number[order], rows.person)]
    for merge in config.turned(Merges):
        hit = touched(config, merge, rows.created, rows.number) & second & (into < 0)
        at = rows.created + _after(config.seed, "merged after", rows.number, merge.days)
        # Nothing is merged that is gone, nor into a row that is gone.
        hit &= (at < gone_at) & (at < gone_at[first])
        if hit.any():
            gone_at, into = np.where(hit, at, gone_at), np.where(hit, first, into)
            acted.append((merge, hit))
    return gone_at, into


def _field_fixes(config: SimulationConfig, rows: Rows, acted: Acted) -> tuple[Floats, Codes, Cells]:
    fix_at, column = np.full(rows.size, np.inf), np.full(rows.size, -1, dtype=np.int64)
    wrong: Cells = np.full(rows.size, "", dtype=object)
    for dial in config.turned(Corrections):
        hit = touched(config, dial, rows.created, rows.number) & ~rows.second & (column < 0)
        if dial.what == "outcome" or not hit.any():
            continue
        which = draw_levels_at(hashed(config.seed, "field corrected", rows.number), [1.0] * len(CORRECTED))
        for place, field in enumerate(CORRECTED):
            here = hit & (which == place) & (rows.cells[HEADERS[field]] != "") & _known(rows, field)
            column[here] = place
            wrong[here] = _wrong(config.seed, rows, field, here)
        after = _after(config.seed, "field corrected after", rows.number, dial.days)
        fixed = hit & (column >= 0) & np.isinf(fix_at)
        fix_at = np.where(fixed, rows.created + after, fix_at)
        acted.append((dial, fixed))
    return fix_at, column, wrong


def _known(rows: Rows, field: str) -> Flags:
    values = getattr(rows.shown, field)
    return np.asarray(~np.isnan(values) if values.dtype.kind == "f" else values >= 0)


def _wrong(seed: int, rows: Rows, field: str, here: Flags) -> Cells:
    """Another level, or a number with its point moved by one."""
    values, luck = getattr(rows.shown, field)[here], hashed(seed, "wrong cell", rows.number[here])
    if field == "budget":
        moved = np.where(luck < 0.5, values * 10.0, values / 10.0)
        return np.array([f"{number:.0f}" for number in moved], dtype=object)
    levels = LEVELS[field]
    other = (values + 1 + np.floor(luck * (len(levels) - 1)).astype(np.int64)) % len(levels)
    return np.asarray(np.array(levels, dtype=object)[other], dtype=object)


def _outcome_fixes(config: SimulationConfig, rows: Rows, acted: Acted) -> Floats:
    fix_at = np.full(rows.size, np.inf)
    closed = np.where(rows.outcomes.converts, rows.outcomes.converted_at, rows.outcomes.lost_at)
    for dial in config.turned(Corrections):
        hit = touched(config, dial, rows.created, rows.number) & ~rows.second & ~np.isnan(closed)
        hit &= np.isinf(fix_at)
        if dial.what == "field" or not hit.any():
            continue
        after = _after(config.seed, "outcome corrected after", rows.number, dial.days)
        fix_at = np.where(hit, closed + after, fix_at)
        acted.append((dial, hit))
    return fix_at
