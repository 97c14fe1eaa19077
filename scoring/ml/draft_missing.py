"""Which values of a column stand for nothing: words for “not filled in”, impossible numbers and dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scoring.ml.dates import parse_date

_NOTHING = """
n/a|na|#n/a|#na|#null!|#value!|#ref!|#div/0!|nan|null|nil|undefined|unknown|unspecified|not specified
not available|not provided|not given|not applicable|not entered|not set|missing|no data|no answer
prefer not to say|tbd|tba|blank|select|please select|select one|choose|please choose|choose one
-select-|--select--|-- select --|- select -|<select>
k.a.|k. a.|keine angabe|unbekannt|nicht bekannt|bitte wählen|bitte auswählen|leer
inconnu|inconnue|non renseigné|non précisé|nc|n.c.|sélectionner|veuillez sélectionner
desconocido|sin especificar|sin datos|s/d|no disponible|no especificado|seleccionar|seleccione
desconhecido|não informado|nao informado|selecione|sconosciuto|non specificato|n.d.|nd|seleziona|onbekend
неизвестно|не указано|нет данных|غير معروف|غير محدد|未知|不明|未填写
"""
NOTHING = frozenset(word for line in _NOTHING.split("\n") for word in line.split("|") if word)
"""Words that mean “not filled in” whatever the column."""

_PERHAPS = (
    "none nothing never keine keiner kein nichts aucun aucune rien ninguno ninguna nada nenhum nenhuma "
    "nessuno niente"
)
PERHAPS_NOTHING = frozenset(_PERHAPS.split())
"""Words that are an answer in one column (“none of these”) and nothing in another."""

_SIGNS = re.compile(r"[\W_]+")
_NULL_DATES = ("0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00.00.0000", "00-00-0000", "0/0/0000")
_FAR_DATES = (
    "0001-01-01 1753-01-01 1899-12-30 1899-12-31 1900-01-01 1970-01-01 2099-12-31 2999-12-31 9999-12-31"
)
_FAR_DAYS = {parse_date(text, "iso"): text for text in _FAR_DATES.split()}
_NINES = tuple(float(sign + "9" * digits) for digits in range(3, 11) for sign in ("", "-"))
_SENTINELS = (*_NINES, -1.0, -9.0, -99.0)


@dataclass(frozen=True, slots=True)
class MissingToken:
    """A value that is read as nothing: as written, how often, and why."""

    text: str
    count: int
    reason: str


def missing_words(counts: Mapping[str, int]) -> list[MissingToken]:
    """The values (stripped text → rows) that mean “not filled in” in any column."""
    found = []
    for text, count in counts.items():
        folded = text.casefold()
        if folded in NOTHING or folded in _NULL_DATES:
            found.append(MissingToken(text, count, "means “not filled in”"))
        elif (
            _SIGNS.fullmatch(text) and text.isprintable() and not any(mark in "€$£%★✓✔✗✘☑☒" for mark in text)
        ):
            found.append(MissingToken(text, count, "holds no letter and no digit"))
    return found


def missing_numbers(values: Mapping[float, int]) -> list[MissingToken]:
    """Numbers that stand for “never” or “unknown”: a lone -1 below zero, or nines far from all others."""
    found = []
    total = sum(values.values())
    for sentinel in _SENTINELS:
        count = values.get(sentinel, 0)
        if count < max(3, 0.002 * total):
            continue
        others = [value for value in values if value != sentinel and value not in _SENTINELS]
        if len(others) < 3:
            continue
        low, high = min(others), max(others)
        if sentinel < 0 <= low and (high > 2 or not float(high).is_integer()):
            found.append(MissingToken(f"{sentinel:.0f}", count, "is the only negative number of the column"))
        elif sentinel > 0 and high * 2 < sentinel:
            found.append(
                MissingToken(f"{sentinel:.0f}", count, f"lies far above all others (at most {high:g})")
            )
    return found


def missing_dates(days: Mapping[float, int], written: Mapping[float, str]) -> list[MissingToken]:
    """Dates that systems write for “none” (1900-01-01, 9999-12-31 …), far from all other dates."""
    others = [value for value in days if value not in _FAR_DAYS]
    if not others:
        return []
    low, high = min(others), max(others)
    return [
        MissingToken(written[value], days[value], "is a date that systems write for “none”")
        for value in days
        if value in _FAR_DAYS and (value < low - 365 or value > high + 365)
    ]
