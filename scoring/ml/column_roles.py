"""What the columns of a file of leads seem to be for, guessed from their names and values, with the reason in words.

A guess only preselects: a person reads the reason and decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scoring.ml.dates import parse_date
from scoring.ml.draft_guess import some
from scoring.ml.draft_missing import NOTHING
from scoring.ml.parsing import parse_number, shown
from scoring.ml.phrases import count, percent
from scoring.ml.words import FALSE_WORDS, ID_WORDS, TRUE_WORDS

Values = Mapping[str, Counter[str]]

MOST_OUTCOMES = 15
_WON = "won converted customer signed paid bought accepted gewonnen kunde client ganado ganho success successful sold"
_LOST = "lost rejected disqualified dead declined verloren perdu perdido unqualified junk not"
_OUTCOME = (
    "converted conversion won outcome result status y target success stage closed deal lead gewonnen ergebnis"
)
_STRONG = "converted conversion won outcome target y"
_CONSENT = (
    "newsletter subscribed subscriber subscription unsubscribed opt optin optout consent gdpr dsgvo marketing mailing "
    "einwilligung permission"
)
_CREATED = (
    "created creation entered received submitted registered inquiry enquiry erstellt angelegt creado date"
)
_DONE = "converted conversion closed close won signed conversion_date sold"
_MONEY = "revenue amount value price paid deal umsatz betrag wert turnover income sales ingresos montant"
_OWNER = "owner rep agent assigned salesperson seller consultant advisor account_manager manager"
_STAGE = "stage phase pipeline step status"
_SETS = {
    name: frozenset(words.split())
    for name, words in {
        "won": _WON,
        "lost": _LOST,
        "outcome": _OUTCOME,
        "strong": _STRONG,
        "consent": _CONSENT,
        "created": _CREATED,
        "done": _DONE,
        "money": _MONEY,
        "owner": _OWNER,
        "stage": _STAGE,
    }.items()
}
CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP", "₹": "INR", "¥": "JPY"}
_CODE = re.compile(r"\b(AED|USD|EUR|GBP|CHF|INR|SAR|QAR|SEK|NOK|DKK|PLN|CAD|AUD|JPY|CNY|SGD)\b")


@dataclass(frozen=True, slots=True)
class Guess:
    """A column for a role, and why."""

    column: str
    why: str


def guess_roles(values: Values, *, rows: int) -> dict[str, Guess]:
    """Role → guess, for the roles that a column fits; each column gets one role at most.

    `values` counts the filled cells of each column over the first `rows` rows.
    """
    found: dict[str, Guess] = {}
    taken: set[str] = set()

    def choose(role: str, score: Callable[[str], tuple[float, Guess] | None]) -> None:
        best: tuple[float, Guess] | None = None
        for column in values:
            if column in taken or not values[column]:
                continue
            one = score(column)
            if one is not None and (best is None or one[0] > best[0]):
                best = one
        if best is not None:
            found[role] = best[1]
            taken.add(best[1].column)

    choose("converted", lambda column: _outcome(column, values[column]))
    choose("id", lambda column: _id(column, values[column], rows))
    choose("converted_at", lambda column: _date(column, values[column], "done", "when it converted"))
    choose("created_at", lambda column: _date(column, values[column], "created", "when it was created"))
    choose("revenue", lambda column: _money(column, values[column]))
    choose("owner", lambda column: _named(column, values[column], rows, "owner", "who looks after it"))
    choose("stage", lambda column: _named(column, values[column], rows, "stage", "where it stands"))
    return found


def words_of(name: str) -> list[str]:
    """The words of a column name, in small letters: “LeadID” and “lead_id” are two words each."""
    parted = re.sub(r"(?<=[a-zäöüé])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^\w]+|_", parted.casefold()) if word]


def means_converted(value: str) -> bool:
    """Whether a value of an outcome column reads as “converted”."""
    words = words_of(value)
    return bool(_SETS["won"] & set(words) and not _SETS["lost"] & set(words)) or (
        len(words) == 1 and words[0] in TRUE_WORDS
    )


def currency_of(name: str, counts: Mapping[str, int]) -> str:
    """The code of the currency that a column's name or values show, or ""."""
    code = _CODE.search(name.upper())
    if code is not None:
        return code[1]
    for text in list(counts)[:50]:
        code = _CODE.search(text.upper())
        if code is not None:
            return code[1]
        sign = next((mark for mark in CURRENCIES if mark in text), None)
        if sign is not None:
            return CURRENCIES[sign]
    return ""


