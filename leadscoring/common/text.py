"""Text from outside, made fit to be stored, compared and sent."""

from __future__ import annotations

import hashlib
import re

#: Unicode's categories Cc, but for tab and line feed, and Cs.
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def plain(text: str, limit: int) -> str:
    """The text without what databases and mail headers refuse (NUL and other controls, lone surrogates), at most
    `limit` characters long.

    >>> plain("a\\x00b\\ud800", 10), plain("abcdef", 4)
    ('a�b�', 'abc…')
    """
    # A longer text is cut first: a value of megabytes is not looked through.
    clean = _REFUSED.sub("\ufffd", text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def line(text: str, limit: int) -> str:
    """The same on one line.

    >>> line("a\\n  b", 10)
    'a b'
    """
    return plain(" ".join(plain(text, limit * 2).split()), limit)


def stable_key(text: str, limit: int) -> str:
    """A key of at most `limit` characters: short ones as they are, longer ones cut with a digest at the end, so that
    two long ones stay two.

    >>> stable_key("feature=budget", 20), len(stable_key("x" * 500, 40))
    ('feature=budget', 40)
    """
    clean = plain(text, max(len(text), 1))
    if len(clean) <= limit and clean == text:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{clean[: limit - 17]}~{digest}"
