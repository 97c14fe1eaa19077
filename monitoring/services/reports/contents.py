"""What a report consists of, and how its figures are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from scoring.ml.estimates import Estimate

NOT_MEASURED = "not measured yet"
# Keeps a number and its unit on one line.
NBSP = "\u00a0"


@dataclass(frozen=True, slots=True)
class Week:
    """A week by its Monday; it ends where the next one begins, UTC."""

    monday: date

    @classmethod
    def before(cls, at: datetime) -> Week:
        """The last full week before a moment."""
        today = at.astimezone(UTC).date()
        return cls(today - timedelta(days=today.weekday() + 7))

    @property
    def number(self) -> int:
        return self.monday.isocalendar().week

    @property
    def start(self) -> datetime:
        return datetime.combine(self.monday, time(), UTC)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Picture:
    """An attached image: `cid` is its name in the mail, `alt` says in words what it shows."""

    cid: str
    alt: str
    png: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A head and rows of the same length; the first column is words, the others figures."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report. `says`: what it means, in a sentence. `headline`: its words in the subject, "" for
    none. `urgent`: the headline goes before the others. `facts`: the figures as numbers, for the archive.
    `link`: a path within the admin where more is to be read."""

    title: str
    says: str
    headline: str = ""
    urgent: bool = False
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    picture: Picture | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    link: str = ""


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "lead"), counted(2000, "lead")
    ('1 lead', '2,000 leads')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def share(value: float) -> str:
    """A share as per cent: one decimal below ten per cent, else whole, so that nobody reads noise.

    >>> [share(one).replace(NBSP, " ") for one in (0.0523, 0.314, 0.999, 1.0)]
    ['5.2 %', '31 %', '99.9 %', '100 %']
    """
    percent = value * 100
    digits = 0 if 10 <= percent <= 90 or percent in {0.0, 100.0} else 1
    return f"{percent:.{digits}f}{NBSP}%"


def share_between(estimate: Estimate) -> str:
    """A share with its interval and n.

    >>> share_between(Estimate(0.31, 0.27, 0.35, 480, "wilson")).replace(NBSP, " ")
    '31 % (27 % to 35 %, n = 480)'
    """
    return f"{share(estimate.value)} ({share(estimate.low)} to {share(estimate.high)}, {sample(estimate.n)})"


def sample(n: int) -> str:
    """The size of a sample, not to be parted at the end of a line."""
    return f"n{NBSP}={NBSP}{n:,}"


def change(ratio: Estimate | None) -> str:
    """A ratio of two rates as a change.

    >>> change(Estimate(1.13, 0.99, 1.29, 1412, "exact ratio of two rates")).replace(NBSP, " ")
    '+13 % (−1 % to +29 %)'
    """
    if ratio is None:
        return "–"
    value, low, high = (f"{(part - 1) * 100:+.0f}{NBSP}%".replace("-", "−") for part in _of(ratio))
    return f"{value} ({low} to {high})"


def beside(ratio: Estimate | None, than: str) -> str:
    """The same in words, with what the interval leaves open.

    >>> beside(Estimate(1.13, 0.99, 1.29, 1412, "exact"), "the mean of four weeks")
    'about as many as the mean of four weeks'
    >>> beside(Estimate(0.5, 0.4, 0.6, 1412, "exact"), "the mean of four weeks").replace(NBSP, " ")
    '50 % fewer than the mean of four weeks'
    """
    if ratio is None:
        return f"no comparison with {than} yet"
    if ratio.low <= 1.0 <= ratio.high:
        return f"about as many as {than}"
    if ratio.value >= 3:
        return f"{ratio.value:.1f} times {than}"
    more = "more" if ratio.value > 1 else "fewer"
    return f"{abs(ratio.value - 1) * 100:.0f}{NBSP}% {more} than {than}"


def decimal(value: float) -> str:
    """A share such as an AUC as statisticians write it.

    >>> decimal(0.782), decimal(1.0)
    ('.78', '1.00')
    """
    text = f"{value:.2f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def average(value: float) -> str:
    """A mean of counts: with a decimal below a hundred.

    >>> average(9.25), average(1313.8)
    ('9.2', '1,314')
    """
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def mean_of(values: list[int]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def _of(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high
