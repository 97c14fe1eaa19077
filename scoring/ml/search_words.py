"""The words by which people look for a lead, cut the same way when they are kept and when they are looked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MOST_WORDS = 60
LONGEST_WORD = 40
MOST_TEXT = 500
MOST_ASKED = 6
_WORD = re.compile(r"[^\W_]+")
_ALIKE = str.maketrans({"ß": "ss", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "đ": "d", "Đ": "d", "ı": "i"})
_PHONE = re.compile(r"\+?[\d ()./-]{7,24}")


def plain(text: str) -> str:
    """Lower case, without accents, full-width forms and the like as their plain letters.

    >>> plain("Zoë STRAẞE")
    'zoe strasse'
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_ALIKE))
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """The words of a text, in order, each once; a telephone number also as its digits in one piece.

    >>> words("Zoë Müller-Haddad")
    ['zoe', 'muller', 'haddad']
    >>> words("+971 50 123-4567")
    ['971', '50', '123', '4567', '971501234567']
    >>> words("a.haddad@example.com")
    ['a', 'haddad', 'example', 'com', 'a.haddad@example.com']
    """
    shown = plain(text[:MOST_TEXT])
    found = [word[:LONGEST_WORD] for word in _WORD.findall(shown)]
    whole = shown.strip()
    if _PHONE.fullmatch(whole) and len(found) > 1:
        found.append("".join(found)[:LONGEST_WORD])
    elif "@" in whole and not any(letter.isspace() for letter in whole):
        found.append(whole[:LONGEST_WORD].replace("'", ""))
    return list(dict.fromkeys(found))


def kept(texts: Iterable[str]) -> str:
    """All words of some texts as they are kept: each once, a space between, at most `MOST_WORDS`.

    >>> kept(["L-12", "Amal Haddad", "amal@example.com"])
    'l 12 amal haddad example com amal@example.com'
    """
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(words(text)))
    return " ".join(list(found)[:MOST_WORDS])


def asked(text: str) -> list[str]:
    """The beginnings of words to look for: all of them must be found. An e-mail address or a telephone number
    is looked for in one piece.

    >>> asked("Haddad, am"), asked("+971 50 123"), asked("amal.h@exa")
    (['haddad', 'am'], ['97150123'], ['amal.h@exa'])
    """
    shown = plain(text[:MOST_TEXT]).strip()
    if _PHONE.fullmatch(shown):
        return ["".join(_WORD.findall(shown))[:LONGEST_WORD]]
    if "@" in shown and not any(letter.isspace() for letter in shown):
        whole = shown[:LONGEST_WORD].replace("'", "")
        return [whole] if _WORD.search(whole) else []
    return [word[:LONGEST_WORD] for word in dict.fromkeys(_WORD.findall(shown))][:MOST_ASKED]
