"""The gate every JSON body passes: what comes out is an object of plain, storable values.

Python's parser takes NaN, lets 1e400 become infinity, keeps the last of two equal names, and hands on NUL and
lone surrogates that PostgreSQL or the encoder of the answer then dies of. Each of these is refused here, with
its place; so are bodies too large, too deep, cut short or not UTF-8. The C parser does the work; the checks
are one walk over the result.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, NoReturn

from django.http import HttpRequest
from django.http.request import UnreadablePostError

from leadscoring.common.errors import FieldError, Stop
from scoring.api.paths import Path, pointer, printable, shown, spoken

MAX_DEPTH = 32
MOST_ERRORS = 20
LARGEST_INTEGER = 2**63 - 1
LONGEST_INTEGER = len(str(LARGEST_INTEGER)) + 1
CHUNK = 65_536
UTF8_NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})


class BodyTooLarge(Stop):
    """More bytes than this call takes."""

    status = 413
    kind = "body-too-large"
    title = "The body is too large"


class MediaTypeRefused(Stop):
    """Not sent as JSON."""

    status = 415
    kind = "media-type"
    title = "The body is not sent as JSON"


class BadJson(Stop):
    """Not JSON, or JSON that cannot be stored and answered faithfully."""

    status = 400
    kind = "bad-json"
    title = "The body cannot be read as JSON"


class _Repeated(dict[str, Any]):
    """An object in which a name occurred twice; found by the walk, which knows the place."""

    name: str


class _Unreadable:
    """A number no number type holds."""

    def __init__(self, text: str) -> None:
        self.text = text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = _Repeated(found)
    repeated.name = Counter(name for name, _ in pairs).most_common(1)[0][0]
    return repeated


def _integer(text: str) -> int | _Unreadable:
    return _Unreadable(text) if len(text) > LONGEST_INTEGER else int(text)


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_Unreadable)
# A Python call for each whole number: only used to find the one that Python's own limit of 4,300 digits
# stopped at.
_long_integer_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_Unreadable, parse_int=_integer
)


def read_object(request: HttpRequest, *, limit: int) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        BodyTooLarge, MediaTypeRefused, BadJson: with the place and what was expected.
    """
    _check_media_type(request)
    return parse_object(_read(request, limit))


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in these bytes.

    Raises:
        BadJson: see the head of the module.
    """
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadJson(
            f"The body is not UTF-8: byte {error.start + 1} is 0x{raw[error.start]:02x}; expected JSON in "
            f"UTF-8."
        ) from None
    if not text.strip(" \t\r\n"):
        raise BadJson("The body is empty; expected a JSON object.")
    found = _decode(text)
    errors: list[FieldError] = []
    # Raw control characters are refused by the parser and UTF-8 holds no surrogates, so both need an escape.
    _check(found, (), 1, "\\u" in text, errors)
    if errors:
        raise BadJson(
            f"{errors[0].pointer or 'The body'} is {errors[0].value}; expected {errors[0].expected}.",
            errors=errors[:MOST_ERRORS],
        )
    if not isinstance(found, dict):
        raise BadJson(f"The body is {shown(found)}; expected a JSON object.")
    return found


def _decode(text: str) -> Any:
    try:
        try:
            return _decoder.decode(text)
        except json.JSONDecodeError as error:
            _not_json(error)
        except ValueError:
            return _long_integer_decoder.decode(text)
    except RecursionError:
        raise _too_deep("") from None


def _not_json(error: json.JSONDecodeError) -> NoReturn:
    around = error.doc[max(0, error.pos - 10) : error.pos + 10]
    raise BadJson(
        f"The body is not JSON: {error.msg[:1].lower()}{error.msg[1:]} at line {error.lineno}, column "
        f"{error.colno}, "
        f"near {shown(around)}; expected a JSON object.",
        more={"line": error.lineno, "column": error.colno},
    ) from None


def _too_deep(where: str) -> BadJson:
    place = f" at {where}" if where else ""
    return BadJson(f"The body is nested deeper than {MAX_DEPTH} levels{place}; expected at most {MAX_DEPTH}.")


def _check(value: Any, path: Path, depth: int, escapes: bool, errors: list[FieldError]) -> None:
    """Adds what is wrong with a value, and with all inside it, to `errors`."""
    kind = type(value)
    if kind is dict or kind is _Repeated:
        if depth > MAX_DEPTH:
            raise _too_deep(spoken(path[:4]) + "…")
        if kind is _Repeated:
            place = (*path, value.name)
            errors.append(FieldError(pointer(place), "there more than once", "each name once in an object"))
        for name, item in value.items():
            if escapes and not _storable(name):
                errors.append(FieldError(pointer((*path, name)), _what(name), "a name without it"))
            if len(errors) >= MOST_ERRORS:
                return
            inner = type(item)
            if inner is bool or item is None or (inner is str and not escapes):
                continue
            _check(item, (*path, name), depth + 1, escapes, errors)
    elif kind is list:
        if depth > MAX_DEPTH:
            raise _too_deep(spoken(path[:4]) + "…")
        for index, item in enumerate(value):
            if len(errors) >= MOST_ERRORS:
                return
            _check(item, (*path, index), depth + 1, escapes, errors)
    else:
        _check_scalar(value, path, escapes, errors)


def _check_scalar(value: Any, path: Path, escapes: bool, errors: list[FieldError]) -> None:
    if isinstance(value, str):
        if escapes and not _storable(value):
            errors.append(FieldError(pointer(path), f"text with {_what(value)}", "text without it"))
    elif isinstance(value, float):
        if not math.isfinite(value):
            expected = "a number below 1.8e308, or null"
            errors.append(FieldError(pointer(path), "too large a number", expected))
    elif isinstance(value, _Unreadable):
        digits = f"a whole number of {len(value.text)} digits" if value.text[-1:].isdigit() else value.text
        errors.append(FieldError(pointer(path), digits, "a number that JSON and 64 bits can hold, or null"))
    elif isinstance(value, int) and not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        found = f"a whole number of {len(str(abs(value)))} digits"
        errors.append(
            FieldError(pointer(path), found, "a whole number of 64 bits, a decimal number, or text")
        )


def _storable(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _what(text: str) -> str:
    if "\x00" in text:
        return "the NUL character (\\u0000)"
    lone = next(character for character in text if "\ud800" <= character <= "\udfff")
    return f"half a character ({printable(lone)}, a lone surrogate)"


def _check_media_type(request: HttpRequest) -> None:
    sent = request.META.get("CONTENT_TYPE", "")
    if request.content_type != "application/json":
        found = shown(sent) if sent else "missing"
        raise MediaTypeRefused(f"Content-Type is {found}; expected application/json.")
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.strip('"').casefold() not in UTF8_NAMES:
        raise MediaTypeRefused(f"The charset is {shown(charset)}; expected utf-8.")
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "identity")
    if encoding.casefold() != "identity":
        raise MediaTypeRefused(
            f"Content-Encoding is {shown(encoding)}; expected a body that is not compressed."
        )


def _read(request: HttpRequest, limit: int) -> bytes:
    """The body, never more than `limit` bytes of it in memory."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    length = int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 16 else None
    if declared and length is None:
        raise BadJson(f"Content-Length is {shown(declared[:40])}; expected a number of bytes.")
    if length is not None and length > limit:
        raise _too_large(f"{length} bytes", limit)
    # Sent in chunks, without a length: Django would see nothing, the server's own stream ends where the
    # body does.
    source = request if length is not None else request.META.get("wsgi.input")
    if source is None or (length is None and not request.META.get("wsgi.input_terminated")):
        return b""
    data = bytearray()
    try:
        while len(data) <= limit and (piece := source.read(min(CHUNK, limit + 1 - len(data)))):
            data += piece
    except (UnreadablePostError, OSError):
        raise BadJson(f"The body ended after {len(data)} bytes; expected {declared or 'more'}.") from None
    if len(data) > limit:
        raise _too_large(f"more than {limit} bytes", limit)
    if length is not None and len(data) < length:
        raise BadJson(f"The body ended after {len(data)} bytes; expected {length}.")
    return bytes(data)


def _too_large(found: str, limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body has {found}; expected at most {limit}.", more={"limit_bytes": limit})
