"""Checks of the parts of a model document: numbers, lists, and the encoder with all its indices."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Any, TypeVar

from scoring.ml.encoding import FIRST_LEVEL, PART_SIZES, Op, Via
from scoring.ml.values import Kind

E = TypeVar("E", bound=StrEnum)

LARGEST = 1e300
MAX_COLUMNS = 20_000
MAX_LIST = 5_000_000
_NUMERIC = {Kind.NUMBER, Kind.YES_NO, Kind.DATE}
_KINDS: Mapping[Op, set[Kind]] = {
    Op.NUMBER: _NUMERIC,
    Op.SCALED: _NUMERIC,
    Op.HINGE: _NUMERIC,
    Op.WORDS: {Kind.TEXT},
    Op.PART: {Kind.DATE},
    Op.BETWEEN: {Kind.DATE},
}
_KEY_KINDS: Mapping[Via, set[Kind]] = {
    Via.LEVEL: {Kind.CATEGORY},
    Via.EXACT: {Kind.CATEGORY, Kind.TEXT},
    Via.BINS: _NUMERIC,
    Via.MONTH: {Kind.DATE},
    Via.WEEKDAY: {Kind.DATE},
    Via.HOUR: {Kind.DATE},
}
_KEYED = {Op.CODE, Op.TABLE, Op.LEVEL_IS, Op.PAIR}


class DocumentError(ValueError):
    """A model document that cannot be used; the message names the path, the value and what was expected."""


def number(value: object, path: str, low: float = -LARGEST, high: float = LARGEST) -> float:
    """A finite number within bounds. Raises DocumentError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise DocumentError(f"{path}: expected a number between {low:g} and {high:g}")
    return float(value)


