"""Made-up leads with a known law, for tests of training and scoring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame

SOURCES = ("Google Ads", "Referral", "Trade fair", "Newsletter", "Partner")


@dataclass(frozen=True)
class Leads:
    """Raw and parsed leads, their outcomes, the probabilities behind them and their days of creation."""

    schema: FeatureSchema
    raw: pd.DataFrame
    frame: pd.DataFrame
    target: NDArray[np.bool_]
    probability: NDArray[np.float64]
    created: NDArray[np.float64]


def _leads(
    specs: tuple[FeatureSpec, ...],
    columns: dict[str, list[object]],
    margin: NDArray[np.float64],
    created: NDArray[np.float64],
    rng: np.random.Generator,
) -> Leads:
    schema = FeatureSchema(specs)
    raw = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    probability = 1.0 / (1.0 + np.exp(-margin))
    target = rng.random(len(margin)) < probability
    return Leads(schema, raw, parse_frame(schema, raw), target, probability, created)


def mixed_leads(n: int, seed: int = 0, *, intercept: float = -1.2) -> Leads:
    """Leads with a column of every kind, missing values, a hump in the budget and a pair effect."""
    rng = np.random.default_rng(seed)
    source = rng.integers(0, len(SOURCES), n)
    city = rng.integers(0, 60, n)
    pages = rng.poisson(4, n).astype(float)
    budget = rng.lognormal(9, 1, n)
    demo = rng.random(n) < 0.3
    created = np.sort(rng.uniform(20_000, 20_360, n))
    follow = created + rng.exponential(5, n)
    words = rng.integers(0, 20, n)
    lost = rng.random((n, 3)) < 0.1
    effect = np.array([-0.6, 0.9, 0.3, -0.3, 0.2])
    margin = intercept + effect[source] + 0.15 * np.where(lost[:, 0], 0, pages - 4) + 0.8 * demo
    margin += np.where(lost[:, 1], -0.5, 0.9 - np.abs(np.log(budget) - 9))
    margin += np.where((source == 0) & (city % 3 == 0), 1.6, 0.0) - 0.04 * (follow - created)
    specs = (
        FeatureSpec("pages", "Pages visited", Kind.NUMBER, unit="pages"),
        FeatureSpec("budget", "Budget", Kind.NUMBER, unit="AED"),
        FeatureSpec("src", "Source", Kind.CATEGORY),
        FeatureSpec("city", "City", Kind.CATEGORY),
        FeatureSpec("demo", "Demo requested", Kind.YES_NO),
        FeatureSpec("created", "First contact", Kind.DATE),
        FeatureSpec("follow", "Follow-up", Kind.DATE),
        FeatureSpec("note", "Message", Kind.TEXT),
        FeatureSpec("id", "Lead id", Kind.IDENTIFIER),
    )
    days = np.datetime64("1970-01-01")
    columns: dict[str, list[object]] = {
        "pages": [None if gone else value for value, gone in zip(pages, lost[:, 0], strict=True)],
        "budget": [None if gone else round(value, 2) for value, gone in zip(budget, lost[:, 1], strict=True)],
        "src": [None if gone else SOURCES[code] for code, gone in zip(source, lost[:, 2], strict=True)],
        "city": [f"City {code}" for code in city],
        "demo": ["yes" if value else "no" for value in demo],
        "created": [str(days + np.timedelta64(int(day), "D")) for day in created],
        "follow": [str(days + np.timedelta64(int(day * 24), "h")) + ":00" for day in follow],
        "note": [" ".join(["word"] * count) for count in words],
        "id": [f"L-{i}" for i in range(n)],
    }
    return _leads(specs, columns, margin, created, rng)


def paired_leads(n: int = 8000, seed: int = 0) -> Leads:
    """Few columns, hundreds of levels, the signal in pairs of them, the conversion rate rising over time.

    Shaped after a real set of marketing leads: landing page × origin and the date of first contact.
    """
    rng = np.random.default_rng(seed)
    pages, origins = 450, 10
    landing = rng.choice(pages, n, p=rng.dirichlet(np.full(pages, 0.15)))
    origin = rng.choice(origins, n, p=rng.dirichlet(np.full(origins, 2.0)))
    created = np.sort(rng.uniform(17_300, 17_700, n))
    margin = -3.3 + rng.normal(0, 0.7, pages)[landing] + rng.normal(0, 1.3, (pages, origins))[landing, origin]
    margin += 1.2 * (created - 17_500) / 200
    specs = (
        FeatureSpec("landing", "Landing page", Kind.CATEGORY),
        FeatureSpec("origin", "Origin", Kind.CATEGORY),
        FeatureSpec("first", "First contact", Kind.DATE),
    )
    days = np.datetime64("1970-01-01")
    columns: dict[str, list[object]] = {
        "landing": [f"lp{code:03d}" for code in landing],
        "origin": [None if rng.random() < 0.03 else f"origin {code}" for code in origin],
        "first": [str(days + np.timedelta64(int(day), "D")) for day in created],
    }
    return _leads(specs, columns, margin, created, rng)


def few_leads(n: int, seed: int = 0) -> Leads:
    """Fifteen columns of three to five levels, each with a modest effect of its own: the shape of a small list."""
    law, rng = np.random.default_rng(7), np.random.default_rng(seed)
    margin = np.zeros(n)
    columns: dict[str, list[object]] = {}
    for column in range(15):
        size = 3 + column % 3
        effect = law.normal(0, 0.45, size)
        codes = rng.integers(0, size, n)
        margin += effect[codes] - effect.mean()
        columns[f"c{column}"] = [f"level {code}" for code in codes]
    specs = tuple(FeatureSpec(name, name, Kind.CATEGORY) for name in columns)
    return _leads(specs, columns, margin, np.arange(n, dtype=np.float64), rng)
