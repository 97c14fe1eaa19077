"""Lead files with known leaks: honest columns first, outcomes from them, leaks from the outcomes.

Two kinds of world are mixed, because real files are neither: in one the honest columns make the outcome
(a logistic model with an unseen part), in the other they are drawn given the outcome. Columns are
shuffled and renamed; in half of the files the texts in them are replaced by meaningless codes as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from benchmarks import leak_honest, leak_kinds

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rng = np.random.Generator

SIZES = (500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
BASES = (0.01, 0.03, 0.05, 0.1, 0.2, 0.35, 0.5)
FEWEST_CONVERSIONS = 40


@dataclass(slots=True)
class LeadFile:
    """A generated file: raw texts, outcomes, and which column is what (renamed header → kind)."""

    name: str
    frame: pd.DataFrame
    target: Bools
    created: Floats | None
    leaks: dict[str, str] = field(default_factory=dict)
    honest: dict[str, str] = field(default_factory=dict)
    world: str = ""


def make_file(seed: int, *, columns: int = 10, largest: int = 50_000) -> LeadFile:
    """A file of the families that the audit was built against; the same arguments give the same file."""
    rng = np.random.default_rng([seed, 1])
    n, base = _size(rng, largest)
    world = ("causes", "given")[int(rng.integers(2))]
    created = _creation(rng, n)
    kinds = list(rng.permutation(list(leak_honest.HONEST))[:columns])
    if world == "causes":
        effects = {kind: leak_honest.HONEST[kind](rng, n, None, created) for kind in kinds}
        target = _outcomes(rng, [effect for _, effect in effects.values()], base)
        honest = {kind: texts for kind, (texts, _) in effects.items()}
    else:
        target = rng.random(n) < base
        target[: FEWEST_CONVERSIONS // 2] = True
        target = target[rng.permutation(n)]
        honest = {kind: leak_honest.HONEST[kind](rng, n, target, created)[0] for kind in kinds}
    chosen = list(rng.permutation(list(leak_kinds.LEAKS))[:columns])
    leaks = {kind: leak_kinds.LEAKS[kind](rng, target, created) for kind in chosen}
    return assemble(f"{world}-{seed}", rng, target, created, honest, leaks, world)


def assemble(
    name: str,
    rng: Rng,
    target: Bools,
    created: Floats,
    honest: dict[str, list[str]],
    leaks: dict[str, list[str]],
    world: str,
) -> LeadFile:
    """Shuffle and rename the columns, and hide the meaning of their texts in half of the files."""
    columns: list[tuple[str, str, list[str]]] = [("honest", kind, texts) for kind, texts in honest.items()]
    columns += [("leak", kind, texts) for kind, texts in leaks.items()]
    file = LeadFile(name, pd.DataFrame(index=range(len(target))), target, None, world=world)
    hide = bool(rng.random() < 0.5)
    series: dict[str, Any] = {}
    for position, place in enumerate(rng.permutation(len(columns))):
        sort, kind, texts = columns[place]
        header = f"c{position:02d}"
        series[header] = _hidden(texts, position) if hide and kind in CODED else texts
        (file.honest if sort == "honest" else file.leaks)[header] = kind
    file.frame = pd.DataFrame(series, dtype=object)
    # Half of the importers know the date of creation; the others leave it to the audit.
    if rng.random() < 0.5:
        file.created = created
    return file


CODED = frozenset(
    [
        "origin",
        "source",
        "campaign",
        "city",
        "band",
        "stage",
        "lost_reason",
        "tags",
        "owner",
        "quality",
        "reencoded",
        "noisy_target",
    ]
)


def _hidden(texts: list[str], position: int) -> list[str]:
    levels = {text: f"v{position}{i}" for i, text in enumerate(sorted(set(texts) - {""}))}
    return [levels[text] if text else "" for text in texts]


def _size(rng: Rng, largest: int) -> tuple[int, float]:
    while True:
        n, base = int(rng.choice(SIZES)), float(rng.choice(BASES))
        if n <= largest and n * base >= FEWEST_CONVERSIONS:
            return n, base


def _creation(rng: Rng, n: int) -> Floats:
    span = float(rng.choice([120, 365, 900]))
    return np.asarray(np.sort(19_000 + span * rng.random(n)))


def _outcomes(rng: Rng, effects: list[Floats], base: float) -> Bools:
    """Outcomes of a logistic model with an unseen part, at the wanted base rate."""
    scale = rng.uniform(0.9, 1.3)
    logits = scale * np.sum(effects, axis=0) + rng.normal(0, 0.5, len(effects[0]))
    low, high = -30.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        if float(expit(logits + middle).mean()) < base:
            low = middle
        else:
            high = middle
    return np.asarray(rng.random(len(logits)) < expit(logits + low))


def shift_for(auc: float) -> float:
    """How far apart two bell curves of unit width lie for this AUC."""
    return float(np.sqrt(2.0) * ndtri(auc))


Maker = Callable[..., Any]
