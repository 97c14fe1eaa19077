"""Honest columns: strong, of many shapes, and known when the lead is created.

Each maker gives the texts of the column and its effect on the log-odds; given outcomes it draws the column
from them instead, with a comparable strength, and the effect is not used.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rng = np.random.Generator
Made = tuple[list[str], Floats]


def _latent(
    rng: Rng, n: int, target: Bools | None, low: float = 0.64, high: float = 0.79
) -> tuple[Floats, Floats]:
    """A bell-shaped quantity and its effect; given outcomes its AUC lies between `low` and `high`."""
    z = rng.normal(size=n)
    if target is not None:
        z = z + np.sqrt(2.0) * ndtri(rng.uniform(low, high)) * target
        return (z - z.mean()) / z.std(), np.zeros(n)
    return z, rng.uniform(0.7, 1.3) * z


def _texts(values: Floats, digits: int = 0) -> list[str]:
    return [f"{value:.{digits}f}" for value in values]


def time_on_site(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Seconds: a spike at zero for leads that came by telephone, skewed above."""
    z, effect = _latent(rng, n, target)
    seconds = np.exp(5.5 + 1.1 * z)
    offline = rng.random(n) < 0.25
    return _texts(np.where(offline, 0, seconds)), np.where(offline, rng.uniform(-0.8, 0.4), effect)


