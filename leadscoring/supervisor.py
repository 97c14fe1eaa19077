"""Several child processes as one program: started together, watched, restarted, and stopped without
orphans."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

PR_SET_PDEATHSIG = 1
RESTARTS_ALLOWED = 5
RESTART_WINDOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """One child: what it is called in messages, and how it is started. `environment` is added to the
    parent's."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Child:
    service: Service
    process: subprocess.Popen[bytes]
    deaths: deque[float]
    restart_at: float | None = None


class KeepsDying(RuntimeError):
    """A child died again and again; restarting it is of no use."""


def _follow_parent() -> Callable[[], None] | None:
    """What a child does before it becomes its program: asks the kernel for a TERM should the parent be
    killed.

    Linux only; elsewhere a killed parent leaves its children to the operator.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return ask


class Supervisor:
    """Keeps services running until told to stop.

    Each child leads a session of its own, so that Ctrl-C reaches the supervisor only and the children are
    stopped in order: the last started first, the broker last.
    """

    def __init__(
        self,
        *,
        say: Callable[[str], None],
        stop_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.say = say
        self.stop_seconds = stop_seconds
        self.clock = clock
        self.stopping = threading.Event()
        self._children: list[_Child] = []

    def start(self, service: Service) -> None:
        """Starts a child and watches it from now on."""
        self._children.append(_Child(service, self._spawn(service), deque(maxlen=RESTARTS_ALLOWED)))

    def _spawn(self, service: Service) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  # the command lines are built by `run`
            list(service.argv),
            env={**os.environ, **service.environment},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_follow_parent(),  # noqa: PLW1509  # the supervisor has one thread
        )

    def alive(self, name: str) -> bool:
        """Whether the child of this name is running."""
        return any(child.service.name == name and child.process.poll() is None for child in self._children)

    def pids(self) -> dict[str, int]:
        return {child.service.name: child.process.pid for child in self._children}

    def watch(self) -> None:
        """One look at every child: says which died and why, and starts it again after a pause that grows.

        Raises :class:`KeepsDying` after five deaths within a minute.
        """
        for child in self._children:
            now = self.clock()
            if child.restart_at is not None:
                if now >= child.restart_at:
                    child.restart_at = None
                    child.process = self._spawn(child.service)
                    self.say(f"{child.service.name}: started again (process {child.process.pid}).")
                continue
            code = child.process.poll()
            if code is None:
                continue
            _signal_group(child.process, signal.SIGKILL)
            child.deaths.append(now)
            recent = [at for at in child.deaths if now - at <= RESTART_WINDOW_SECONDS]
            if len(recent) >= RESTARTS_ALLOWED:
                raise KeepsDying(
                    f"{child.service.name} ended {len(recent)} times within "
                    f"{RESTART_WINDOW_SECONDS:.0f} s, last with {_how(code)}. Its messages are above."
                )
            pause = min(0.5 * 2 ** (len(recent) - 1), 8.0)
            child.restart_at = now + pause
            self.say(f"{child.service.name}: ended with {_how(code)}; starting it again in {pause:g} s.")

    def run(self, every: float = 0.3) -> None:
        """Watches until `stopping` is set."""
        while not self.stopping.wait(every):
            self.watch()

    def stop(self) -> None:
        """Stops every child, last started first; what has not ended in time is killed with its whole
        group."""
        deadline = self.clock() + self.stop_seconds
        for child in reversed(self._children):
            if child.process.poll() is None:
                _signal_process(child.process, signal.SIGTERM)
                try:
                    child.process.wait(max(deadline - self.clock(), 0.1))
                except subprocess.TimeoutExpired:
                    self.say(f"{child.service.name}: still busy after {self.stop_seconds:g} s; killed.")
            _signal_group(child.process, signal.SIGKILL)
            child.process.wait()
        self._children.clear()


def _how(code: int) -> str:
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _signal_process(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        process.send_signal(number)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return
