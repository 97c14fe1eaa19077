"""Where a page ended: the time and id of its last row, so that new rows neither shift nor repeat anything."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from leadscoring.common.errors import FieldError, Invalid
from scoring.api.paths import shown
from scoring.models import Prediction

START = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LATEST = (datetime(2200, 1, 1, tzinfo=UTC) - START) // MICROSECOND


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row that was shown."""

    scored_at: datetime
    id: UUID

    def older(self, rows: QuerySet[Prediction]) -> QuerySet[Prediction]:
        """The rows after it, in the order newest first."""
        same_or_older = rows.filter(scored_at__lte=self.scored_at)
        return same_or_older.filter(Q(scored_at__lt=self.scored_at) | Q(id__lt=self.id))


def write_cursor(scored_at: datetime, row_id: UUID) -> str:
    """The cursor as text for a URL."""
    number = (scored_at - START) // MICROSECOND
    return base64.urlsafe_b64encode(number.to_bytes(8, "big") + row_id.bytes).decode().rstrip("=")


def read_cursor(text: str | None) -> Cursor | None:
    """The cursor in a query parameter.

    Raises:
        Invalid: it is not one of ours.
    """
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    number = int.from_bytes(raw[:8], "big")
    if len(raw) != 24 or number > LATEST:
        expected = "the next_cursor of an earlier answer, unchanged"
        raise Invalid(
            f"Query parameter cursor is {shown(text)}; expected {expected}.",
            errors=[FieldError("query:cursor", shown(text), expected)],
        )
    return Cursor(START + number * MICROSECOND, UUID(bytes=raw[8:]))
