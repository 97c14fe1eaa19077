"""Leaks: columns written because of the outcome, each kind as one finds it in exports of CRMs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rng = np.random.Generator


def contract_number(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """A contract number for (nearly) every converted lead."""
    return _where(_fill(rng, y, rng.uniform(0.85, 1.0), rng.uniform(0, 0.005)), lambda i: f"C-{10_000 + i}")


def customer_number(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """A number given on conversion."""
    numbers = rng.integers(100_000, 999_999, len(y))
    return _where(_fill(rng, y, rng.uniform(0.85, 1.0), rng.uniform(0, 0.01)), lambda i: str(numbers[i]))


def signed_on(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """The date of signing, for converted leads."""
    days = created + rng.gamma(2, 15, len(y))
    return _where(_fill(rng, y, rng.uniform(0.8, 1.0), rng.uniform(0, 0.01)), lambda i: _day(days[i]))


def lost_reason(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """Why the lead was lost, for the lost."""
    reasons = rng.choice(["Price", "Competitor", "No answer", "Timing", "Not interested"], len(y))
    return _where(_fill(rng, ~y, rng.uniform(0.6, 0.95), rng.uniform(0, 0.02)), lambda i: str(reasons[i]))


def noisy_fill(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """A field filled for 90 % of the converted and 3 % of the others."""
    amounts = np.round(np.exp(rng.normal(5, 1, len(y))))
    return _where(
        _fill(rng, y, rng.uniform(0.8, 0.95), rng.uniform(0.01, 0.05)), lambda i: f"{amounts[i]:.0f}"
    )


def stage(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """The stage at the time of the export."""
    won = rng.choice(["Closed won", "Negotiation"], len(y), p=[0.9, 0.1])
    lost = rng.choice(["Closed lost", "New", "Qualified", "Negotiation"], len(y), p=[0.5, 0.25, 0.2, 0.05])
    return [str(text) for text in np.where(y, won, lost)]


def revenue_zero(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """The amount booked, zero for the others."""
    booked = _fill(rng, y, rng.uniform(0.9, 1.0), rng.uniform(0, 0.01))
    return [
        f"{amount:.2f}" if on else "0"
        for amount, on in zip(np.exp(rng.normal(8, 1, len(y))), booked, strict=True)
    ]


def close_date(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """A date of closing for every lead, later than the creation."""
    lag = np.where(y, rng.gamma(3, 8, len(y)), rng.gamma(3, rng.uniform(8, 25), len(y)))
    return [_day(day) for day in created + 1 + lag]


def call_seconds(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """Length of the deciding call: short ones never convert."""
    n = len(y)
    short = rng.exponential(rng.uniform(120, 220), n)
    long = rng.uniform(60, 150) + rng.gamma(2, rng.uniform(100, 200), n)
    return [f"{value:.0f}" for value in np.where(y, long, short)]


def activities(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """Activities counted until the export, most of them after the win."""
    return [str(value) for value in rng.poisson(np.where(y, rng.uniform(7, 10), rng.uniform(1, 2.5)))]


def reencoded(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """The outcome in other words."""
    yes, no = (("A", "B"), ("1", "0"), ("Customer", "Prospect"), ("W", "L"))[int(rng.integers(4))]
    return [yes if won else no for won in y]


def noisy_target(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """The outcome with 5 to 10 % of the rows wrong."""
    wrong = rng.random(len(y)) < rng.uniform(0.05, 0.10)
    yes, no = (("Yes", "No"), ("1", "0"), ("hot", "cold"))[int(rng.integers(3))]
    return [yes if won else no for won in y ^ wrong]


def owner(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """The team in charge; won leads are moved to customer care."""
    moved = _fill(rng, y, rng.uniform(0.75, 0.95), rng.uniform(0.0, 0.02))
    before = rng.choice([f"Team {i}" for i in range(8)], len(y))
    return ["Customer care" if on else str(team) for on, team in zip(moved, before, strict=True)]


def post_sale(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """A flag set after the sale."""
    on = _fill(rng, y, rng.uniform(0.6, 0.95), rng.uniform(0.0, 0.005))
    yes, no = (("Yes", "No"), ("x", ""), ("1", "0"))[int(rng.integers(3))]
    return [yes if flag else no for flag in on]


def last_modified(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """The date of the last change: soon for the lost, long after for the won."""
    lag = np.where(y, rng.gamma(4, 20, len(y)), rng.gamma(1.5, 15, len(y)))
    return [
        f"{_day(day)} {int(rng.integers(8, 19)):02d}:{int(rng.integers(60)):02d}" for day in created + lag
    ]


def tags(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """Tags of the reps, many of which only one side gets."""
    won = [f"Closed by {name}" for name in ("Horizon", "Anna", "Ben", "Lee")] + ["Will revert", "Interested"]
    lost = [
        "Ringing",
        "Switched off",
        "Not doing it",
        "Wrong number",
        "Student",
        "Graduated",
        "Interested",
        "Lateral",
        "Busy",
        "Invalid",
    ]
    a = rng.choice(won, len(y), p=[0.3, 0.15, 0.1, 0.05, 0.3, 0.1])
    b = rng.choice(lost, len(y), p=[0.3, 0.1, 0.1, 0.05, 0.1, 0.05, 0.15, 0.05, 0.05, 0.05])
    empty = rng.random(len(y)) < np.where(y, 0.05, 0.25)
    return ["" if gone else str(text) for gone, text in zip(empty, np.where(y, a, b), strict=True)]


def rep_probability(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """The rep's probability: 100 and 0 at the end, something else while open."""
    middle = rng.choice([10, 20, 30, 50, 75], len(y))
    done = rng.random(len(y)) < np.where(y, rng.uniform(0.8, 1.0), rng.uniform(0.4, 0.8))
    return [str(int(value)) for value in np.where(done, np.where(y, 100, 0), middle)]


