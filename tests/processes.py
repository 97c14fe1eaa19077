"""Other processes on the test database: races are run for real, by processes released at one signal."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from django.db import connection, connections


def race(act: Callable[[Any], Any], arguments: Sequence[Any], directory: Path) -> list[Any]:
    """Calls `act` once for each argument, each in a process of its own and all at the same moment.

    Returns what each call returned (through JSON). Needs a transactional test. PostgreSQL is shared as it is;
    SQLite's test database lives in memory, so the processes share a copy of it in a file under `directory`.
    """
    path = None
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        path = str(directory / "shared.sqlite3")
        copy = sqlite3.connect(path)
        connection.connection.backup(copy)
        copy.close()
    else:
        connections.close_all()
    gate_out, gate_in = os.pipe()
    children = [_fork(act, argument, path, gate_out, gate_in) for argument in arguments]
    os.close(gate_out)
    for _, answers in children:
        assert answers.readline() == "ready\n"
    # The gate opens for all at once: every child waits for its end of file.
    os.close(gate_in)
    results = []
    for pid, answers in children:
        line = answers.read()
        answers.close()
        _, status = os.waitpid(pid, 0)
        assert status == 0, line
        results.append(json.loads(line))
    return results


def _fork(
    act: Callable[[Any], Any], argument: Any, path: str | None, gate_out: int, gate_in: int
) -> tuple[int, Any]:
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(writer)
        return pid, os.fdopen(reader, encoding="utf-8")
    code = 1
    try:
        signal.alarm(60)
        os.close(reader)
        os.close(gate_in)
        with os.fdopen(writer, "w", encoding="utf-8") as out:
            try:
                connection.connection = None
                if path is not None:
                    connection.settings_dict["NAME"] = path
                connection.ensure_connection()
                out.write("ready\n")
                out.flush()
                os.read(gate_out, 1)
                out.write(json.dumps(act(argument)))
                code = 0
            except BaseException:
                out.write(traceback.format_exc())
    finally:
        os._exit(code)
