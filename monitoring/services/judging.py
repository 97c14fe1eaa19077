"""How readings become alerts, without a database: the same code judges a check and tries a rule on the past."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from monitoring.contracts import AlertLevel, Reading, RuleKind, Story

Key = tuple[str, str]
NO_STORY = Story("", "", "", "", "", "")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a rule says at this moment; limits in the rule's unit, None: never."""

    enabled: bool
    warning: float | None
    critical: float | None
    quiet_checks: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One reading that stands in an alert, since it last fired; `quiet` counts the checks without it in a row."""

    kind: str
    subject: str
    level: AlertLevel
    limit: float | None
    value: float | None
    n: int
    p: float | None
    weight: float
    cause: str
    story: Story
    quiet: int = 0

    @property
    def key(self) -> Key:
        return self.kind, self.subject

    def document(self) -> dict[str, Any]:
        """As kept in a JSON column."""
        return asdict(self)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Part:
        """Back from the column."""
        return cls(
            **{**document, "level": AlertLevel(document["level"]), "story": Story(**document["story"])}
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """A reading after judgement. decided: there was enough data to say. part: what stands if it fires."""

    kind: str
    subject: str
    fingerprint: str
    decided: bool
    part: Part | None


Standing = dict[str, dict[Key, Part]]


def fingerprint_of(reading: Reading) -> str:
    """Readings with one fingerprint make one alert: those of one cause, else each its own."""
    return f"cause:{reading.cause}" if reading.cause else f"{reading.kind.value}:{reading.subject}"


def level_of(
    value: float, sure: AlertLevel | None, warning: float | None, critical: float | None
) -> tuple[AlertLevel, float] | None:
    """The level of a value and the limit it reached; None where it is quiet.

    A level needs both: a value at its limit or beyond, and evidence that carries it. Where the evidence carries no
    more than information, a value beyond a limit is one.
    """
    if sure is None:
        return None
    reached: tuple[float, AlertLevel] | None = None
    for limit, level in ((critical, AlertLevel.CRITICAL), (warning, AlertLevel.WARNING)):
        if limit is None or value < limit:
            continue
        if sure.rank >= level.rank:
            return level, limit
        reached = limit, AlertLevel.INFO
    if reached is not None and sure is AlertLevel.INFO:
        return reached[1], reached[0]
    return None


def judge(reading: Reading, limits: Limits) -> Seen:
    """One reading by its rule; its own limits go before the rule's. A value that is no number decides nothing."""
    kind, fingerprint = reading.kind.value, fingerprint_of(reading)
    if not limits.enabled:
        return Seen(kind, reading.subject, fingerprint, decided=True, part=None)
    if reading.value is None or math.isnan(reading.value):
        return Seen(kind, reading.subject, fingerprint, decided=False, part=None)
    warning, critical = reading.limits or (limits.warning, limits.critical)
    found = level_of(reading.value, reading.sure, warning, critical)
    if found is None:
        return Seen(kind, reading.subject, fingerprint, decided=True, part=None)
    part = Part(
        kind=kind,
        subject=reading.subject,
        level=found[0],
        limit=found[1],
        value=_finite(reading.value),
        n=reading.n,
        p=_finite(reading.p),
        weight=_finite(reading.weight) or 0.0,
        cause=reading.cause,
        story=reading.story,
    )
    return Seen(kind, reading.subject, fingerprint, decided=True, part=part)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def advance(
    standing: Standing, kinds: Iterable[RuleKind], seen: Iterable[Seen], quiet_checks: Mapping[str, int]
) -> None:
    """Move what stands on by one check that speaks for `kinds`; alerts left without parts have cleared.

    A part whose subject is gone leaves at once; a quiet one after so many quiet checks; one that could not be decided
    stays as it is; one that has another cause now moves to that cause's alert.
    """
    spoken = {kind.value for kind in kinds}
    now = {(one.kind, one.subject): one for one in seen}
    for fingerprint, parts in standing.items():
        for key, part in list(parts.items()):
            if part.kind not in spoken:
                continue
            found = now.get(key)
            if found is None or (found.part is not None and found.fingerprint != fingerprint):
                del parts[key]
            elif found.decided and found.part is None:
                parts[key] = replace(part, quiet=part.quiet + 1)
                if part.quiet + 1 >= quiet_checks.get(part.kind, 1):
                    del parts[key]
    for key, found in now.items():
        if found.part is not None:
            standing.setdefault(found.fingerprint, {})[key] = found.part


def level_of_all(parts: Iterable[Part]) -> AlertLevel:
    """An alert is as serious as the most serious of its parts."""
    return max((part.level for part in parts), key=lambda level: level.rank)


def speaker(parts: Iterable[Part]) -> Part:
    """Who speaks for an alert: the heaviest, of equally heavy ones the more serious."""
    return max(parts, key=lambda part: (part.weight, part.level.rank, part.value or 0.0, part.subject))
