"""Readings, checks and alerts, and a server that plays the other side of a channel."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from monitoring.contracts import AlertLevel, Looked, Reading, RuleKind, Story
from monitoring.models import Alert, NotificationChannel
from monitoring.services.readings import record

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DRIFT = RuleKind.FEATURE_DRIFT


def at(hours: float) -> datetime:
    """So many hours after the start."""
    return START + timedelta(hours=hours)


def a_story(title: str = "The budget moved", **words: str) -> Story:
    """What an alert says."""
    found = {
        "what": "PSI 0.31 against the reference.",
        "sure": "n = 1,200, p below 0.001.",
        "consequence": "Grades of one lead in ten are wrong.",
        "next_step": "Ask who changed the form.",
        "link": "/admin/",
        **words,
    }
    return Story(title=title, **found)


def a_reading(
    subject: str = "feature=budget",
    value: float | None = 0.3,
    *,
    kind: RuleKind = DRIFT,
    sure: AlertLevel | None = AlertLevel.CRITICAL,
    **more: Any,
) -> Reading:
    """One reading; the evidence carries every level unless told otherwise."""
    more.setdefault("story", a_story(f"{subject} moved"))
    return Reading(kind=kind, subject=subject, value=value, n=1200, sure=sure, p=0.0004, **more)


def look(hours: float, *readings: Reading, kinds: tuple[RuleKind, ...] = (DRIFT,)) -> None:
    """One check, recorded and judged."""
    record(Looked(at=at(hours), kinds=frozenset(kinds), readings=readings))


def the_alert() -> Alert:
    """The one alert there is."""
    return Alert.objects.get()


def history(alert: Alert) -> list[str]:
    """The kinds of its events."""
    return list(alert.events.values_list("kind", flat=True))


def a_channel(kind: str = "slack", level: str = "warning", **config: Any) -> NotificationChannel:
    """A channel with these settings."""
    channel = NotificationChannel(
        name=f"{kind} {NotificationChannel.objects.count()}", kind=kind, least_level=level
    )
    channel.keep(config)
    channel.save()
    return channel


@dataclass
class OtherSide:
    """What a local server was sent, and what it answers next: (status, headers, body), the last one for ever."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=lambda: [(200, {}, b"ok")])
    got: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def says(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.answers = list(answers)


@contextmanager
def other_side() -> Iterator[OtherSide]:
    """A server on a free port of this machine."""
    side = OtherSide()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            side.paths.append(self.path)
            side.got.append(json.loads(body) if body else None)
            status, headers, answer = side.answers.pop(0) if len(side.answers) > 1 else side.answers[0]
            if status == 0:
                # Hangs up without a word.
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    side.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield side
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
