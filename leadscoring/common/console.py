"""What long commands print: one JSON object on stdout with `--json`, progress on stderr, errors in a
sentence."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor
from tqdm import tqdm


class DatabaseCommand(BaseCommand):
    """A command that reads or writes rows: says what to do when the database is not set up or does not answer."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run it; database errors that only set-up can mend become a sentence."""
        try:
            return super().execute(*args, **options)
        except (OperationalError, ProgrammingError) as error:
            if not _reachable():
                raise CommandError(f"The database does not answer: {error}") from error
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
            if not missing:
                raise
            raise CommandError(
                f"The database lacks {len(missing)} migrations. Run this once: manage.py migrate"
            ) from error


def _reachable() -> bool:
    try:
        connection.ensure_connection()
    except OperationalError:
        return False
    return True


class ProgressBar:
    """A bar on stderr for `progress(message, share)` callbacks; plain lines where stderr is no terminal."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._tty = sys.stderr.isatty()
        self._bar: tqdm[Any] | None = None
        self._last = ""

    def __enter__(self) -> Self:
        if self._tty and not self._quiet:
            self._bar = tqdm(
                total=100, unit="%", file=sys.stderr, bar_format="{l_bar}{bar}| {elapsed} {desc}"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, message: str, share: float) -> None:
        """Show a message and the share done, 0 to 1."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.set_description_str(message[:70], refresh=False)
            self._bar.n = round(share * 100)
            self._bar.refresh()
            return
        # A log file gets one line for each step, not one for each row count.
        step = message.split(":", maxsplit=1)[0]
        if step != self._last:
            self._last = step
            sys.stderr.write(f"[{share:4.0%}] {message}\n")
            sys.stderr.flush()


def print_json(write: Callable[[str], object], document: Mapping[str, Any]) -> None:
    """One JSON object on one output."""
    write(json.dumps(document, ensure_ascii=False, indent=2, default=str))
