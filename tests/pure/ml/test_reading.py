"""Files as raw rows: every way of writing a CSV, Excel, Parquet, and every way of being broken."""

from __future__ import annotations

import datetime as dt
import gzip
import random
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scoring.ml.reading import RawRow, RowProblem, Table, TableError, open_table


def write(folder: Path, content: bytes, name: str = "leads.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def rows(table: Table, size: int = 2) -> list[RawRow | RowProblem]:
    return [row for chunk in table.chunks(size) for row in chunk]


def values(table: Table) -> list[list[str | None]]:
    return [list(row.values.values()) for row in rows(table) if isinstance(row, RawRow)]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
)
def test_it_finds_delimiter_and_encoding(tmp_path: Path, mark: str, encoding: str) -> None:
    lines = [
        ["name", "city", "size"],
        ["Müller", "Zürich x", "1"],
        ['a "b" c', f"two{mark}parts", ""],
        ["x", "y", "3"],
    ]
    quoted = ["\r\n".join(mark.join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)]
    table = open_table(write(tmp_path, quoted[0].encode(encoding)))
    assert table.columns == ("name", "city", "size")
    assert values(table) == [
        ["Müller", "Zürich x", "1"],
        ['a "b" c', f"two{mark}parts", None],
        ["x", "y", "3"],
    ]
    assert "between cells" in table.format_note


def test_it_reads_newlines_in_quotes_and_counts_rows_as_a_spreadsheet_does(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, b'a,b\n1,"two\nlines"\n\n2,3\n'))
    found = rows(table)
    assert [row.number for row in found if isinstance(row, RawRow)] == [2, 4]
    assert values(table)[0] == ["1", "two\nlines"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"'a','b'\n'1,5','x'\n'O''Brien','y'\n", [["1,5", "x"], ["O'Brien", "y"]]),
        (b'"a","b"\n"x \\"y\\" z","2"\n', [['x "y" z', "2"]]),
        (b"sep=;\r\na;b\r\n1;2\r\n", [["1", "2"]]),
        (b"name\nx\ny z\n", [["x"], ["y z"]]),
        (b"a,b\r1,2\r3,4\r", [["1", "2"], ["3", "4"]]),
        (b"\n\na,b\n1,2\n", [["1", "2"]]),
    ],
)
def test_it_reads_unusual_ways_of_writing(tmp_path: Path, content: bytes, expected: list[list[str]]) -> None:
    assert values(open_table(write(tmp_path, content))) == expected


def test_it_takes_what_it_is_told(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, "a!b\nжук!2\n".encode("cp1251")), delimiter="!", encoding="cp1251")
    assert values(table) == [["жук", "2"]]


def test_it_reads_gzip(tmp_path: Path) -> None:
    assert values(open_table(write(tmp_path, gzip.compress(b"a,b\n1,2\n"), "x.csv.gz"))) == [["1", "2"]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "holds no text"),
        (b"a,b,c\n", "no rows under it"),
        (random.Random(1).randbytes(4000), "is not text"),
        (b"%PDF-1.4 ...", "PDF"),
        (b"\xd0\xcf\x11\xe0" + b"0" * 100, "save it as .xlsx"),
        (
            (",".join(f"c{i}" for i in range(10_000)) + "\n" + ",".join("1" * 10_000)).encode(),
            "10,000 columns",
        ),
        (b"a\xfc,b\nZ\xc3\xbcrich,\xc3\xbc\n\xc3\xa9,2\n", "header row has bytes"),
        (gzip.compress(b"a,b\n" + b"1,2\n" * 5000, mtime=0)[:-20], "cannot be unpacked"),
        (gzip.compress(b"a,b\n" + b"0" * 80_000_000, mtime=0), "times its size"),
        (b"PAR1" + b"x" * 50, "cannot be read as Parquet"),
        (b"PK\x03\x04" + b"x" * 50, "cannot be unpacked"),
    ],
)
def test_it_refuses_a_file_in_words(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(TableError) as refused:
        open_table(write(tmp_path, content))
    assert words in str(refused.value)


def test_it_refuses_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="was not found"):
        open_table(tmp_path / "nothing.csv")
    with pytest.raises(TableError, match="is not a file"):
        open_table(tmp_path)
    with pytest.raises(TableError, match="is not known"):
        open_table(write(tmp_path, b"a,b\n1,2\n"), encoding="utf-99")


