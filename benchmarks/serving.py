"""What the measurements over HTTP share: a database of their own, granian, a key, and who used the processor."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def own_database(url: str) -> Iterator[dict[str, str]]:
    """An empty database on the same server, dropped at the end; nothing to do for SQLite."""
    if not url:
        yield {"DATABASE_URL": ""}
        return
    name = f"leadscoring_bench_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    try:
        yield {"DATABASE_URL": urlunsplit(urlsplit(url)._replace(path=f"/{name}"))}
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def manage(environment: dict[str, str], *args: str) -> str:
    """The standard output of a management command."""
    done = subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def granian(environment: dict[str, str], *, workers: int, threads: int) -> Iterator[tuple[int, int]]:
    """The web server on a free port, once it answers: its port and its process id."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "leadscoring.wsgi:application", "--interface", "wsgi"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-ws", "--log-level", "warning"]
    command += ["--workers", str(workers), "--blocking-threads", str(threads), "--working-dir", str(ROOT)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        _wait_until_live(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_live(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health/live")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"The server did not answer within {READY_WITHIN_S:g} s.")


def web_seconds(pid: int) -> float:
    """Processor seconds, user and system, of a server and its workers so far."""
    return sum(_seconds(process) for process in [pid, *_children(pid)])


def database_seconds(url: str) -> float:
    """Processor seconds of the server processes that hold connections to this database; 0 when it runs
    elsewhere, or is SQLite, which works inside the web process."""
    if not url:
        return 0.0
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(urlunsplit(urlsplit(url)._replace(path="/postgres"))) as server:
        found = server.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [name]).fetchall()
    return sum(_seconds(pid) for (pid,) in found)


def _children(pid: int) -> list[int]:
    own = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [process for child in map(int, own) for process in (child, *_children(child))]


def _seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS
