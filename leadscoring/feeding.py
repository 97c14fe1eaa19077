"""Leads of a scenario sent to a running server as an integrator would send them, and what the watch makes of it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from leadscoring.simulation import SimulationConfig, api_leads, newest, scenario, simulate
from monitoring.models import AlertEvent

#: Leads in one call, and calls in a second at most.
CALL = 10
PATIENCE_SECONDS = 180.0
TIMEOUT_SECONDS = 30.0
MONTHS = 3


def scenario_leads(name: str, *, world: int, n: int, today: date, run: str) -> Iterator[dict[str, object]]:
    """`n` leads as they come when a scenario has been on for two months: `{"external_id": …, "attributes": {…}}`.

    world: the seed of the business the model learned from. run: makes the ids of one run its own.
    """
    onset = today - timedelta(days=60)
    config = SimulationConfig(
        seed=world + 1,
        world_seed=world,
        leads=n * MONTHS,
        end=today + timedelta(days=1),
        months=MONTHS,
        dials=scenario(name, onset),
    )
    for lead in api_leads(newest(simulate(config), n)):
        yield {**lead, "external_id": f"{run}-{lead['external_id']}"}


@dataclass(slots=True)
class Feed:
    """One feed: where it goes, and what became of it."""

    url: str
    key: str
    per_minute: int
    scored: int = 0
    refused: int = 0
    errors: list[str] = field(default_factory=list)

    def wait_for_server(self) -> bool:
        """Whether the server answers, within three minutes."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if answers(self.url):
                return True
            time.sleep(1.0)
        return False

    def run(self, leads: Iterator[dict[str, object]]) -> Iterator[int]:
        """Send leads at the pace; yields how many were sent so far. A call that fails is sent again, once a second."""
        pause = CALL * 60.0 / self.per_minute
        batch: list[dict[str, object]] = []
        sent = 0
        due = time.monotonic()
        for lead in leads:
            attributes = dict(lead["attributes"])  # type: ignore[call-overload]
            attributes["Created"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            batch.append({**lead, "attributes": attributes})
            if len(batch) < CALL:
                continue
            while not self._send(batch):
                time.sleep(1.0)
            sent += len(batch)
            batch = []
            due = max(due + pause, time.monotonic())
            time.sleep(max(due - time.monotonic(), 0.0))
            yield sent

    def _send(self, batch: list[dict[str, object]]) -> bool:
        request = urllib.request.Request(  # noqa: S310  # the address is ours
            f"{self.url}/api/v1/score-leads",
            data=json.dumps({"leads": batch}).encode(),
            headers={"Authorization": f"Api-Key {self.key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                results = json.load(answer)["results"]
        except urllib.error.HTTPError as error:
            self.errors.append(f"{error.code}: {error.read(300).decode(errors='replace')}")
            # What is wrong with the call stays wrong; a server that is busy or away may answer next time.
            return error.code < 500 and error.code != 429
        except (OSError, ValueError) as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            return False
        good = sum("result" in one for one in results)
        self.scored += good
        self.refused += len(results) - good
        return True


def answers(url: str) -> bool:
    """Whether a server answers at this address."""
    try:
        with urllib.request.urlopen(f"{url}/health/live", timeout=2):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


class AlertTeller:
    """Writes what happens to alerts while a feed runs."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._last = AlertEvent.objects.aggregate(last=Max("pk"))["last"] or 0

    def tell(self) -> None:
        """Write the events that came since the last call."""
        for event in AlertEvent.objects.filter(pk__gt=self._last).select_related("alert").order_by("pk"):
            self._last = event.pk
            self._write(
                f"{timezone.now():%H:%M:%S}  {event.level}, {event.get_kind_display()}: {event.alert.title}"
            )