def pages(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Pages visited: a count."""
    z, effect = _latent(rng, n, target)
    return _texts(rng.poisson(np.exp(1.2 + 0.6 * z)).astype(float)), effect


def engagement(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """A score from 0 to 100 made by the web site."""
    z, effect = _latent(rng, n, target, 0.7, 0.8)
    return _texts(np.clip(50 + 18 * z, 0, 100)), 1.2 * effect


def company_size(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Employees, skewed, with a tenth of the fields left empty."""
    z, effect = _latent(rng, n, target)
    empty = rng.random(n) < 0.1
    texts = _texts(np.exp(3.5 + 1.3 * z))
    return ["" if gone else text for text, gone in zip(texts, empty, strict=True)], np.where(empty, 0, effect)


def budget(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """A budget for which the middle is best."""
    if target is None:
        z = rng.normal(size=n)
        return _texts(_round(np.exp(9 + 0.8 * z), -2)), 1.8 * np.exp(-(z**2)) + 0.2 * z
    z = np.where(target, rng.normal(0, rng.uniform(0.4, 0.6), n), rng.normal(0, 1.2, n))
    return _texts(_round(np.exp(9 + 0.8 * z), -2)), np.zeros(n)


def recency(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Days since the first visit."""
    z, effect = _latent(rng, n, target)
    return _texts(-np.log(1 - _uniform(-z)) * 30, 1), effect


def origin(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Where the lead came from; one form converts at 90 %."""
    names = ["Landing page", "API", "Import", "Add form"]
    shares = np.array([0.5, 0.34, 0.09, 0.07])
    effects = np.array([0.0, -0.5, -0.7, 3.2])
    if target is None:
        level = rng.choice(4, n, p=shares)
        return [names[i] for i in level], effects[level]
    base = float(target.mean())
    rates = np.array([base, 0.6 * base, 0.5 * base, 0.9])
    shares[3] = min(0.07, 0.3 * base / 0.9)
    return _levels(rng, names, shares, rates, target), np.zeros(n)


def source(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Eight sources of unequal worth."""
    names = ["Google", "Direct", "Chat", "Organic", "Referral site", "Partner", "Fair", "Bought list"]
    shares = np.array([0.3, 0.25, 0.15, 0.12, 0.06, 0.05, 0.04, 0.03])
    effects = rng.normal(0, 1.0, 8)
    if target is None:
        level = rng.choice(8, n, p=shares)
        return [names[i] for i in level], effects[level]
    return _levels(rng, names, shares, _rates(target, effects), target), np.zeros(n)


def campaign(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Hundreds of campaigns."""
    return _many_levels(rng, n, target, int(rng.integers(100, 400)), "Campaign")


def city(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Cities, a few large and many small."""
    return _many_levels(rng, n, target, int(rng.integers(40, 150)), "City")


def band(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Company size in bands."""
    z, effect = _latent(rng, n, target)
    names = ["1-9", "10-49", "50-249", "250-999", "1000+"]
    return [names[i] for i in np.digitize(z, [-0.8, 0.1, 0.9, 1.6])], effect


def referral(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Recommended by a customer: few, and often successful."""
    return _yes(rng, n, target, share=rng.uniform(0.04, 0.12), ratio=rng.uniform(4, 9), effect=2.0)


def demo(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Asked for a demonstration on the form."""
    return _yes(rng, n, target, share=rng.uniform(0.1, 0.3), ratio=rng.uniform(3, 6), effect=1.6)


def customer(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """Was a customer before."""
    return _yes(rng, n, target, share=rng.uniform(0.1, 0.4), ratio=rng.uniform(2, 5), effect=1.2)


def given(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """A field that serious leads fill in more often: 30 % against 5 %."""
    if target is None:
        filled = rng.random(n) < rng.uniform(0.08, 0.4)
        effect = np.where(filled, 1.8, 0.0)
    else:
        r = rng.uniform(0.25, 0.5)
        filled = rng.random(n) < np.where(target, r, r / rng.uniform(3, 7))
        effect = np.zeros(n)
    amounts = np.round(np.exp(rng.normal(6, 1, n)))
    return [f"{amount:.0f}" if there else "" for amount, there in zip(amounts, filled, strict=True)], effect


def created_on(rng: Rng, n: int, target: Bools | None, created: Floats) -> Made:
    """The date of creation, with a trend in the outcomes."""
    days = created.astype("datetime64[D]") if rng.random() < 0.5 else created
    texts = [str(np.datetime64(int(day), "D")) for day in np.asarray(days, dtype=np.float64)]
    place = (created - created.min()) / max(float(np.ptp(created)), 1.0)
    return texts, rng.uniform(-1.5, 1.5) * place


HONEST: dict[str, Callable[[Rng, int, Bools | None, Floats], Made]] = {
    "time_on_site": time_on_site,
    "pages": pages,
    "engagement": engagement,
    "company_size": company_size,
    "budget": budget,
    "recency": recency,
    "origin": origin,
    "source": source,
    "campaign": campaign,
    "city": city,
    "band": band,
    "referral": referral,
    "demo": demo,
    "customer": customer,
    "given": given,
    "created_on": created_on,
}


def _uniform(z: Floats) -> Floats:
    ranks = np.argsort(np.argsort(z))
    return np.asarray((ranks + 0.5) / len(z))


def _rates(target: Bools, effects: Floats) -> Floats:
    """Conversion rates whose log-odds lie `effects` around the base rate's."""
    base = float(target.mean())
    odds = base / (1 - base) * np.exp(effects)
    return np.asarray(odds / (1 + odds), dtype=np.float64)


def _levels(rng: Rng, names: list[str], shares: Floats, rates: Floats, target: Bools) -> list[str]:
    """Levels with these shares among all leads and about these conversion rates."""
    won = shares * rates
    lost = shares * (1 - rates)
    out = np.empty(len(target), dtype=np.int64)
    out[target] = rng.choice(len(names), int(target.sum()), p=won / won.sum())
    out[~target] = rng.choice(len(names), int((~target).sum()), p=lost / lost.sum())
    return [names[i] for i in out]


def _many_levels(rng: Rng, n: int, target: Bools | None, count: int, word: str) -> Made:
    names = [f"{word} {i}" for i in range(count)]
    weights = rng.pareto(1.3, count) + 0.2
    shares = weights / weights.sum()
    effects = rng.normal(0, 0.9, count)
    if target is None:
        level = rng.choice(count, n, p=shares)
        return [names[i] for i in level], effects[level]
    return _levels(rng, names, shares, _rates(target, effects), target), np.zeros(n)


def _yes(rng: Rng, n: int, target: Bools | None, *, share: float, ratio: float, effect: float) -> Made:
    yes, no = (("Yes", "No"), ("1", "0"), ("true", "false"), ("Ja", "Nein"))[int(rng.integers(4))]
    if target is None:
        flag = rng.random(n) < share
        return [yes if on else no for on in flag], np.where(flag, effect, 0.0)
    flag = rng.random(n) < np.where(target, min(share * ratio, 0.65), share)
    return [yes if on else no for on in flag], np.zeros(n)


def _round(values: Floats, digits: int) -> Floats:
    return np.asarray(np.round(values, digits), dtype=np.float64)
