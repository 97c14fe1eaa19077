"""The one error of this package, and the reading of untrusted JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

DEEPEST = 200
"""Nesting of a model file. Honest ones stay far below; deeper ones would exhaust the reader."""
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class AdoptionError(ValueError):
    """A model that cannot be adopted; `reasons` are sentences, all that were found, not only the first."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons: tuple[str, ...] = reasons


def read_json(data: bytes, what: str) -> Any:
    """The JSON value of these bytes; NaN, infinities, doubled keys and deep nesting are refused.

    Raises AdoptionError.
    """
    # Counted before parsing: the parser itself goes as deep as the text says.
    if _depth(data) > DEEPEST:
        raise AdoptionError(f"{what} is nested more than {DEEPEST} levels deep.")
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise AdoptionError(f"{what} is not UTF-8 text (byte {error.start}).") from None
    except RecursionError:
        raise AdoptionError(f"{what} is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise AdoptionError(
            f"{what} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except ValueError as error:
        raise AdoptionError(f"{what} cannot be read: {str(error)[:120]}.") from None


def _depth(data: bytes) -> int:
    marks = np.frombuffer(_TEXT.sub(b"", data), dtype=np.uint8)
    opened = np.isin(marks, np.frombuffer(b"[{", dtype=np.uint8)).astype(np.int64)
    closed = np.isin(marks, np.frombuffer(b"]}", dtype=np.uint8)).astype(np.int64)
    return int(np.cumsum(opened - closed).max(initial=0))


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
