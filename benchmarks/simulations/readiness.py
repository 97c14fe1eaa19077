"""Does the interval of "enough by" hold? Draw businesses, ask half-way, and look when it was enough.

Run `python -m benchmarks.simulations.readiness` (about four minutes on one core); `--reps` and `--seed` change the
run. Each business has a year behind it; leads arrive by weeks at a steady, growing or shrinking pace, varying as
chance alone would (dispersion 1) or more. What is asked for is 1,000 ripe leads and 120 conversions.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scoring.ml.pace import HORIZON_WEEKS, WEEKS_READ, Flow, Forecast, Have, forecast

Floats = NDArray[np.float64]
NEED_LEADS, NEED_CONVERSIONS = 1000, 120
WEEKS_BEHIND, WEEKS_AHEAD = 52, 200
RECENT_DAYS = 7.0 * WEEKS_READ


@dataclass(frozen=True, slots=True)
class World:
    """Leads a week at the moment of asking, growth a week, dispersion, share that converts, window in days."""

    name: str
    per_week: float
    growth: float
    dispersion: float
    rate: float
    window: float


WORLDS = (
    World("steady, 20 a week", 20.0, 0.0, 1.0, 0.10, 60.0),
    World("steady, 20 a week, uneven", 20.0, 0.0, 3.0, 0.10, 60.0),
    World("steady, 8 a week, short window", 8.0, 0.0, 1.0, 0.20, 30.0),
    World("steady, 40 a week, rare conversions", 40.0, 0.0, 2.0, 0.03, 90.0),
    World("growing 1 % a week", 20.0, 0.01, 2.0, 0.10, 60.0),
    World("growing 2 % a week", 20.0, 0.02, 2.0, 0.10, 60.0),
    World("growing 4 % a week", 20.0, 0.04, 2.0, 0.10, 60.0),
    World("shrinking 1 % a week", 20.0, -0.01, 2.0, 0.10, 60.0),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One business: creation day (0 is the moment of asking), whether and after how many days each converts."""

    created: Floats
    converts: NDArray[np.bool_]
    delay: Floats

    def enough_after(self, window: float) -> float:
        """The day on which it really was enough; infinite when it never was."""
        order = np.argsort(self.created)
        leads = np.arange(1, len(order) + 1)
        hits = np.cumsum(self.converts[order])
        enough = (leads >= NEED_LEADS) & (np.minimum(hits, leads - hits) >= NEED_CONVERSIONS)
        return float(self.created[order][enough.argmax()] + window) if enough.any() else np.inf


def draw(world: World, rng: np.random.Generator) -> Drawn:
    """A business with a year behind it and nearly four ahead."""
    weeks = np.arange(WEEKS_BEHIND + WEEKS_AHEAD) - WEEKS_BEHIND
    rate = world.per_week * np.exp(world.growth * (weeks + 0.5))
    if world.dispersion > 1:
        rate = rng.gamma(rate / (world.dispersion - 1.0), world.dispersion - 1.0)
    counts = rng.poisson(rate)
    created = np.repeat(weeks * 7.0, counts) + rng.uniform(0.0, 7.0, size=int(counts.sum()))
    converts = rng.uniform(size=len(created)) < world.rate
    delay = np.minimum(rng.exponential(world.window / 3.0, size=len(created)), world.window)
    return Drawn(created, converts, delay)


def ask(world: World, drawn: Drawn) -> Forecast | None:
    """What the page would say at day 0; None when it is enough already."""
    now = drawn.created <= 0
    ripe = drawn.created <= -world.window
    lately = ripe & (drawn.created > -world.window - RECENT_DAYS)
    pending = now & ~ripe
    known = drawn.converts & (drawn.created + drawn.delay <= 0)
    have = Have(
        int(ripe.sum()),
        int(drawn.converts[ripe].sum()),
        int(lately.sum()),
        int(drawn.converts[lately].sum()),
    )
    if have.leads >= NEED_LEADS and have.conversions >= NEED_CONVERSIONS:
        return None
    edges = np.arange(-7.0 * WEEKS_READ, 1.0, 7.0)
    flow = Flow(
        window=world.window,
        weekly=np.histogram(drawn.created[now], bins=edges)[0].astype(np.float64),
        pending_age=-drawn.created[pending],
        pending_leads=np.ones(int(pending.sum())),
        pending_converted=known[pending].astype(np.float64),
    )
    return forecast(
        [flow],
        have,
        drawn.delay[known & ripe],
        need_leads=NEED_LEADS,
        need_rarer=NEED_CONVERSIONS,
    )


def row(world: World, reps: int, rng: np.random.Generator) -> str:
    """One line of the table."""
    held = before = after = asked = unbounded = 0
    widths, errors = [], []
    for _ in range(reps):
        drawn = draw(world, rng)
        found = ask(world, drawn)
        if found is None:
            continue
        asked += 1
        truth = drawn.enough_after(world.window)
        low = found.both.low if found.both.low is not None else 7.0 * HORIZON_WEEKS
        high = found.both.high if found.both.high is not None else np.inf
        held += low <= truth <= high
        before += truth < low
        after += truth > high
        unbounded += bool(np.isinf(high))
        if np.isfinite(high):
            widths.append((high - low) / 7.0)
        if found.both.middle is not None and np.isfinite(truth):
            errors.append((found.both.middle - truth) / 7.0)
    share = [f"{100 * part / max(asked, 1):.1f}" for part in (held, before, after, unbounded)]
    width = f"{np.median(widths):.1f}" if widths else "none"
    error = f"{np.median(errors):+.1f}".replace("-", "−") if errors else "none"
    return f"| {world.name} | {asked:,} | " + " | ".join(share) + f" | {width} | {error} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=20240101)
    options = parser.parse_args()
    print(
        "| business | asked | held, % | enough earlier, % | later, % | no upper bound, % | width, weeks "
        "| middle off, weeks |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for index, world in enumerate(WORLDS):
        print(row(world, options.reps, np.random.default_rng([options.seed, index])), flush=True)


if __name__ == "__main__":
    main()
