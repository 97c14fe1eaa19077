"""What kind of values a column holds, judged by its values first and its name second."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from scoring.ml.draft_dates import guess_date
from scoring.ml.draft_guess import READABLE, KindGuess, distinct, identifier, remark_unreadable, some
from scoring.ml.draft_missing import PERHAPS_NOTHING, MissingToken, missing_numbers
from scoring.ml.draft_personal import guess_personal
from scoring.ml.labels import words_of
from scoring.ml.parsing import number_text, parse_number, shown
from scoring.ml.phrases import count
from scoring.ml.values import Kind
from scoring.ml.words import CODE_WORDS, FALSE_WORDS, ID_WORDS, TRUE_WORDS

_SINGLE_PAIRS = tuple(set(pair) for pair in ("yn", "tf", "jn", "on", "sn", "10", "x", "1", "y", "j"))


def guess_kind(name: str, counts: Mapping[str, int], order_first: list[str]) -> KindGuess:
    """The kind of a column from its filled values.

    `counts` maps stripped texts (missing words taken out) to rows; `order_first` holds the first values in
    file order, which tells row numbers from measurements.
    """
    return (
        _yes_no(counts)
        or guess_personal(name, counts)
        or guess_date(counts)
        or _number(name, counts, order_first)
        or _words(name, counts)
    )


def _yes_no(counts: Mapping[str, int]) -> KindGuess | None:
    folded = {text.casefold() for text in counts}
    yes, no = folded & TRUE_WORDS, folded & FALSE_WORDS
    if not folded or len(folded) > 6 or folded - yes - no:
        return None
    letters = {text for text in folded if len(text) == 1}
    if letters and letters == folded and letters not in _SINGLE_PAIRS:
        return None
    if not yes:
        return None
    if len(folded) > 1 and not no:
        return None
    guess = KindGuess(Kind.YES_NO)
    guess.true_values = tuple(sorted(text for text in counts if text.casefold() in TRUE_WORDS))
    guess.false_values = tuple(sorted(text for text in counts if text.casefold() in FALSE_WORDS))
    if len(folded) > 2:
        guess.notes.append(f"Several spellings of yes and no were put together: {', '.join(sorted(counts))}.")
    if not no:
        guess.notes.append(
            f"Only “{guess.true_values[0]}” or nothing is entered; a blank is read as missing, not as no."
        )
    return guess


def _number(name: str, counts: Mapping[str, int], order_first: list[str]) -> KindGuess | None:
    sample = some(counts, 5000)
    total = max(sum(sample.values()), 1)
    parsed = {mark: _parsed(sample, mark) for mark in (".", ",")}
    readable = {mark: sum(sample[text] for text in values) for mark, values in parsed.items()}
    decimal = "," if readable[","] > readable["."] else "."
    repeated = {
        text: n
        for text, n in sample.items()
        if text not in parsed[decimal] and text.casefold() in PERHAPS_NOTHING
    }
    if readable[decimal] + sum(repeated.values()) < READABLE * total or not readable[decimal]:
        return None
    guess = KindGuess(Kind.NUMBER, decimal=decimal)
    guess.tokens += [
        MissingToken(text, n, "is no number in a column of numbers") for text, n in repeated.items()
    ]
    texts, values = list(parsed[decimal]), parsed[decimal]
    code = _code_note(name, texts, values, counts, order_first)
    if code is not None:
        return code
    _marks(guess, texts, readable)
    remark_unreadable(guess, sample, set(texts) | set(repeated), "a number")
    by_value: Counter[float] = Counter()
    for text, value in values.items():
        by_value[value] += counts[text]
    guess.tokens += missing_numbers(by_value)
    if len(by_value) <= 10 and all(value.is_integer() for value in by_value) and len(by_value) > 2:
        listed = ", ".join(number_text(value) for value in sorted(by_value))
        guess.notes.append(
            f"Few whole numbers ({listed}): read as a number; make it a category if they are codes."
        )
    return guess


def number_marks(counts: Mapping[str, int]) -> tuple[str, str]:
    """The decimal and the thousands mark of a column that somebody says holds numbers, whatever else stands in it.

    >>> number_marks({"1.250,50": 1, "900,00": 2, "much": 9}), number_marks({"much": 1})
    ((',', '.'), ('.', ''))
    """
    sample = some(counts, 5000)
    numbers = _parsed(sample, ".").keys() | _parsed(sample, ",").keys()
    guess = _number("", {text: n for text, n in sample.items() if text in numbers}, [])
    return (guess.decimal, guess.thousands) if guess is not None and guess.kind is Kind.NUMBER else (".", "")


def _code_note(
    name: str,
    texts: list[str],
    values: Mapping[str, float],
    counts: Mapping[str, int],
    order_first: list[str],
) -> KindGuess | None:
    words = set(words_of(name))
    zeros = [text for text in texts if len(text) > 1 and text.isdigit() and text[0] == "0"]
    if len(zeros) >= max(1, 0.005 * len(texts)) or (
        words & CODE_WORDS and all(text.isdigit() for text in texts)
    ):
        why = f"“{zeros[0]}” begins with a zero" if zeros else "its name says so"
        kind = Kind.CATEGORY if distinct(counts) < 0.8 else Kind.IDENTIFIER
        what = "a category" if kind is Kind.CATEGORY else "an identifier"
        return KindGuess(kind, [f"Digits that are codes, not amounts ({why}): read as {what}."])
    whole = all(value.is_integer() for value in values.values())
    if not whole or len(counts) < 20 or distinct(counts) < 0.999:
        return None
    first = [values[text] for text in order_first if text in values]
    steps = [b - a for a, b in pairwise(first)]
    counting = (
        len(steps) >= 10 and sum(step == steps[0] for step in steps) >= 0.9 * len(steps) and steps[0] != 0
    )
    if counting:
        return identifier("Counts the rows: not used for training.")
    if words & ID_WORDS:
        return identifier("Whole numbers, all different, and named like a key: not used for training.")
    return None


def _marks(guess: KindGuess, texts: list[str], readable: Mapping[str, int]) -> None:
    other = "," if guess.decimal == "." else "."
    grouped = [text for text in texts if other in text]
    if grouped:
        guess.thousands = other
        if readable["."] == readable[","]:
            guess.notes.append(
                f"“{other}” is read as a thousands mark (“{shown(grouped[0])}”); "
                "it could be a decimal mark. Please check."
            )
        else:
            guess.notes.append(f"“{other}” is read as a thousands mark, as in “{shown(grouped[0])}”.")
    if guess.decimal == "," and any("," in text for text in texts):
        example = next(text for text in texts if "," in text)
        guess.notes.append(f"The comma is read as a decimal mark, as in “{shown(example)}”.")
    for sign in ("%", "€", "$", "£", "¥", "₹"):
        if sum(sign in text for text in texts) > 0.5 * len(texts):
            guess.unit = sign


def _words(name: str, counts: Mapping[str, int]) -> KindGuess:
    total = sum(counts.values())
    sample = some(counts, 3000)
    length = sum(len(text) for text in sample) / max(len(sample), 1)
    spaces = sum(text.count(" ") for text in sample) / max(len(sample), 1)
    guess = KindGuess(Kind.CATEGORY)
    if total >= 20 and distinct(counts) > 0.3 and (spaces >= 3 or length > 60):
        guess.kind = Kind.TEXT
        guess.notes.append("Free text: mostly different and several words long.")
        return guess
    if total >= 20 and distinct(counts) >= 0.95:
        return identifier("Nearly every value is different: not used for training.")
    perhaps = [text for text in counts if text.casefold() in PERHAPS_NOTHING]
    for text in perhaps:
        guess.notes.append(
            f"“{text}” ({count(counts[text], 'row')}) is kept as an answer of its own; "
            "list it as missing if it means “not filled in”."
        )
    if len(counts) > 50:
        guess.notes.append(f"{len(counts):,} different values: rare ones are pooled in training.")
    folded: dict[str, list[str]] = {}
    for text in sample:
        folded.setdefault(re.sub(r"\W+", "", text.casefold()), []).append(text)
    twins = [group for key, group in folded.items() if key and len(group) > 1]
    if twins:
        listed = "; ".join(" / ".join(group[:3]) for group in twins[:3])
        guess.notes.append(f"Values that differ only in case or signs are kept apart: {listed}.")
    return guess


def _parsed(sample: Mapping[str, int], decimal: str) -> dict[str, float]:
    return {text: value for text in sample if (value := parse_number(text, decimal)) is not None}