def integer(value: object, path: str, low: int, high: int) -> int:
    """A whole number within bounds. Raises DocumentError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise DocumentError(f"{path}: expected a whole number between {low} and {high}")
    return value


def numbers(value: object, path: str, *, length: int | None = None) -> list[float]:
    """A list of finite numbers. Raises DocumentError."""
    items = _list(value, path)
    if length is not None and len(items) != length:
        raise DocumentError(f"{path}: got {len(items)} numbers; expected {length}")
    for i, item in enumerate(items):
        if type(item) is float and -LARGEST <= item <= LARGEST:
            continue
        number(item, f"{path}[{i}]")
    return items


def objects(value: object, path: str, *, most: int) -> list[dict[str, Any]]:
    """A list of objects. Raises DocumentError."""
    items = _list(value, path)
    if len(items) > most:
        raise DocumentError(f"{path}: got {len(items)} entries; expected at most {most}")
    for i, item in enumerate(items):
        if not isinstance(item, dict):
            raise DocumentError(f"{path}[{i}]: expected an object")
    return items


def check_encoder(value: object, kinds: Mapping[str, Kind]) -> int:
    """The number of columns of an encoder over features of these kinds. Raises DocumentError."""
    if not isinstance(value, dict):
        raise DocumentError("encoder: expected an object with “keys” and “columns”")
    keys = objects(value.get("keys"), "encoder.keys", most=MAX_COLUMNS)
    sizes = [_check_key(key, f"encoder.keys[{i}]", kinds) for i, key in enumerate(keys)]
    columns = objects(value.get("columns"), "encoder.columns", most=MAX_COLUMNS)
    for i, column in enumerate(columns):
        _check_column(column, f"encoder.columns[{i}]", kinds, keys, sizes)
    return len(columns)


def _list(value: object, path: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_LIST:
        raise DocumentError(f"{path}: expected a list")
    return value


def _feature(item: Mapping[str, Any], name: str, path: str, kinds: Mapping[str, Kind]) -> Kind:
    feature = item.get(name)
    if not isinstance(feature, str) or feature not in kinds:
        raise DocumentError(f"{path}.{name}: expected the name of a feature that may train")
    return kinds[feature]


def _check_key(key: Mapping[str, Any], path: str, kinds: Mapping[str, Kind]) -> int:
    kind = _feature(key, "feature", path, kinds)
    via = _choice(Via, key.get("via"), f"{path}.via")
    if kind not in _KEY_KINDS[via]:
        raise DocumentError(f"{path}.via: “{via}” does not go with a {kind} feature")
    if via in (Via.LEVEL, Via.EXACT):
        names = [*_list(key.get("levels", []), f"{path}.levels"), *_list(key.get("rare", []), f"{path}.rare")]
        if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
            raise DocumentError(f"{path}.levels: expected texts, each only once")
        return FIRST_LEVEL + len(key.get("levels", []))
    if via is Via.BINS:
        edges = numbers(key.get("edges", []), f"{path}.edges")
        if any(a >= b for a, b in pairwise(edges)):
            raise DocumentError(f"{path}.edges: expected rising numbers")
        return FIRST_LEVEL + len(edges) + 1
    return FIRST_LEVEL + PART_SIZES[via]


def _check_column(
    column: Mapping[str, Any],
    path: str,
    kinds: Mapping[str, Kind],
    keys: list[dict[str, Any]],
    sizes: list[int],
) -> None:
    op = _choice(Op, column.get("op"), f"{path}.op")
    if _feature(column, "feature", path, kinds) not in _KINDS.get(op, set(Kind)):
        raise DocumentError(f"{path}.op: “{op}” does not go with this kind of feature")
    constants = numbers(column.get("numbers", []), f"{path}.numbers")
    if op in (Op.PAIR, Op.BETWEEN):
        if _feature(column, "other", path, kinds) not in _KINDS.get(op, set(Kind)):
            raise DocumentError(f"{path}.other: “{op}” does not go with this kind of feature")
    elif "other" in column:
        raise DocumentError(f"{path}.other: “{op}” has one feature only")
    if op is Op.PART and _choice(Via, column.get("via"), f"{path}.via") not in PART_SIZES:
        raise DocumentError(f"{path}.via: expected month, weekday or hour")
    if op in (Op.SCALED, Op.HINGE) and (
        len(constants) != 4 or constants[0] > constants[1] or constants[3] <= 0
    ):
        raise DocumentError(f"{path}.numbers: expected low, high, origin and a scale above 0")
    if op in _KEYED:
        size = _key_of(column, "key", "feature", path, keys, sizes)
        if op is Op.TABLE and len(constants) != size:
            raise DocumentError(
                f"{path}.numbers: got {len(constants)}; expected one for each of {size} codes"
            )
        if op is Op.LEVEL_IS:
            integer(column.get("code"), f"{path}.code", 0, size - 1)
        if op is Op.PAIR:
            _check_pair(column, path, size, _key_of(column, "other_key", "other", path, keys, sizes))


def _check_pair(column: Mapping[str, Any], path: str, size: int, other: int) -> None:
    cells = _list(column.get("cells", []), f"{path}.cells")
    values = numbers(column.get("cell_values", []), f"{path}.cell_values")
    last = -1
    for i, cell in enumerate(cells):
        last = integer(cell, f"{path}.cells[{i}]", last + 1, size * other - 1)
    if len(values) != len(cells):
        raise DocumentError(
            f"{path}.cell_values: got {len(values)}; expected one for each of {len(cells)} cells"
        )


def _key_of(
    column: Mapping[str, Any],
    name: str,
    feature: str,
    path: str,
    keys: list[dict[str, Any]],
    sizes: list[int],
) -> int:
    at = integer(column.get(name), f"{path}.{name}", 0, len(keys) - 1)
    if keys[at]["feature"] != column[feature]:
        raise DocumentError(
            f"{path}.{name}: that key reads “{str(keys[at]['feature'])[:60]}”, not this feature"
        )
    return sizes[at]


def _choice(kind: type[E], value: object, path: str) -> E:
    for member in kind:
        if member.value == value:
            return member
    raise DocumentError(f"{path}: expected one of {', '.join(str(member.value) for member in kind)}")
