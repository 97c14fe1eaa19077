"""What grade limits do: read from counts of leads by grade and score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scoring.contracts import GradeLimits
from scoring.models import GradeBand
from scoring.selectors.grade_tally import Cells, Tally

OWNERS_SHOWN = 10
Moves = dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class OwnerMoves:
    """How many open leads of one owner would rise and fall."""

    owner: str
    up: int
    down: int


@dataclass(frozen=True, slots=True)
class LimitsPreview:
    """What new limits would change. Moves count open leads by the grade their row has and the one they would get;
    `closed` counts the leads with an outcome whose grade changes too. `owners_read`: only so many owners, those
    with the most open leads, were looked at (0: all). `shares` hold counts of leads by score."""

    open_moves: Moves
    closed_changed: int
    owners: tuple[OwnerMoves, ...]
    owners_more: int
    owners_read: int
    shares: Mapping[str, Mapping[int, int]]

    @property
    def open_leads(self) -> int:
        """Scored leads without an outcome."""
        return sum(self.open_moves.values())

    @property
    def open_changed(self) -> int:
        """Those of them that would get another grade."""
        return sum(n for (old, new), n in self.open_moves.items() if old != new)


def as_graded(limits: GradeLimits, tally: Tally) -> Tally:
    """A tally as it will be when every lead has the grade that `limits` give its score."""
    return replace(
        tally,
        everything=_graded(limits, tally.everything),
        still_open=_graded(limits, tally.still_open),
        owners={owner: _graded(limits, cells) for owner, cells in tally.owners.items()},
    )


def _graded(limits: GradeLimits, cells: Cells) -> Cells:
    found: Cells = {}
    for (_, score), n in cells.items():
        key = (limits.grade(score).value, score)
        found[key] = found.get(key, 0) + n
    return found


def preview(limits: GradeLimits, tally: Tally) -> LimitsPreview:
    """What `limits` would change, from counted leads."""
    moves: Moves = {}
    by_score: dict[int, int] = {}
    closed_changed = 0
    for (grade, score), n in tally.everything.items():
        new = limits.grade(score).value
        still_open = tally.still_open.get((grade, score), 0)
        closed_changed += n - still_open if grade != new else 0
        if still_open:
            moves[grade, new] = moves.get((grade, new), 0) + still_open
            by_score[score] = by_score.get(score, 0) + still_open
    owners = [found for owner in tally.owners if (found := _owner_moves(limits, owner, tally))]
    owners.sort(key=lambda row: (-row.up - row.down, row.owner))
    shares = {f"Last {days} days": scores for days, scores in tally.recent.items()}
    return LimitsPreview(
        open_moves=moves,
        closed_changed=closed_changed,
        owners=tuple(owners[:OWNERS_SHOWN]),
        owners_more=max(0, len(owners) - OWNERS_SHOWN),
        owners_read=len(tally.owners) if tally.owners_left_out else 0,
        shares={**shares, "All open leads": by_score},
    )


def _owner_moves(limits: GradeLimits, owner: str, tally: Tally) -> OwnerMoves | None:
    """An owner's open leads that rise and fall, None where none does. A comes before D."""
    up = down = 0
    for (grade, score), n in tally.owners[owner].items():
        new = limits.grade(score).value
        if grade:
            up += n if new < grade else 0
            down += n if new > grade else 0
    return OwnerMoves(owner, up, down) if up or down else None


def limits_history() -> list[tuple[GradeBand, GradeBand | None]]:
    """The newest fifty limits, each with the ones it replaced."""
    bands = list(GradeBand.objects.select_related("set_by").order_by("-set_at", "-id")[:51])
    return list(zip(bands[:50], [*bands[1:51], None], strict=False))
