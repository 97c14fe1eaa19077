"""Where in a JSON body something is: for people (`leads[3].attributes.age`) and for programs
(`/leads/3/…`)."""

from __future__ import annotations

import json
import re

from leadscoring.common.errors import FieldError

Path = tuple[str | int, ...]
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
LONGEST_SHOWN = 80


def spoken(path: Path) -> str:
    """The path as people write it.

    >>> spoken(("leads", 3, "attributes", "Visa quota"))
    'leads[3].attributes["Visa quota"]'
    >>> spoken(())
    'the body'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif PLAIN_NAME.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{shown(part)}]"
    return text or "the body"


def pointer(path: Path) -> str:
    """The path as a JSON Pointer (RFC 6901).

    >>> pointer(("attributes", "a/b~c"))
    '/attributes/a~1b~0c'
    """
    parts = (printable(str(part)).replace("~", "~0").replace("/", "~1") for part in path)
    return "".join(f"/{part}" for part in parts)


def printable(text: str) -> str:
    """The text with lone surrogates and NUL written as escapes, so that it can be encoded and stored
    anywhere."""
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode("utf-8")


def shown(value: object) -> str:
    """A value as JSON, shortened, safe to print.

    >>> shown({"a": 1})
    '{"a": 1}'
    >>> shown("x" * 200)[-20:]
    'xx… (200 characters)'
    """
    if isinstance(value, str):
        text = json.dumps(value[: LONGEST_SHOWN + 1], ensure_ascii=False)
        cut = len(value) > LONGEST_SHOWN
        text = text[: LONGEST_SHOWN + 1] + f"… ({len(value)} characters)" if cut else text
        return printable(text)
    if isinstance(value, dict | list) and len(value) > 8:
        return f"an object with {len(value)} names" if isinstance(value, dict) else f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return printable(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")


def kind_of(value: object) -> str:
    """What a JSON value is, in a word.

    >>> kind_of(None), kind_of(True), kind_of(1.5), kind_of({})
    ('null', 'yes/no', 'a number', 'an object')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes/no"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"


def wrong(path: Path, value: object, expected: str) -> FieldError:
    """One thing wrong at one place."""
    return FieldError(pointer(path), shown(value), expected)
