"""Rows of queries as columns: numpy arrays, chunk by chunk, so that no lead is kept as an object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Keys = NDArray[np.bytes_]
Codes = NDArray[np.int32]

CHUNK = 20_000
DAY = 86_400.0


def row_chunks(rows: QuerySet[Any, Any]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows by the thousand, read as they come: the database keeps the rest."""
    stream = rows.iterator(chunk_size=CHUNK)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk


def column_chunks(rows: QuerySet[Any, Any]) -> Iterator[list[tuple[Any, ...]]]:
    """The same, turned into columns."""
    for chunk in row_chunks(rows):
        yield list(zip(*chunk, strict=True))


def keys_of(ids: Sequence[UUID]) -> Keys:
    """Ids as 16 bytes, which sort as the ids do in both databases."""
    return np.array([one.bytes for one in ids], dtype="S16")


def days_of(times: Sequence[datetime | None]) -> Floats:
    """Days since 1970-01-01 UTC; NaN where there is no time."""
    return np.array([np.nan if at is None else at.timestamp() / DAY for at in times], dtype=np.float64)


def coded(values: Sequence[str], codes: dict[str, int]) -> Codes:
    """Texts as numbers; `codes` gains those that are new."""
    return np.array([codes.setdefault(value, len(codes)) for value in values], dtype=np.int32)
