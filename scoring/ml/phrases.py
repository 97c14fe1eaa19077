"""How counts and shares are written in the sentences that judgements come with."""

from __future__ import annotations


def count(n: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> count(1, "row"), count(2000, "row"), count(0, "cell holds", "cells hold")
    ('1 row', '2,000 rows', '0 cells hold')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def percent(share: float) -> str:
    """A share as people write it: with a decimal below ten per cent and just below a hundred, and never as none or
    all of it while it is neither.

    >>> percent(0.184), percent(0.034), percent(0.0002), percent(0.9975)
    ('18 %', '3.4 %', '<0.1 %', '99.8 %')
    >>> percent(0.0), percent(1.0), percent(0.99999)
    ('0.0 %', '100 %', '>99.9 %')
    """
    if 0.0 < share < 0.0005:
        return "<0.1 %"
    if 0.9995 <= share < 1.0:
        return ">99.9 %"
    return f"{share * 100:.1f} %" if share < 0.0995 or 0.995 <= share < 1.0 else f"{share * 100:.0f} %"