@pytest.mark.parametrize(
    ("content", "problem", "good"),
    [
        (b"a,b,c\n1,2,3\n1,2\n4,5,6\n", RowProblem(3, "", "2 cells", "3 cells, as in the header"), 2),
        (b"a,b,c\n1,2,3\n1,2,3,4\n", RowProblem(3, "", "4 cells", "3 cells, as in the header"), 1),
        (b"a,b\n1,2\nx\0y,2\n3,4\n", RowProblem(3, "a", "x\ufffdy", "text without NUL (U+0000)"), 2),
        (
            "a,b\nZürich,é\n".encode() + "München,1\n".encode("cp1252") + b"ok,2\n",
            RowProblem(3, "a", "München", "UTF-8 like the rest of the file, got byte 0xFC"),
            2,
        ),
        (
            ("a,b\n" + "Zürich,é\n" * 5).encode("cp1252") + "München,1\n".encode(),
            RowProblem(7, "a", "München", "cp1252 like the rest of the file, got UTF-8 (byte 0xC3)"),
            5,
        ),
        (
            b'a,b\n1,2\n3,"open\n' + b"5,6\n" * 300,
            RowProblem(3, "", '3,"open', "every opened quote closed in the same cell"),
            301,
        ),
    ],
)
def test_it_names_a_bad_row_and_reads_the_rest(
    tmp_path: Path, content: bytes, problem: RowProblem, good: int
) -> None:
    found = rows(open_table(write(tmp_path, content)), 50)
    assert [row for row in found if isinstance(row, RowProblem)] == [problem]
    assert sum(isinstance(row, RawRow) for row in found) == good


def test_it_names_a_cell_of_five_megabytes(tmp_path: Path) -> None:
    content = b'a,b\n1,2\n3,"' + b"x" * 5_000_000 + b'"\n5,6\n'
    found = rows(open_table(write(tmp_path, content)))
    problem = next(row for row in found if isinstance(row, RowProblem))
    assert (problem.row, problem.column) == (3, "b")
    assert "1,024 KiB" in problem.expected
    assert len(problem.value) < 100
    assert len(found) == 3


def test_it_accepts_empty_cells_beyond_the_header(tmp_path: Path) -> None:
    assert values(open_table(write(tmp_path, b"a,b\n1,2,\n"))) == [["1", "2"]]


def test_it_says_how_far_it_is(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, b"a,b\n" + b"1,2\n" * 100))
    reads = [table.size_hint.read for _ in table.chunks(25)]
    assert reads == sorted(reads)
    assert table.size_hint == (404, 404, "bytes")


def test_it_reads_excel_with_typed_cells(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (
        [None],
        ["id", "when", "ok", "n"],
        [1, dt.date(2024, 5, 1), True, 1.5],
        ["x", None, False, 2.0],
    ):
        sheet.append(line)
    other = book.create_sheet("Other")
    other.append(["k"])
    other.append(["v"])
    path = tmp_path / "leads.xlsx"
    book.save(path)
    table = open_table(path)
    assert table.columns == ("id", "when", "ok", "n")
    assert values(table) == [["1", "2024-05-01", "true", "1.5"], ["x", None, "false", "2"]]
    assert [row.number for row in rows(table) if isinstance(row, RawRow)] == [3, 4]
    assert "header in row 2" in table.format_note
    assert "Other" in table.format_note
    assert values(open_table(path, sheet="Other")) == [["v"]]
    with pytest.raises(TableError, match="no sheet “Third”; it has Sheet, Other"):
        open_table(path, sheet="Third")


def test_it_refuses_a_workbook_that_unpacks_to_too_much(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
        archive.writestr("xl/sheet.xml", b" " * 30_000_000)
    with pytest.raises(TableError, match="unpacks to"):
        open_table(path)


def test_it_refuses_a_zip_that_is_no_workbook_and_a_document_type(tmp_path: Path) -> None:
    for name, part, words in (
        ("a.zip", "leads.csv", "no Excel workbook"),
        ("b.xlsx", "xl/workbook.xml", "document type"),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(part, '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>')
        with pytest.raises(TableError, match=words):
            open_table(tmp_path / name)


def test_it_reads_parquet_and_leaves_lists_out(tmp_path: Path) -> None:
    table = pa.table(
        {
            "a": pa.array([1.0, 2.5, None]),
            "b": pa.array(["x", None, "é"]),
            "t": pa.array([19723 * 86400, 19724 * 86400 + 36000, None], pa.timestamp("s")),
            "l": pa.array([[1], [2], [3]]),
        }
    )
    path = tmp_path / "leads.parquet"
    pq.write_table(table, path)
    opened = open_table(path)
    assert opened.columns == ("a", "b", "t")
    assert "Left out" in opened.format_note
    assert values(opened) == [
        ["1", "x", "2024-01-01"],
        ["2.5", None, "2024-01-02 10:00:00"],
        [None, "é", None],
    ]
