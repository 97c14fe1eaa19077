from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from leadscoring.supervisor import RESTARTS_ALLOWED, KeepsDying, Service, Supervisor

PYTHON = sys.executable
ROOT = Path(__file__).resolve().parents[2]


def stubborn(marker: Path) -> list[str]:
    """A program that ignores TERM and has a child that does, too."""
    script = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pid = os.fork()\n"
        "if pid: open(sys.argv[1], 'w').write(f'{os.getpid()} {pid}')\n"
        "time.sleep(600)"
    )
    return [PYTHON, "-c", script, str(marker)]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def wait_for(marker: Path) -> str:
    for _ in range(1000):
        if marker.exists() and marker.read_text():
            return marker.read_text()
        threading.Event().wait(0.02)
    raise AssertionError(f"{marker} was never written")


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_child_that_died_is_named_and_started_again(said: list[str]) -> None:
    clock = Clock()
    supervisor = Supervisor(say=said.append, stop_seconds=5, clock=clock)
    supervisor.start(Service("web", [PYTHON, "-c", "import sys; sys.exit(3)"]))
    first = supervisor.pids()["web"]
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    supervisor.watch()
    assert said == ["web: ended with exit code 3; starting it again in 0.5 s."]
    supervisor.watch()
    assert supervisor.pids()["web"] == first
    clock.now += 0.5
    supervisor.watch()
    assert supervisor.pids()["web"] != first
    supervisor.stop()


def test_a_child_that_keeps_dying_ends_the_program_with_a_reason(said: list[str]) -> None:
    clock = Clock()
    supervisor = Supervisor(say=said.append, stop_seconds=5, clock=clock)
    supervisor.start(Service("worker", [PYTHON, "-c", "import os; os.kill(os.getpid(), 9)"]))

    def die_for_ever() -> None:
        for _ in range(RESTARTS_ALLOWED):
            os.waitid(os.P_PID, supervisor.pids()["worker"], os.WEXITED | os.WNOWAIT)
            supervisor.watch()
            clock.now += 8
            supervisor.watch()

    with pytest.raises(KeepsDying, match="worker ended 5 times within 60 s, last with signal SIGKILL"):
        die_for_ever()
    supervisor.stop()


def test_a_child_that_does_not_stop_is_killed_with_its_own_children(said: list[str], tmp_path: Path) -> None:
    supervisor = Supervisor(say=said.append, stop_seconds=0.2)
    supervisor.start(Service("worker", stubborn(tmp_path / "pids")))
    pids = [int(pid) for pid in wait_for(tmp_path / "pids").split()]
    assert all(alive(pid) for pid in pids)
    supervisor.stop()
    assert said == ["worker: still busy after 0.2 s; killed."]
    assert not any(alive(pid) for pid in pids)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the kernel's parent-death signal is Linux's"
)
def test_children_end_when_the_supervisor_itself_is_killed(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    child = f"import os, time; open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    script = textwrap.dedent(
        f"""
        from leadscoring.supervisor import Service, Supervisor
        supervisor = Supervisor(say=print, stop_seconds=5)
        supervisor.start(Service("web", [{PYTHON!r}, "-c", {child!r}]))
        supervisor.run()
        """
    )
    parent = subprocess.Popen([PYTHON, "-c", script], cwd=ROOT, start_new_session=True)
    pid = int(wait_for(marker))
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    for _ in range(500):
        if not alive(pid):
            break
        threading.Event().wait(0.02)
    assert not alive(pid)
