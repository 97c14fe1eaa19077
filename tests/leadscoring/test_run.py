from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from leadscoring.management.commands.run import refuse_taken_port, services

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def members(place: Path) -> list[str]:
    """Command lines of the processes whose environment names this place."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environment = (entry / "environ").read_bytes()
                # Valkey writes its title over its environment; its command line names its socket.
                if f"VAR_DIR={place}\0".encode() in environment or f"unixsocket:{place}" in line:
                    found.append(line)
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "var"
    assert members(tmp_path / "var") == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for orphans in /proc")
def test_it_starts_everything_answers_and_stops_without_orphans(place: Path) -> None:
    port = free_port()
    environment = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}
    }
    program = subprocess.Popen(
        [sys.executable, "manage.py", "run", "--migrate", "--port", str(port), "--workers", "1"],
        cwd=ROOT,
        env={**environment, "VAR_DIR": str(place), "CELERY_CONCURRENCY": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert program.stdout is not None
    said: list[str] = []
    try:
        for line in program.stdout:
            said.append(line)
            if "Ctrl-C stops it." in line:
                break
        assert program.poll() is None, "".join(said)
        address = f"http://127.0.0.1:{port}"
        assert any(f"leadscoring is running at {address}/" in line for line in said)
        with urllib.request.urlopen(f"{address}/health/ready", timeout=30) as answer:
            health = json.load(answer)
        assert health["checks"]["broker"]["status"] == "ok"
        with urllib.request.urlopen(f"{address}/static/unfold/css/styles.css", timeout=30) as answer:
            assert answer.status == 200
        running = " ".join(members(place))
        missing = [name for name in ("granian", "valkey-server", " worker ", " beat ") if name not in running]
        assert not missing
    finally:
        program.send_signal(signal.SIGINT)
        rest = program.stdout.read()
        program.stdout.close()
        assert program.wait(60) == 0, "".join(said) + rest
    assert "Stopped." in rest


def test_a_taken_port_is_named_before_anything_starts() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} on 127.0.0.1 cannot be used"):
            refuse_taken_port("127.0.0.1", port)
    refuse_taken_port("127.0.0.1", free_port())


@pytest.mark.parametrize(
    ("option", "value"), [("port", 0), ("port", 70000), ("workers", 0), ("threads", 999)]
)
def test_an_impossible_number_is_refused(option: str, value: int) -> None:
    with pytest.raises(CommandError, match=rf"--{option} is {value}; expected a number from 1"):
        call_command("run", **{option: value}, skip_checks=True)


def test_nothing_secret_stands_in_a_command_line() -> None:
    for service in services("127.0.0.1", 8000, 2, 4):
        words = " ".join(service.argv)
        assert "redis" not in words
        assert "postgres" not in words
