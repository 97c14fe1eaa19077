"""Columns that name people or machines: e-mail addresses, telephone numbers, links, keys, names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from scoring.ml.draft_dates import mostly_dates
from scoring.ml.draft_guess import KindGuess, distinct, identifier, share, some
from scoring.ml.labels import words_of
from scoring.ml.values import Kind
from scoring.ml.words import NAME_WORDS, PHONE_WORDS, THING_WORDS

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9a-f]{24,64}", re.IGNORECASE)
_PHONE = re.compile(r"\+?\(?\d[\d ()./-]{5,18}\d")
_PERSON = re.compile(r"(?:[A-ZÀ-ÞĀ-Ž][\w'’.-]*)(?: [A-ZÀ-ÞĀ-Ž][\w'’.-]*){1,3}")
_PERSONAL = "personal data, not used for training."


def guess_personal(name: str, counts: Mapping[str, int]) -> KindGuess | None:
    """An identifier (or, for links that repeat, a category) when the values name people or machines."""
    return (
        _email(counts)
        or _telephone(name, counts)
        or _link(counts)
        or _machine_key(counts)
        or _person(name, counts)
    )


def is_email(counts: Mapping[str, int]) -> bool:
    """Whether values, with their counts, are e-mail addresses."""
    return share(counts, _EMAIL) >= 0.8


def _email(counts: Mapping[str, int]) -> KindGuess | None:
    if not is_email(counts):
        return None
    return identifier(f"Holds e-mail addresses: {_PERSONAL}", sensitive=True)


def is_telephone(name: str, counts: Mapping[str, int]) -> bool:
    """Whether a column of this name with these values, with their counts, holds telephone numbers."""
    written = sum(not text.isdigit() for text in counts) >= len(counts) * 0.5
    named = bool(set(words_of(name)) & PHONE_WORDS)
    if (
        share(counts, _PHONE) < 0.8
        or distinct(counts) <= 0.5
        or not (named or written)
        or mostly_dates(counts)
    ):
        return False
    if any(sum(mark.isdigit() for mark in text) < 7 for text in some(counts, 50)):
        return False
    # Ungrouped digits with a decimal point are amounts, however long.
    return named or not all(re.fullmatch(r"-?\d+\.\d+", text) for text in some(counts, 50))


def _telephone(name: str, counts: Mapping[str, int]) -> KindGuess | None:
    if not is_telephone(name, counts):
        return None
    return identifier(f"Holds telephone numbers: {_PERSONAL}", sensitive=True)


def _link(counts: Mapping[str, int]) -> KindGuess | None:
    if share(counts, _URL) < 0.8:
        return None
    if distinct(counts) > 0.5:
        return identifier("Holds web addresses, nearly all different: not used for training.")
    return KindGuess(Kind.CATEGORY, ["Holds web addresses that repeat; each address is a level."])


def _machine_key(counts: Mapping[str, int]) -> KindGuess | None:
    if share(counts, _UUID) < 0.9:
        return None
    return identifier("Holds machine-made keys: not used for training.")


def _person(name: str, counts: Mapping[str, int]) -> KindGuess | None:
    words = set(words_of(name))
    named = bool(words & NAME_WORDS) and not words & THING_WORDS
    enough = 0.3 if named else 0.9
    if share(counts, _PERSON) < 0.8 or distinct(counts) <= enough or sum(counts.values()) < 20:
        return None
    return identifier(f"Looks like names of people or firms: {_PERSONAL}", sensitive=True)
