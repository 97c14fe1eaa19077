"""The rows of a planned file into leads, chunk by chunk; each chunk commits together with the counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from leadscoring.common import claims
from scoring.ml.cells import kept_cells
from scoring.ml.phrases import count
from scoring.ml.reading import RawRow, RowProblem
from scoring.models import ImportRun
from scoring.services.imports.errors import keep_errors
from scoring.services.imports.options import ERRORS_KEPT, ImportSummary, RowError
from scoring.services.imports.plan import AUDIT_SHARE, Plan
from scoring.services.imports.rows import FileLead, RowReader
from scoring.services.imports.write import Written, write_chunk
from scoring.services.leads import retried

CHUNK = 2000
LEASE_SECONDS = 120

Told = Callable[[str, float], None]
Chunk = list[RawRow | RowProblem]


@dataclass(slots=True)
class Part:
    """One chunk, read: good rows, and refused ones with their cells."""

    read: int = 0
    good: list[FileLead] = field(default_factory=list)
    refused: list[RowError] = field(default_factory=list)
    cells: list[list[str | None]] = field(default_factory=list)


def write_rows(
    plan: Plan, summary: ImportSummary, held: claims.Claim | None, told: Told, *, as_of: datetime
) -> None:
    """Write what `summary` does not count yet; without a claim (a dry run) only compare and count.

    Raises:
        LostClaim: another process took the row over; the chunk at hand is undone.
        Cancelled: a person asked to stop; what is committed stays.
    """
    reader = RowReader(plan.options, plan.target, plan.mapped, as_of, plan.identity)
    for part in _parts(plan, reader, summary.rows_read):
        stop = False
        share = AUDIT_SHARE + (summary.rows_read + part.read) / max(plan.rows, 1) * (1 - AUDIT_SHARE)
        message = f"Writing leads: {count(summary.rows_read + part.read, 'row')}"
        if held is None:
            summary.add(part.read, part.good, part.refused, _compare(part, plan, summary, as_of))
        else:
            stop = _commit(part, plan, summary, held, message, min(share, 0.99), as_of)
        told(message, share)
        if stop:
            raise claims.Cancelled


def _parts(plan: Plan, reader: RowReader, behind: int) -> Iterator[Part]:
    """The chunks behind the first `behind` rows, which are only remembered: their ids must not come again."""
    passed = 0
    for chunk in plan.table.chunks(CHUNK):
        part = Part()
        for item in chunk:
            if passed < behind:
                passed += 1
                if isinstance(item, RawRow):
                    reader.remember(item)
                continue
            part.read += 1
            read = reader.read(item) if isinstance(item, RawRow) else reader.unread(item, plan.table.columns)
            if isinstance(read, RowError):
                part.refused.append(read)
                part.cells.append(
                    kept_cells(item.values.values() if isinstance(item, RawRow) else item.cells)
                )
            else:
                part.good.append(read)
        if part.read:
            yield part


def _compare(part: Part, plan: Plan, summary: ImportSummary, as_of: datetime) -> Written:
    return write_chunk(
        part.good,
        source=plan.source,
        currency=plan.options.currency,
        run_id=summary.run_id,
        reported_by=f"file:{plan.source}",
        as_of=as_of,
        dry_run=summary.dry_run,
    )


def _commit(
    part: Part,
    plan: Plan,
    summary: ImportSummary,
    held: claims.Claim,
    message: str,
    share: float,
    as_of: datetime,
) -> bool:
    """One transaction: the chunk's leads and outcomes, its refused rows, the counts, the fence."""

    def work() -> tuple[ImportSummary, bool]:
        counted = summary.copy()
        counted.add(part.read, part.good, part.refused, _compare(part, plan, summary, as_of))
        keep_errors(held.pk, part.refused, part.cells)
        # Progress was made: only claims that end without any count against the row.
        stop = claims.renew(
            ImportRun,
            held,
            lease_seconds=LEASE_SECONDS,
            progress=share,
            message=message,
            attempts=1,
            **counted.counts(),
        )
        return counted, stop

    counted, stop = retried(work)
    summary.take(counted)
    return stop


def refused_so_far(run: ImportRun) -> list[RowError]:
    """The first refused rows of a run that is gone on with."""
    fields = ("row_number", "column", "value", "expected", "external_id")
    rows = run.row_errors.values_list(*fields)[:ERRORS_KEPT]
    return [RowError(*row) for row in rows]
