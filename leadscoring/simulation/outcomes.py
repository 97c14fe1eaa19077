"""What becomes of a lead: conversion, when, for how much; the contact on the way; the closing of lost ones.

The delay of a conversion depends on the source alone, not on the probability, so young open leads
are a fair sample of what they will become. What happens during contact (e-mail opens, a reply)
depends on the fields and chance, not on the outcome: it adds nothing to the known optimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.draws import Codes, Flags, Floats, count_shares, draw_levels, stream
from leadscoring.simulation.fields import OFFICE_PRICES, PACKAGE_PRICES, VISA_PRICE, Fields

DAY = 86_400.0
HORIZON_DAYS = 180.0
# Median days from creation to conversion, by source, and the spread of their logarithm.
DELAY_MEDIANS = np.array([9.0, 7.0, 14.0, 10.0, 6.0, 17.0, 4.0, 15.0])
DELAY_SPREAD = 0.8
LOST_MEDIAN, LOST_SPREAD = 38.0, 0.7
EVER_CLOSED = 0.78


_KEEN = np.array([0.6, 0.5, 0.3, 0.1, -0.7])
_MAIL = np.array([-0.3, -0.2, 0.5])
# Rows: timelines × ways of contact; columns: numbers of e-mails opened.
_OPENS = count_shares(np.exp(0.3 + 0.5 * _KEEN[:, None] + _MAIL[None, :]).ravel(), 1.5, 40)


@dataclass(frozen=True, slots=True)
class Chances:
    """(n,) true probabilities, with follow-up as it was and without any, and how much longer conversions take."""

    probability: Floats
    without_follow_up: Floats
    stretch: Floats


@dataclass(frozen=True, slots=True)
class Outcomes:
    """(n,) arrays; times in UTC seconds since 1970-01-01, NaN where it never happens.

    converts_anyway: what would have become of the lead without follow-up, by the same luck; revenue: what a
    conversion brings or would bring; replied_at: also for those who will not reply.
    """

    converts: Flags
    converts_anyway: Flags
    converted_at: Floats
    lost_at: Floats
    revenue: Floats
    lost_reason: Codes
    owner: Codes
    email_opens: Floats
    replied: Flags
    replied_at: Floats
    first_response: Floats


def draw_outcomes(
    seed: int, drawn: Fields, created: Floats, chances: Chances, purpose: str = "outcomes"
) -> Outcomes:
    """Outcomes of all leads, as far as they lie in the future; drawn: the fields before any went missing.

    Sources are the usual ones. Each lead's luck is one uniform, so a higher chance loses no conversion.
    """
    rng = stream(seed, purpose)
    n = created.size
    luck = rng.random(n)
    converts = luck < chances.probability
    delay = chances.stretch * _delays(rng.random(n), DELAY_MEDIANS[drawn.source])
    lost = ~converts & (rng.random(n) < EVER_CLOSED)
    lost_delay = 1.0 + LOST_MEDIAN * np.exp(LOST_SPREAD * rng.standard_normal(n))
    price = PACKAGE_PRICES[drawn.package] + OFFICE_PRICES[drawn.office] + VISA_PRICE * drawn.visas
    revenue = np.round(price * np.exp(0.10 * rng.standard_normal(n)) / 50.0) * 50.0
    keen = _KEEN[drawn.timeline]
    opens = draw_levels(rng, drawn.timeline * len(c.CONTACTS) + drawn.contact, _OPENS).astype(np.float64)
    replied = rng.random(n) < 1.0 / (1.0 + np.exp(0.4 - keen - 0.15 * opens))
    answered = np.round(np.exp(np.log(45.0) + 0.9 * rng.standard_normal(n)))
    return Outcomes(
        converts=converts,
        converts_anyway=luck < chances.without_follow_up,
        converted_at=np.where(converts, created + np.floor(delay * DAY), np.nan),
        lost_at=np.where(lost, created + np.floor(lost_delay * DAY), np.nan),
        revenue=revenue,
        lost_reason=draw_levels(rng, np.zeros(n, dtype=np.int64), c.LOST_SHARES),
        owner=rng.integers(0, len(c.REPS), n),
        email_opens=opens,
        replied=replied,
        first_response=np.clip(answered, 1.0, 20_000.0),
        replied_at=created + 600.0 + np.floor(rng.random(n) * 3.0 * DAY),
    )


def _delays(uniform: Floats, medians: Floats) -> Floats:
    """Log-normal days with the given medians, cut off at the horizon, by inversion: one uniform each."""
    below = special.ndtr(np.log(HORIZON_DAYS / medians) / DELAY_SPREAD)
    delay = medians * np.exp(DELAY_SPREAD * special.ndtri(uniform * below))
    return np.asarray(np.maximum(delay, 0.05), dtype=np.float64)
