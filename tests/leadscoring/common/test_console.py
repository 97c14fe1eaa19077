"""What long commands print: one JSON object, progress beside it, and errors in a sentence."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError, connection

from leadscoring.common import console
from leadscoring.common.console import DatabaseCommand, ProgressBar, print_json


def test_a_log_file_gets_one_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar() as bar:
        bar("Reading the file: 10 rows", 0.1)
        bar("Reading the file: 20 rows", 0.2)
        bar("Auditing the columns", 0.25)
        bar("40 rows: 40 new", 1.0)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "[ 10%] Reading the file: 10 rows",
        "[ 25%] Auditing the columns",
        "[100%] 40 rows: 40 new",
    ]


def test_a_quiet_bar_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar(quiet=True) as bar:
        bar("Reading", 0.5)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with ProgressBar() as bar:
        bar("Reading the file: 10 rows", 0.4)
        bar("x" * 500, 1.0)
    told = capsys.readouterr()
    assert told.out == ""
    assert "40%" in told.err
    assert "Reading the file: 10 rows" in told.err
    assert "x" * 71 not in told.err


def test_a_bar_is_closed_when_the_work_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)

    def work() -> None:
        with ProgressBar() as bar:
            bar("Reading", 0.4)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert capsys.readouterr().err.endswith("\n")


def test_json_is_one_object_in_any_script() -> None:
    lines: list[str] = []
    document = {"name": "Zürich 東京", "at": datetime(2026, 6, 1, tzinfo=UTC), "id": UUID(int=7)}
    print_json(lines.append, document)
    [text] = lines
    assert "Zürich 東京" in text
    assert json.loads(text) == {
        "name": "Zürich 東京",
        "at": "2026-06-01 00:00:00+00:00",
        "id": "00000000-0000-0000-0000-000000000007",
    }


class Failing(DatabaseCommand):
    """Raises what it is given."""

    requires_system_checks: ClassVar[list[str]] = []
    error: Exception

    def handle(self, *args: Any, **options: Any) -> None:
        raise self.error


def execute(error: Exception) -> None:
    command = Failing()
    command.error = error
    command.execute(no_color=True, force_color=False, skip_checks=True)


@pytest.mark.django_db
def test_an_error_of_a_database_that_is_set_up_is_not_hidden() -> None:
    with pytest.raises(ProgrammingError, match="a bug"):
        execute(ProgrammingError("a bug"))


@pytest.mark.django_db
def test_a_database_without_tables_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.MigrationExecutor, "migration_plan", lambda self, targets: [1, 2, 3])
    with pytest.raises(
        CommandError, match=r"The database lacks 3 migrations\. Run this once: manage\.py migrate"
    ):
        execute(OperationalError("no such table: scoring_lead"))


@pytest.mark.django_db
def test_a_database_that_is_away_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "ensure_connection", away)
    with pytest.raises(CommandError, match="The database does not answer: connection refused"):
        execute(OperationalError("connection refused"))
