"""Parquet files, batch by batch; columns that hold lists, records or bytes are left out and named."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scoring.ml.reading_excel import cell_text
from scoring.ml.tables import MAX_COLUMNS, Advance, Rows, Source, TableError, row_or_problem

MAX_ROW_GROUP = 2 * 1024**3
_BATCH = 2000


def open_parquet(path: Path) -> Source:
    """Describe how the rows of a Parquet file are read.

    Raises TableError when it is broken, past a limit, or has no column of plain values.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            total = int(file.metadata.num_rows)
            largest = max(
                (file.metadata.row_group(i).total_byte_size for i in range(file.num_row_groups)), default=0
            )
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"{path.name} cannot be read as Parquet: {error}") from None
    if len(schema) > MAX_COLUMNS:
        raise TableError(f"{path.name} has {len(schema):,} columns; expected at most {MAX_COLUMNS:,}")
    if largest > MAX_ROW_GROUP:
        raise TableError(
            f"{path.name} has a row group of {largest // 2**20:,} MiB; expected at most 2,048 MiB"
        )
    plain = [name for name, field in zip(schema.names, schema, strict=True) if _plain(field.type)]
    left_out = [name for name in schema.names if name not in plain]
    if not plain:
        raise TableError(f"{path.name} has no column of plain values; expected numbers, texts or dates")
    note = f"Read as Parquet, {total:,} rows."
    if left_out:
        note += f" Left out because they hold lists, records or bytes: {', '.join(left_out[:10])}."

    def rows(columns: tuple[str, ...], advance: Advance) -> Rows:
        number = 1
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=_BATCH, columns=plain):
                    table = [_texts(column) for column in batch.columns]
                    for cells in zip(*table, strict=True):
                        number += 1
                        yield row_or_problem(number, columns, cells)
                    advance(number - 1)
        except (pa.ArrowException, OSError) as error:
            raise TableError(f"{path.name} breaks off after row {number}: {error}") from None

    return Source(path.name, plain, note, total, "rows", rows)


def _plain(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    refused = (
        pa.types.is_nested,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_fixed_size_binary,
    )
    return not any(refuse(kind) for refuse in refused)


def _texts(column: pa.Array) -> list[str | None]:
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's datetime has no nanoseconds.
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    return [cell_text(value) for value in column.to_pylist()]