def days_in_pipeline(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """Days until the lead was closed; open leads count to the day of the export."""
    export = float(created.max()) + 30
    days = np.where(y, rng.gamma(3, 7, len(y)), export - created)
    return [f"{value:.0f}" for value in np.maximum(days, 0)]


def quality(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """A quality that reps give when they know."""
    names = np.array(["High", "Might be", "Not sure", "Low", "Worst"])
    won = rng.choice(5, len(y), p=[0.65, 0.28, 0.04, 0.02, 0.01])
    lost = rng.choice(5, len(y), p=[0.02, 0.08, 0.3, 0.25, 0.35])
    return [str(text) for text in names[np.where(y, won, lost)]]


def invoices(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """Invoices sent."""
    return [str(value) for value in np.where(_fill(rng, y, 0.95, 0.01), 1 + rng.poisson(1.0, len(y)), 0)]


def key_prefix(rng: Rng, y: Bools, created: Floats) -> list[str]:
    """A key for every lead whose first letters change on conversion."""
    return [f"{'CUS' if won else 'LEA'}-{i:06d}" for i, won in enumerate(y)]


LEAKS: dict[str, Callable[[Rng, Bools, Floats], list[str]]] = {
    "contract_number": contract_number,
    "customer_number": customer_number,
    "signed_on": signed_on,
    "lost_reason": lost_reason,
    "noisy_fill": noisy_fill,
    "stage": stage,
    "revenue_zero": revenue_zero,
    "close_date": close_date,
    "call_seconds": call_seconds,
    "activities": activities,
    "reencoded": reencoded,
    "noisy_target": noisy_target,
    "owner": owner,
    "post_sale": post_sale,
    "last_modified": last_modified,
    "tags": tags,
    "rep_probability": rep_probability,
    "days_in_pipeline": days_in_pipeline,
    "quality": quality,
    "invoices": invoices,
    "key_prefix": key_prefix,
}


def _fill(rng: Rng, side: Bools, inside: float, outside: float) -> Bools:
    return np.asarray(rng.random(len(side)) < np.where(side, inside, outside))


def _where(filled: Bools, text: Callable[[int], str]) -> list[str]:
    return [text(i) if there else "" for i, there in enumerate(filled)]


def _day(days: float) -> str:
    return str(np.datetime64(int(days), "D"))
