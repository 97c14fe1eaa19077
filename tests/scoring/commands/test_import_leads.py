"""`import_leads` with files as people send them: clear answers, and nothing half-written."""

from __future__ import annotations

import gzip
import random
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from scoring.ml.reading_refused import marks
from scoring.models import ImportRowError, ImportRun, Lead
from tests.factories.files import write_csv
from tests.factories.importing import HEADER, refusal, refused_rows, rows, run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("place")]

# --- Files that cannot be read -----------------------------------------------------------------------


def test_it_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.csv") == "no.csv was not found; expected a CSV, Excel or Parquet file"


def test_it_refuses_a_directory(tmp_path: Path) -> None:
    assert "is not a file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b" \n"])
def test_it_refuses_an_empty_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(content)
    assert "expected a header row and at least one lead" in refusal(path)


def test_it_refuses_a_header_without_rows(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "leads.csv", [HEADER])
    assert refusal(path) == "leads.csv has a header (5 columns) but no rows under it"


@pytest.mark.parametrize("head", [b"", b"%PDF-1.7\n", b"\x89PNG\r\n", b"\x7fELF", b"PK\x03\x04"])
def test_it_refuses_binary_as_csv(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(head + random.Random(0).randbytes(4000))
    words = refusal(path)
    assert words.startswith("leads.csv ")
    assert "Excel" in words


def test_it_refuses_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("leads.csv", "a,b\n1,2\n")
    assert "zip archive but no Excel workbook" in refusal(path)


def test_it_refuses_a_gzip_bomb(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv.gz"
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(b"Lead ID,Converted\n")
        for _ in range(80):
            file.write(b"0" * 2**20)
    assert "unpacks to more than 200 times its size" in refusal(path)


def test_it_refuses_a_cut_gzip_file(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(gzip.compress(b"Lead ID,Converted\n1,1\n" * 500)[:-12])
    assert "cannot be unpacked" in refusal(path)


def test_it_numbers_columns_of_one_name_and_says_so(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "leads.csv", [[*HEADER, "Pages"], *([*row, "1"] for row in rows()[1:])])
    assert "“Pages” is there 2 times; the later ones became “Pages (2)”." in run(path)["format_note"]
    assert Lead.objects.get(external_id="L-3").attributes["Pages (2)"] == "1"


def test_it_refuses_ten_thousand_columns(tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(10_000)]
    path = write_csv(tmp_path / "leads.csv", [names, names])
    assert refusal(path) == "The header has 10,000 columns; expected at most 2,000"


def test_it_refuses_a_column_that_is_not_in_the_file(tmp_path: Path) -> None:
    words = refusal(write_csv(tmp_path / "leads.csv", rows()), id="lead id")
    assert words.startswith("--id “lead id”: the file has no such column. Did you mean “Lead ID”?")


def test_it_refuses_a_target_with_one_value(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "leads.csv", [HEADER, *([*row[:4], "1"] for row in rows()[1:])])
    assert "holds one value only: “1” (8)" in refusal(path)


def test_it_refuses_a_target_with_three_values_until_told(tmp_path: Path) -> None:
    table = rows()
    for row, value in zip(table[1:], ["won", "lost", "open"] * 3, strict=False):
        row[4] = value
    path = write_csv(tmp_path / "leads.csv", table)
    assert "holds 3 different values" in refusal(path)
    assert run(path, converted_value=["won"])["converted"] == 3


def test_it_refuses_a_target_that_is_an_amount(tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "leads.csv", [["Lead ID", "Amount"], *([str(i), f"{i}.5"] for i in range(12_500))]
    )
    words = refusal(path, converted="Amount", created_at=None)
    assert "more than 10,000 different values; expected an outcome such as yes and no" in words


def test_it_refuses_an_unknown_encoding(tmp_path: Path) -> None:
    assert "encoding “klingon” is not known" in refusal(
        write_csv(tmp_path / "leads.csv", rows()), encoding="klingon"
    )


def test_it_refuses_a_delimiter_of_two_characters(tmp_path: Path) -> None:
    assert "expected one character" in refusal(write_csv(tmp_path / "leads.csv", rows()), delimiter="||")


def test_it_refuses_a_file_whose_every_row_is_broken(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "leads.csv", [HEADER, *(["1", "2"] for _ in range(5))])
    assert "None of the file's 5 rows can be read" in refusal(path)


def test_it_refuses_a_file_that_only_says_what_became_of_leads_nobody_knows(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "leads.csv", [["Lead ID", "Converted"], ["1", "1"], ["2", "0"]])
    assert "no column that describes a lead" in refusal(path, created_at=None)


# --- Rows that cannot be read: the good ones go in ---------------------------------------------------


def test_good_rows_go_in_and_bad_ones_are_named_everywhere(tmp_path: Path, place: Path) -> None:
    table = rows(10)
    table[4][1] = "sometime"
    path = write_csv(tmp_path / "leads.csv", table)
    result = run(path)
    assert (result["rows_read"], result["created"], result["refused"]) == (10, 9, 1)
    expected = (5, "Created", "sometime", "a date such as 2026-03-14 or 14.03.2026 09:30")
    assert refused_rows(result) == [expected]
    stored = ImportRowError.objects.get()
    assert (stored.row_number, stored.column, stored.value, stored.expected) == expected
    table_of_errors = (place / "imports" / result["error_file"]).read_text("utf-8-sig").splitlines()
    assert table_of_errors == [
        ",".join([*marks(result["run_id"]), *table[0]]),
        ",".join(["5", table[4][0], *expected[1:], *table[4]]),
    ]
    assert Path(result["error_file"]).name == "leads refused rows.csv"
    run_row = ImportRun.objects.get()
    assert (run_row.state, run_row.rows_refused, run_row.error_file) == ("done", 1, result["error_file"])


def test_two_rows_with_one_id_leave_the_first(tmp_path: Path) -> None:
    table = rows()
    table[6][0] = "L-1"
    result = run(write_csv(tmp_path / "leads.csv", table))
    assert refused_rows(result) == [(7, "Lead ID", "L-1", "an id used once in the file; row 3 has it too")]
    assert Lead.objects.get(external_id="L-1").attributes["Pages"] == "1"


def test_a_cell_of_five_megabytes_is_refused_by_name(tmp_path: Path) -> None:
    table = rows()
    table[3][2] = "x" * 5_000_000
    result = run(write_csv(tmp_path / "leads.csv", table))
    [(row, column, value, expected)] = refused_rows(result)
    assert (row, column) == (4, "Source")
    assert "got 5,000,000 characters" in expected
    assert len(value) < 300
    assert Lead.objects.count() == 7


def test_a_row_in_another_encoding_is_refused_and_the_rest_read(tmp_path: Path) -> None:
    lines = [",".join(row) for row in rows(12)]
    encoded = [line.replace("web", "Bücher GmbH & Söhne").encode("utf-8") for line in lines]
    encoded[5] = lines[5].replace("web", "Müller").encode("latin-1")
    path = tmp_path / "leads.csv"
    path.write_bytes(b"\n".join(encoded) + b"\n")
    result = run(path)
    assert refused_rows(result) == [(6, "Source", "Müller", "UTF-8 like the rest of the file, got byte 0xFC")]
    assert Lead.objects.count() == 11
    assert "1 bytes that are not: their rows are reported" in result["format_note"]


def test_a_nul_in_a_cell_is_refused_by_name(tmp_path: Path) -> None:
    lines = [",".join(row) for row in rows(12)]
    lines[3] = lines[3].replace("web", "we\0b")
    path = tmp_path / "leads.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    [(row, column, _, expected)] = refused_rows(run(path))
    assert (row, column, expected) == (4, "Source", "text without NUL (U+0000)")


def test_rows_of_another_width_are_refused(tmp_path: Path) -> None:
    table = rows(12)
    table[3] = table[3][:3]
    table[7] = [*table[7], "more"]
    result = run(write_csv(tmp_path / "leads.csv", table))
    assert refused_rows(result) == [
        (4, "", "3 cells", "5 cells, as in the header"),
        (8, "", "6 cells", "5 cells, as in the header"),
    ]


def test_formula_cells_are_harmless_in_the_error_file(tmp_path: Path, place: Path) -> None:
    table = rows(12)
    attacks = ['=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(A1)", "\t=1+1"]
    for row, attack in zip(table[2:], attacks, strict=False):
        row[1] = attack
    result = run(write_csv(tmp_path / "leads.csv", table))
    found = pd.read_csv(place / "imports" / result["error_file"], encoding="utf-8-sig", dtype=str)
    assert len(found) == len(attacks)
    for name in ("Refused: value", table[0][1]):
        assert all(value.startswith("'") for value in found[name] if value.strip("'").strip() != value)
        assert not found[name].str.match(r"[=+\-@\t\r]").any()


def test_a_formula_in_an_attribute_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    table = rows()
    table[2][2] = "=1+1"
    run(write_csv(tmp_path / "leads.csv", table))
    assert Lead.objects.get(external_id="L-1").attributes["Source"] == "=1+1"


def test_database_and_file_keep_all_errors_and_the_answer_the_first_thousand(
    tmp_path: Path, place: Path
) -> None:
    table = rows(1300)
    for row in table[3:1103]:
        row[1] = "sometime"
    result = run(write_csv(tmp_path / "leads.csv", table))
    assert result["refused"] == 1100
    assert len(result["errors"]) == 1000
    assert ImportRowError.objects.count() == 1100
    lines = (place / "imports" / result["error_file"]).read_text("utf-8-sig").splitlines()
    assert len(lines) == 1101
