"""One row of a file into one lead and its outcome."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from scoring.contracts import LeadRefused, OutcomeKind
from scoring.ml.parsing import Reader, compile_reader, shown, visible
from scoring.ml.reading import RawRow, RowProblem
from scoring.ml.schema import FeatureSpec
from scoring.ml.tally import Tally
from scoring.services.imports.options import ImportOptions, RowError
from scoring.services.imports.target import Target
from scoring.services.leads import MAX_ID, MAX_TEXT

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_DAY = -25_567.0  # 1900-01-01
VALUE_SHOWN = 200
"""Characters of a refused cell that are told."""
MAX_REVENUE = Decimal("99999999999999.99")


@dataclass(frozen=True, slots=True)
class FileLead:
    """A lead as a row tells it; `outcome` None means open."""

    number: int
    external_id: str
    attributes: dict[str, object]
    created: datetime | None
    owner: str
    stage: str
    outcome: OutcomeKind | None
    occurred_at: datetime | None
    revenue: Decimal | None


@dataclass(slots=True)
class RowReader:
    """Reads the rows of one file; remembers ids, so that one used twice is refused the second time."""

    options: ImportOptions
    target: Target
    specs: Mapping[str, FeatureSpec]
    as_of: datetime
    identity: tuple[str, ...] = ()
    _seen: Tally = field(default_factory=Tally)
    _readers: dict[str, Reader] = field(init=False)
    _elsewhere: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._readers = {name: compile_reader(spec) for name, spec in self.specs.items()}
        self._elsewhere = self.options.not_attributes()

    def read(self, row: RawRow) -> FileLead | RowError:
        """The lead, or what is wrong with the row."""
        try:
            return self._read(row)
        except _Refused as refused:
            value = shown(refused.value, VALUE_SHOWN)
            return RowError(row.number, refused.column, value, refused.expected, self._lead(row.values))

    def unread(self, problem: RowProblem, columns: Sequence[str]) -> RowError:
        """The same for a row that could not be read, of a file with these columns."""
        # Cells that are too few or too many say nothing of which column they are in, but for the first.
        cells = problem.cells if len(problem.cells) == len(columns) else problem.cells[:1]
        lead = self._lead(dict(zip(columns, cells, strict=False)))
        return RowError(problem.row, problem.column, problem.value, problem.expected, lead)

    def remember(self, row: RawRow) -> None:
        """Take note of a row that was written before: its id, or how often its content came."""
        if _total(row.values) is None:
            with contextlib.suppress(_Refused):
                self._identity(row)

    def _read(self, row: RawRow) -> FileLead:
        options, values = self.options, row.values
        total = _total(values)
        if total is not None:
            raise _Refused(*total, "a lead; this looks like the line of totals under a list")
        external_id = self._identity(row)
        created = self._date(values, options.created_at)
        converted_at = self._date(values, options.converted_at)
        outcome = self._outcome(values, converted_at)
        revenue = self._revenue(values) if outcome is OutcomeKind.CONVERTED else None
        # Dates without a time of day: a conversion on the day of creation may carry midnight.
        if (
            outcome is OutcomeKind.CONVERTED
            and created is not None
            and converted_at is not None
            and converted_at < created - timedelta(days=1)
        ):
            raise _Refused(
                options.converted_at or "",
                _raw(values, options.converted_at),
                f"a date after {_raw(values, options.created_at)}, when the lead was created",
            )
        return FileLead(
            number=row.number,
            external_id=external_id,
            attributes=self._attributes(row),
            created=created,
            owner=(values.get(options.owner or "") or "").strip()[:255],
            stage=(values.get(options.stage or "") or "").strip()[:255],
            outcome=outcome,
            occurred_at=converted_at if outcome is not None else None,
            revenue=revenue,
        )

    def _lead(self, values: Mapping[str, str | None]) -> str:
        return shown(visible(values.get(self.options.id or "") or ""), VALUE_SHOWN)

    def _identity(self, row: RawRow) -> str:
        column = self.options.id
        if column is None:
            return self._digest(row)
        external_id = visible(row.values.get(column) or "")
        if not external_id:
            raise _Refused(column, "", "an id; the cell is blank")
        if len(external_id) > MAX_ID:
            raise _Refused(column, external_id, f"an id of at most {MAX_ID} characters")
        # Eight bytes of a hash instead of the text keep the memory flat at millions of rows.
        first = self._seen.first(hash(external_id), row.number)
        if first != row.number:
            raise _Refused(column, external_id, f"an id used once in the file; row {first} has it too")
        return external_id

    def _digest(self, row: RawRow) -> str:
        digest = _content_digest(row.values, self.identity)
        occurrence = self._seen.add(int.from_bytes(digest[:8], "big"))
        return _content_id(digest, occurrence)

    def _attributes(self, row: RawRow) -> dict[str, object]:
        attributes: dict[str, object] = {}
        for name, value in row.values.items():
            if value is None or name in self._elsewhere:
                continue
            if len(value) > MAX_TEXT:
                raise _Refused(name, value, f"at most {MAX_TEXT:,} characters, got {len(value):,}")
            attributes[name] = value
        return attributes

    def _date(self, values: Mapping[str, str | None], column: str | None) -> datetime | None:
        if column is None or not (values.get(column) or "").strip():
            return None
        text = (values[column] or "").strip()
        value, warning = self._readers[column](text)
        if isinstance(value, float) and value >= EARLIEST_DAY:
            return EPOCH + timedelta(days=value)
        if warning is not None and warning.code == "missing":
            return None
        raise _Refused(column, text, "a date such as 2026-03-14 or 14.03.2026 09:30")

    def _outcome(self, values: Mapping[str, str | None], converted_at: datetime | None) -> OutcomeKind | None:
        text = values.get(self.options.converted)
        if self.target.is_blank(text):
            return None
        if self.target.is_converted(text):
            if converted_at is not None and converted_at > self.as_of + timedelta(days=1):
                raise _Refused(
                    self.options.converted_at or "",
                    _raw(values, self.options.converted_at),
                    "a date that is not in the future",
                )
            return OutcomeKind.CONVERTED
        # With a date of creation and no open leads told apart, "no" says only "not yet": its age will tell.
        if self.options.created_at is None or self.target.is_lost(text):
            return OutcomeKind.LOST
        return None

    def _revenue(self, values: Mapping[str, str | None]) -> Decimal | None:
        column = self.options.revenue
        text = (values.get(column or "") or "").strip()
        if column is None or not text:
            return None
        value, warning = self._readers[column](text)
        if isinstance(value, float) and abs(value) <= float(MAX_REVENUE):
            return Decimal(repr(value)).quantize(Decimal("0.01"))
        if warning is not None and warning.code == "missing":
            return None
        raise _Refused(column, text, "an amount of money such as 1250.00")


def content_id(values: Mapping[str, str | None], identity: Sequence[str]) -> str:
    """The id of a row that has none, by the content of the identity columns, where it comes for the first time."""
    return _content_id(_content_digest(values, identity), 1)


def _content_id(digest: bytes, occurrence: int) -> str:
    return f"row-{digest.hex()}-{occurrence}"


def _content_digest(values: Mapping[str, str | None], identity: Sequence[str]) -> bytes:
    digest = hashlib.blake2b(digest_size=12)
    for name in identity:
        text = values[name] or ""
        digest.update(f"{len(name)}:{name}{len(text)}:{text}".encode("utf-8", "surrogatepass"))
    return digest.digest()


def _raw(values: Mapping[str, str | None], column: str | None) -> str:
    """A cell as it stands in the file."""
    return (values.get(column or "") or "").strip()


_TOTALS = frozenset(
    (
        "total",
        "totals",
        "sum",
        "subtotal",
        "grand-total",
        "summe",
        "gesamt",
        "gesamtsumme",
        "insgesamt",
        "totale",
        "suma",
    )
)


def _total(values: Mapping[str, str | None]) -> tuple[str, str] | None:
    """The cell that makes a row the line of totals under a list, where most of the row is blank beside it."""
    filled = [(name, value) for name, value in values.items() if value]
    if len(filled) * 2 > len(values):
        return None
    for name, value in filled:
        if value.strip(" :\t").casefold().replace(" ", "-") in _TOTALS:
            return name, value
    return None


class _Refused(LeadRefused):
    """Carries the place of the fault up to `read`."""

    def __init__(self, column: str, value: str, expected: str) -> None:
        super().__init__(f"{column}: {value}; expected {expected}")
        self.column, self.value, self.expected = column, value, expected
