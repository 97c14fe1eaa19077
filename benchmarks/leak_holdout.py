"""Files of other families than the audit was built against: other shapes, other processes, other mistakes.

Nothing here was looked at while the limits of the audit were chosen. Honest columns act through trees,
products and thresholds; fields come into use in the middle of the file; leaks are patchy, noisy and mixed
with honest signal.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.leak_files import LeadFile, assemble

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rng = np.random.Generator

SIZES = (600, 1500, 4000, 12_000, 30_000)
BASES = (0.02, 0.08, 0.15, 0.3, 0.5)


def make_holdout(seed: int, *, columns: int = 10) -> LeadFile:
    """A file of the hold-out families; the same seed gives the same file."""
    rng = np.random.default_rng([seed, 2])
    while True:
        n, base = int(rng.choice(SIZES)), float(rng.choice(BASES))
        if n * base >= 45:
            break
    created = 19_200 + 500 * rng.random(n)
    if rng.random() < 0.5:
        created = np.sort(created)
    latent = rng.normal(size=(n, len(HONEST)))
    # A common interest behind the columns, so that they say partly the same.
    latent = 0.9 * latent + 0.44 * rng.normal(size=(n, 1))
    logits = _trees(rng, latent)
    target = _outcomes(rng, logits, base)
    honest_kinds = rng.permutation(list(HONEST))[:columns]
    places = {kind: i for i, kind in enumerate(HONEST)}
    honest = {str(kind): HONEST[kind](rng, latent[:, places[kind]], created) for kind in honest_kinds}
    chosen = rng.permutation(list(LEAKS))[:columns]
    leaks = {str(kind): LEAKS[kind](rng, target, created, latent[:, 0]) for kind in chosen}
    file = assemble(f"holdout-{seed}", rng, target, created, honest, leaks, "trees")
    file.created = created
    return file


def _trees(rng: Rng, latent: Floats) -> Floats:
    total = np.zeros(len(latent))
    width = latent.shape[1]
    for column in range(width):
        z = latent[:, column]
        shape = int(rng.integers(3))
        if shape == 0:
            total += rng.uniform(0.7, 1.1) * z
        elif shape == 1:
            total += rng.uniform(1.2, 2.2) * (z > rng.normal(0.3, 0.4))
        else:
            total += rng.uniform(0.5, 0.9) * np.maximum(z, 0) + 0.4 * z * latent[:, (column + 1) % width]
    return total * rng.uniform(0.6, 1.0)


def _outcomes(rng: Rng, logits: Floats, base: float) -> Bools:
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(expit(logits + middle).mean()) < base else (low, middle)
    return np.asarray(rng.random(len(logits)) < expit(logits + low))


def _number(scale: float, digits: int, zero: float) -> Callable[[Rng, Floats, Floats], list[str]]:
    def make(rng: Rng, z: Floats, created: Floats) -> list[str]:
        values = (
            np.where(z < np.quantile(z, zero), 0.0, np.exp(scale * z + 3)) if zero else np.exp(scale * z + 3)
        )
        return [f"{value:.{digits}f}" for value in values]

    return make


def _bands(*names: str) -> Callable[[Rng, Floats, Floats], list[str]]:
    def make(rng: Rng, z: Floats, created: Floats) -> list[str]:
        cuts = np.quantile(z, np.sort(rng.uniform(0.1, 0.95, len(names) - 1)))
        return [names[i] for i in np.digitize(z, cuts)]

    return make


def _levels(word: str, count: int) -> Callable[[Rng, Floats, Floats], list[str]]:
    def make(rng: Rng, z: Floats, created: Floats) -> list[str]:
        noisy = z + rng.normal(0, 0.5, len(z))
        order = rng.permutation(count)
        place = np.clip(((np.argsort(np.argsort(noisy)) / len(z)) ** 1.7 * count).astype(int), 0, count - 1)
        return [f"{word} {order[i]}" for i in place]

    return make


def _flag(share: float, yes: str, no: str) -> Callable[[Rng, Floats, Floats], list[str]]:
    def make(rng: Rng, z: Floats, created: Floats) -> list[str]:
        return [yes if value > np.quantile(z, 1 - share) else no for value in z]

    return make


def _given(share: float) -> Callable[[Rng, Floats, Floats], list[str]]:
    def make(rng: Rng, z: Floats, created: Floats) -> list[str]:
        cut = np.quantile(z, 1 - share)
        asked = rng.random(len(z)) < 0.9
        return [f"{50 + 10 * v:.1f}" if v > cut and ok else "" for v, ok in zip(z, asked, strict=True)]

    return make


def _rating(rng: Rng, z: Floats, created: Floats) -> list[str]:
    return [str(i) for i in np.digitize(z, [-1.2, -0.3, 0.6, 1.4]) + 1]


def _trend(rng: Rng, z: Floats, created: Floats) -> list[str]:
    return [str(np.datetime64(int(day), "D")) for day in created]


HONEST: dict[str, Callable[[Rng, Floats, Floats], list[str]]] = {
    "visits_mostly_zero": _number(1.0, 0, 0.6),
    "traffic_pareto": _number(1.8, 0, 0.0),
    "age": lambda rng, z, created: [f"{40 + 12 * value:.0f}" for value in z],
    "rating": _rating,
    "country": _levels("Country", 60),
    "utm_term": _levels("term", 500),
    "occupation": _bands("Student", "Unemployed", "Working", "Owner"),
    "mail_domain": _bands("free", "other", "corporate"),
    "asked_price": _flag(0.15, "yes", "no"),
    "existing": _flag(0.3, "Y", "N"),
    "recommended": _flag(0.05, "1", "0"),
    "budget_given": _given(0.25),
    "score": lambda rng, z, created: [f"{100 * expit(value):.1f}" for value in z],
    "created_day": _trend,
}


def _filled(rng: Rng, side: Bools, r: float, f: float, text: Callable[[int], str]) -> list[str]:
    there = rng.random(len(side)) < np.where(side, r, f)
    return [text(i) if ok else "" for i, ok in enumerate(there)]


def _late_field(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    """A field that came into use after 40 % of the time."""
    young = created > np.quantile(created, 0.4)
    return _filled(rng, y & young, 0.95, 0.004, lambda i: f"SO{i % 977:05d}")


def _call_minutes(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    talk = np.where(y, 2 + rng.gamma(3, 2.2, len(y)), rng.gamma(0.8, 3.0, len(y)))
    return [f"{value:.1f}" for value in talk]


def _last_activity(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    won = rng.choice(
        ["Signed in to portal", "Mail opened", "Welcome call", "Upload"], len(y), p=[0.5, 0.1, 0.3, 0.1]
    )
    lost = rng.choice(
        ["Mail opened", "Bounced", "No answer", "Unsubscribed"], len(y), p=[0.35, 0.15, 0.35, 0.15]
    )
    return [str(text) for text in np.where(y, won, lost)]


def _status_noise(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    seen = np.where(rng.random(len(y)) < 0.07, ~y, y)
    active = rng.choice(["Active", "Pending"], len(y), p=[0.8, 0.2])
    other = rng.choice(["Dormant", "Archived", "Pending"], len(y), p=[0.5, 0.45, 0.05])
    return [str(text) for text in np.where(seen, active, other)]


def _patchy_target(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    wrong = rng.random(len(y)) < 0.06
    empty = rng.random(len(y)) < 0.2
    return ["" if gone else ("done" if won else "open") for won, gone in zip(y ^ wrong, empty, strict=True)]


def _commission(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    paid = y & (rng.random(len(y)) < 0.95)
    return [f"{np.exp(5 + 0.4 * v):.2f}" if on else "0.00" for v, on in zip(z, paid, strict=True)]


def _key_range(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    return [str(int(value)) for value in np.where(y, 500_000, 100_000) + rng.permutation(len(y))]


def _days_open(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    return [f"{value:.0f}" for value in np.where(y, rng.gamma(4, 5, len(y)), rng.gamma(4, 22, len(y)))]


def _null_date(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    since = created + rng.gamma(2, 12, len(y))
    return [
        str(np.datetime64(int(day), "D")) if won else "0000-00-00" for day, won in zip(since, y, strict=True)
    ]


def _touched(rng: Rng, y: Bools, created: Floats, z: Floats) -> list[str]:
    lag = np.where(y, 30 + rng.gamma(2, 30, len(y)), 1 + rng.exponential(40, len(y)))
    return [str(np.datetime64(int(day), "D")) for day in created + lag]


LEAKS: dict[str, Callable[[Rng, Bools, Floats, Floats], list[str]]] = {
    "field_used_late": _late_field,
    "call_minutes": _call_minutes,
    "last_activity": _last_activity,
    "status_noise": _status_noise,
    "patchy_target": _patchy_target,
    "commission": _commission,
    "key_range": _key_range,
    "days_open": _days_open,
    "customer_since": _null_date,
    "touched_on": _touched,
    "survey": lambda rng, y, created, z: _filled(rng, y, 0.45, 0.001, lambda i: str(i % 10)),
    "competitor": lambda rng, y, created, z: _filled(rng, ~y, 0.4, 0.004, lambda i: f"Rival {i % 6}"),
    "onboarding": lambda rng, y, created, z: [
        "done" if on else "no" for on in y & (rng.random(len(y)) < 0.7)
    ],
    "orders": lambda rng, y, created, z: [
        str(v) for v in np.where(y, 1 + rng.poisson(2, len(y)), rng.random(len(y)) < 0.02).astype(int)
    ],
    "account_team": lambda rng, y, created, z: [
        f"KAM {i % 5}" if on else f"SDR {i % 9}" for i, on in enumerate(y & (rng.random(len(y)) < 0.85))
    ],
    "mails_after": lambda rng, y, created, z: [str(v) for v in rng.poisson(np.where(y, 14, 4))],
}
