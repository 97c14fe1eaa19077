"""The value every statistic returns: a number, its interval, its sample and its method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


class NotEnoughData(ValueError):
    """The sample cannot carry the statistic that was asked for; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A point estimate with its interval (95 % unless ``method`` says otherwise).

    ``value``, ``low`` and ``high`` share one unit; ``n`` is the number of rows behind them and ``method``
    names how the interval was made, for people.

    Raises ``ValueError`` when a number is not finite, ``n`` is negative or ``low`` lies above ``high``:
    a missing result is ``NotEnoughData`` or ``None``, never an Estimate of NaN.

    >>> Estimate(0.5, 0.4, 0.6, 100, "wilson").to_json()
    {'value': 0.5, 'low': 0.4, 'high': 0.6, 'n': 100, 'method': 'wilson'}
    """

    value: float
    low: float
    high: float
    n: int
    method: str

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(
                    f"{name} of an estimate must be a finite number, got {getattr(self, name)!r}"
                )
        if self.n < 0:
            raise ValueError(f"n of an estimate counts rows and cannot be negative, got {self.n}")
        if self.low > self.high:
            raise ValueError(f"the interval is upside down: low {self.low!r} is above high {self.high!r}")

    def to_json(self) -> dict[str, float | int | str]:
        """Return a JSON object; the floats survive ``json.dumps`` and back unchanged."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n, "method": self.method}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Self:
        """Read what ``to_json`` wrote. Raises ``ValueError`` naming the field and the value."""
        if not isinstance(data, Mapping):
            raise _unexpected("estimate", data, "a JSON object")
        numbers = [_number(data, name) for name in ("value", "low", "high")]
        n, method = data.get("n"), data.get("method")
        if not isinstance(n, int) or isinstance(n, bool):
            raise _unexpected("estimate.n", n, "a whole number")
        if not isinstance(method, str):
            raise _unexpected("estimate.method", method, "a text")
        return cls(numbers[0], numbers[1], numbers[2], n, method)

    @classmethod
    def of_version(cls, kept: object) -> Self | None:
        """An estimate among the metrics of a version, whose method need not be told; None where none can be read."""
        try:
            return cls.from_json({"method": "not told", **kept}) if isinstance(kept, Mapping) else None
        except ValueError:
            return None


def _number(data: Mapping[str, object], name: str) -> float:
    raw = data.get(name)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _unexpected(f"estimate.{name}", raw, "a number")
    return float(raw)


def _unexpected(where: str, got: object, expected: str) -> ValueError:
    return ValueError(f"{where}: expected {expected}, got {got!r}")
