"""E-mail addresses and telephone numbers in one form, so that the same person written twice is found.

Careful in both directions: what two people may share (a test address, a row of zeros) has no form and matches
nobody, and a match is only ever a proposal that a person confirms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal

from scoring.ml.draft_personal import is_email, is_telephone

Contact = Literal["email", "phone"]

_MARK = r'[^@\s<>(),;:".]'
_ADDRESS = re.compile(rf"{_MARK}(?:\.?{_MARK})*@(?:{_MARK}+\.)+[^@\s<>(),;:\".\d]{_MARK}+")
_IN_BRACKETS = re.compile(r"<([^<>]*)>\s*$")
_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_JUNK_NAMES = frozenset(
    {
        "test",
        "tester",
        "testing",
        "none",
        "no",
        "na",
        "n/a",
        "null",
        "nil",
        "unknown",
        "email",
        "mail",
        "noemail",
    }
    | {"nomail", "no-email", "no-mail", "noreply", "no-reply", "donotreply", "do-not-reply", "asdf", "qwerty"}
    | {"abc", "xyz", "xxx", "x", "a", "aa", "aaa", "user", "example", "customer"}
)
_JUNK_DOMAINS = frozenset(
    {"example.com", "example.org", "example.net", "test.com", "test.test", "email.com", "mail.com"}
)
_JUNK_ENDINGS = (".test", ".example", ".invalid", ".localhost", ".local")
LONGEST_ADDRESS = 254

_EXTENSION = re.compile(r"(?:\bext(?:ension)?\.?|\bx|#|;ext=)\s*:?\s*\d{1,6}\s*$", re.IGNORECASE)
_ALLOWED = re.compile(r"[\d\s().+/\-‐‑–—\u00a0]+")
LEAST_DIGITS, MOST_DIGITS = 7, 15
"""ITU-T E.164 allows 15 digits; below 7 a number is an extension or a typing error."""
_RUNS = ("01234567890123456789", "98765432109876543210")


def normal_email(value: object) -> str | None:
    """An address in the form that is compared, or None where it names no one person.

    Letters become small; a display name and `mailto:` go. A `+tag` goes for every domain: it is the owner's own
    mark. Dots in the local part go for Gmail alone, where they mean nothing; elsewhere they may tell two people
    apart. Test addresses and reserved domains (RFC 2606) have no form.

    >>> normal_email(" Anna <Anna.Lee+ads@GoogleMail.com> ")
    'annalee@gmail.com'
    >>> normal_email("anna.lee+x@firm.ae"), normal_email("test@test"), normal_email("test@firm.ae")
    ('anna.lee@firm.ae', None, None)
    """
    if not isinstance(value, str) or len(value) > LONGEST_ADDRESS * 2:
        return None
    text = unicodedata.normalize("NFKC", value).strip()
    bracketed = _IN_BRACKETS.search(text)
    text = (bracketed[1] if bracketed else text).strip().casefold().removeprefix("mailto:")
    if len(text) > LONGEST_ADDRESS or _ADDRESS.fullmatch(text) is None:
        return None
    local, _, domain = text.rpartition("@")
    local = local.partition("+")[0]
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    plain = local.strip("0123456789")
    if not local or plain in _JUNK_NAMES or domain in _JUNK_DOMAINS or domain.endswith(_JUNK_ENDINGS):
        return None
    return f"{local}@{domain}"


def normal_phone(value: object, *, country_code: str = "") -> str | None:
    """A number as `+` and digits, or None where it is no number or a made-up one.

    `+` and `00` start a country code. Without either, `country_code` is put before the number and one leading zero
    (the national prefix) goes; a number that already begins with that code and is long enough keeps it. Without a
    `country_code` such a number keeps its own digits after a `~`, and so matches only numbers written like it.

    >>> normal_phone("+971 (0)50 812 4467"), normal_phone("050-8124467", country_code="971")
    ('+971508124467', '+971508124467')
    >>> normal_phone("050 812 4467"), normal_phone("0000000"), normal_phone("1234567"), normal_phone("Dubai")
    ('~0508124467', None, None, None)
    """
    text = _as_text(value)
    if text is None:
        return None
    text = _EXTENSION.sub("", text).removeprefix("tel:").strip()
    if _ALLOWED.fullmatch(text) is None or "+" in text[1:]:
        return None
    abroad = text.startswith("+")
    digits = re.sub(r"\D", "", text.replace("(0)", "") if abroad or text.startswith("00") else text)
    if not abroad and digits.startswith("00"):
        abroad, digits = True, digits[2:]
    if not LEAST_DIGITS <= len(digits) <= MOST_DIGITS or _made_up(digits):
        return None
    if not abroad and not country_code:
        return f"~{digits}"
    return _with_country(digits, "" if abroad else country_code)


def _with_country(digits: str, country_code: str) -> str | None:
    """`+` and the whole number; `country_code` empty: it is there already."""
    # Long enough to hold the code and a whole number: written without its plus sign.
    if country_code and not (digits.startswith(country_code) and len(digits) - len(country_code) >= 8):
        national = digits.removeprefix("0")
        if national.startswith("0"):
            return None
        digits = country_code + national
    return f"+{digits}" if not digits.startswith("0") and 8 <= len(digits) <= MOST_DIGITS else None


def _as_text(value: object) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        # Spreadsheets turn numbers written without spaces into amounts.
        whole = isinstance(value, int) or value.is_integer()
        return str(int(value)) if whole and 0 < value < 10**MOST_DIGITS else None
    if not isinstance(value, str) or len(value) > 60:
        return None
    text = unicodedata.normalize("NFKC", value).strip()
    text = "".join(str(unicodedata.digit(mark)) if mark.isdigit() else mark for mark in text)
    return text.removesuffix(".0") if text.removesuffix(".0").isdigit() else text


def _made_up(digits: str) -> bool:
    """Rows of one or two figures, and counting up or down: what people type to get past a form."""
    tail = digits[-7:]
    return len(set(tail)) == 1 or len(set(digits)) <= 2 or any(tail in run for run in _RUNS)


def normal(kind: Contact, value: object, *, country_code: str = "") -> str | None:
    """The form of a value of this kind, or None."""
    return normal_email(value) if kind == "email" else normal_phone(value, country_code=country_code)


def contact_kind(name: str, counts: Mapping[str, int]) -> Contact | None:
    """What a column holds, judged by its name and its values with their counts.

    >>> contact_kind("Contact", {"a@b.ae": 1, "c@d.ae": 2})
    'email'
    """
    if not counts:
        return None
    if is_email(counts):
        return "email"
    return "phone" if is_telephone(name, counts) else None