def _said(counts: Counter[str]) -> Counter[str]:
    """The values that say something, once each however they are capitalised, as they are written first."""
    written: dict[str, str] = {}
    said: Counter[str] = Counter()
    for value, n in counts.items():
        folded = value.casefold()
        if folded not in NOTHING:
            said[written.setdefault(folded, value)] += n
    return said


def _outcome(column: str, counts: Counter[str]) -> tuple[float, Guess] | None:
    counts = _said(counts)
    if not 2 <= len(counts) <= MOST_OUTCOMES:
        return None
    words = set(words_of(column))
    won = tuple(value for value in counts if means_converted(value))
    plain = {value.casefold() for value in counts}
    yes_no = plain <= TRUE_WORDS | FALSE_WORDS
    if yes_no:
        # The name alone tells a question about the sale from any other that is answered with yes or no.
        if words & _SETS["consent"]:
            return None
        words -= {"lead"}
        if words & _SETS["won"]:
            words |= {"success"}  # “Kunde: ja/nein”; weaker than a column that says won and lost
    if len(words) > 1:
        words -= {"y"}  # “Budget known (y/n)”: how it is answered, not what is asked
    score = 3.0 * bool(words & _SETS["strong"]) + 1.0 * bool(words & _SETS["outcome"])
    if not won or len(won) == len(counts):
        pass  # its values tell nothing; its name may
    elif yes_no:
        score += 1.0
    elif any(_SETS["won"] & set(words_of(value)) for value in won):
        score += 2.0
    elif any(not value.isdigit() for value in won):
        score += 1.0  # yes among other answers; a 1 among other numbers says nothing
    if score < 2.0:
        return None
    listed = ", ".join(f"“{shown(value, 30)}”" for value, _ in counts.most_common(4))
    return score, Guess(column, f"It holds {listed}.")


def _id(column: str, counts: Counter[str], rows: int) -> tuple[float, Guess] | None:
    words = words_of(column)
    filled = sum(counts.values())
    if not set(words) & ID_WORDS or filled < 0.9 * rows or len(counts) < 0.9 * filled:
        return None
    first = "lead" in words or words[0] in ID_WORDS
    return 1.0 + first, Guess(column, f"{count(len(counts), 'different value')} in {count(filled, 'row')}.")


def _date(column: str, counts: Counter[str], kind: str, meaning: str) -> tuple[float, Guess] | None:
    words = set(words_of(column))
    if not words & _SETS[kind] or (kind == "created" and words & _SETS["done"]):
        return None
    share = _share(counts, _is_date)
    if share < 0.6:
        return None
    strong = len(words & (_SETS[kind] - {"date"}))
    return share + strong, Guess(
        column, f"{percent(share)} of its values are dates, and its name says {meaning}."
    )


def _money(column: str, counts: Counter[str]) -> tuple[float, Guess] | None:
    words = set(words_of(column))
    share = _share(counts, _is_number)
    if not words & _SETS["money"] or share < 0.7:
        return None
    return share + ("revenue" in words), Guess(column, f"{percent(share)} of its values are amounts.")


def _named(
    column: str, counts: Counter[str], rows: int, kind: str, meaning: str
) -> tuple[float, Guess] | None:
    words = set(words_of(column))
    if not words & _SETS[kind] or len(counts) > max(0.5 * rows, 20) or _share(counts, _is_number) > 0.5:
        return None
    if {value.casefold() for value in counts} <= TRUE_WORDS | FALSE_WORDS:
        return None
    return 1.0, Guess(column, f"Its name says {meaning}; {count(len(counts), 'different value')}.")


def _share(counts: Counter[str], fits: Callable[[str], bool]) -> float:
    sample = some(counts, 300)
    return sum(n for text, n in sample.items() if fits(text)) / max(sum(sample.values()), 1)


def _is_date(text: str) -> bool:
    return any(parse_date(text, form) is not None for form in ("dmy", "mdy"))


def _is_number(text: str) -> bool:
    return parse_number(text) is not None or parse_number(text, ",") is not None
