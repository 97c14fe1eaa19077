"""What apps bring along by name: probes of how the service runs, and gauges for `/metrics`.

An app registers in the `ready` of its config; a probe or gauge that fails leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from leadscoring.common.registry import Registry
from monitoring.contracts import Reading, RuleKind


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that is looked at: the kinds it speaks for, what reads it at a moment (read only, quick), and how
    many minutes may lie between two looks."""

    kinds: frozenset[RuleKind]
    read: Callable[[datetime], Iterable[Reading]]
    every_minutes: int = 1


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number for Prometheus, or one for each set of labels. `name` as exported; `read` gives (label values, value)
    from a bounded number of rows."""

    name: str
    meaning: str
    labels: tuple[str, ...]
    read: Callable[[datetime], Iterable[tuple[tuple[str, ...], float]]]


probes: Registry[Probe] = Registry("probe")
gauges: Registry[Gauge] = Registry("gauge")
