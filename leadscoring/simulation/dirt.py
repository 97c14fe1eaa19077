"""How values look in a CRM: tokens for "nothing", other spellings, stray spaces, wild numbers.

Another case, a stray space, a thousands separator or a typo can be undone by a reader of the file;
what cannot be undone (a token, a wild number) was already missing when the law looked at it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leadscoring.simulation.draws import Codes, Flags, Floats, draw_levels

Cells = NDArray[np.object_]

# Spellings of a level and their shares at dirt 1: as it is, upper case, lower case, a space behind,
# a space before, a typo.
SPELLING_SHARES = (0.9955, 0.0008, 0.0008, 0.0012, 0.0010, 0.0007)
# What stands for "nothing" and how often, by kind of column.
DROPDOWN = {"": 0.45, "Select": 0.45, "-": 0.05, "unknown": 0.05}
TYPED = {"": 0.6, "unknown": 0.2, "Unknown": 0.05, "-": 0.15}
NUMERIC = {"": 0.85, "-": 0.12, "n/a": 0.03}
BLANK = {"": 1.0}


def typo(word: str) -> str:
    """The word with two neighbouring letters in its middle swapped; the word itself if none differ."""
    middle = len(word) // 2
    for at in [*range(middle, len(word) - 1), *range(middle - 1, 0, -1)]:
        pair = word[at : at + 2]
        if pair.isalpha() and pair[0].lower() != pair[1].lower():
            return word[:at] + pair[::-1] + word[at + 2 :]
    return word


def text_cells(
    rng: np.random.Generator, codes: Codes, levels: Sequence[str], empty: dict[str, float], dirt: float
) -> Cells:
    """The cells of a category column: code -1 becomes one of the tokens in `empty`."""
    spellings = [
        f(level) for f in (str, str.upper, str.lower, "{} ".format, " {}".format, typo) for level in levels
    ]
    words = np.array([*spellings, *empty], dtype=object)
    odd = np.array(SPELLING_SHARES) * np.array([1.0, *[dirt] * 5])
    odd[0] = 1.0 - odd[1:].sum()
    rows = np.zeros(codes.size, dtype=np.int64)
    place = codes + len(levels) * draw_levels(rng, rows, odd)
    token = len(spellings) + _tokens(rng, codes.size, empty, dirt)
    return np.asarray(words[np.where(codes < 0, token, place)], dtype=object)


def number_cells(
    rng: np.random.Generator,
    values: Floats,
    *,
    decimals: int = 0,
    separated: Flags | None = None,
    wild: Sequence[str] = (),
    may_stray: Flags | None = None,
    empty: dict[str, float] | None = None,
    dirt: float,
) -> Cells:
    """The cells of a number column: NaN becomes a token or, seldom, one of the `wild` out-of-range numbers.

    separated: which cells carry thousands separators ("12,500"); may_stray: which missing numbers may be
    wild (where there was nothing to measure, nothing goes wild).
    """
    empty = NUMERIC if empty is None else empty
    missing = np.isnan(values)
    unit = 10**decimals
    # Columns hold few distinct numbers, so each is written once.
    steps, place = np.unique(
        np.where(missing, 0.0, np.round(values * unit)).astype(np.int64), return_inverse=True
    )
    plain = [f"{step / unit:.{decimals}f}" for step in steps]
    grouped = [f"{step / unit:,.{decimals}f}" for step in steps]
    words = np.array([*plain, *grouped, *empty, *wild], dtype=object)
    if separated is not None:
        place = place + len(plain) * separated
    token = 2 * len(plain) + _tokens(rng, values.size, empty, dirt)
    if wild:
        stray = rng.random(values.size) < 0.03 * dirt
        stray &= True if may_stray is None else may_stray
        token = np.where(stray, 2 * len(plain) + len(empty) + rng.integers(0, len(wild), values.size), token)
    return np.asarray(words[np.where(missing, token, place)], dtype=object)


def _tokens(rng: np.random.Generator, size: int, empty: dict[str, float], dirt: float) -> Codes:
    """Which token stands for nothing; with dirt 0 always the first (a blank)."""
    shares = np.array(list(empty.values()))
    shares[1:] *= min(dirt, 1.0)
    shares[0] = 1.0 - shares[1:].sum()
    return draw_levels(rng, np.zeros(size, dtype=np.int64), shares)


def time_cells(seconds: Floats, *, day_only: bool = False) -> Cells:
    """UTC instants as 2025-03-04T10:22:05Z (or the day alone); NaN as a blank."""
    known = ~np.isnan(seconds)
    cells = np.full(seconds.size, "", dtype=object)
    instants = seconds[known].astype(np.int64).astype("datetime64[s]")
    if day_only:
        cells[known] = np.datetime_as_string(instants.astype("datetime64[D]")).astype(object)
    else:
        cells[known] = np.datetime_as_string(instants, timezone="UTC").astype(object)
    return cells


def chosen(condition: Flags, cells: Cells) -> Cells:
    """The cells where the condition holds, blanks elsewhere."""
    return np.asarray(np.where(condition, cells, ""), dtype=object)
