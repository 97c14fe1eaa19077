"""Dials written as text, for a command line: KIND[:TARGET],key=value,…

broken-field:Budget,from=2026-05-01,how=missing
covariate-shift:region,to=Africa,from=2026-05-01,size=0.35,ramp=30
follow-up,size=0.9,effort=1/0.6/0.2/0
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import date
from typing import Any, Final

from leadscoring.simulation.changes import CHANGES
from leadscoring.simulation.dials import Dial
from leadscoring.simulation.follow_up import GRADES, ByHunch
from leadscoring.simulation.mess import MESS
from leadscoring.simulation.names import HEADERS, LEVELS, field_named, level_named

KINDS: Final[dict[str, type[Dial]]] = {kind.name: kind for kind in (*CHANGES, *MESS)}
# What stands behind the colon, by kind.
TARGETS: Final = {
    "covariate-shift": "field",
    "broken-field": "field",
    "changed-law": "how",
    "new-source": "source",
    "dead-source": "source",
    "corrections": "what",
}
# Keys as people write them, and the value's name in the dial.
KEYS: Final = {"from": "onset", "until": "end", "ramp": "ramp_days"}


def parse_dial(text: str) -> Dial:
    """The dial a text describes. Raises ValueError that names the text and what was expected."""
    head, *pairs = [part.strip() for part in text.split(",")]
    kind_name, _, target = (part.strip() for part in head.partition(":"))
    kind = KINDS.get(kind_name.lower())
    if kind is None:
        raise ValueError(f"dial {text!r}: there is no {kind_name!r}; expected one of {', '.join(KINDS)}")
    values: dict[str, Any] = {}
    if target:
        if kind.name not in TARGETS:
            raise ValueError(f"dial {text!r}: {kind.name} takes no target; expected {kind.name},key=value")
        values[TARGETS[kind.name]] = target
    allowed = _keys(kind)
    for pair in pairs:
        key, sign, value = (part.strip() for part in pair.partition("="))
        if key not in allowed or not sign:
            raise ValueError(
                f"dial {text!r}: {pair!r} is no value; expected key=value of {', '.join(allowed)}"
            )
        name = KEYS.get(key, key)
        if name in values:
            raise ValueError(f"dial {text!r}: {name} is given twice")
        values[name] = value
    required = TARGETS.get(kind.name, "")
    if kind.name in {"covariate-shift", "broken-field", "dead-source"} and required not in values:
        raise ValueError(f"dial {text!r}: the {required} is missing; expected {kind.name}:{required.upper()}")
    try:
        return kind(**_typed(kind, values))
    except ValueError as error:
        raise ValueError(f"dial {text!r}: {error}") from error


def _keys(kind: type[Dial]) -> list[str]:
    names = [field.name for field in fields(kind)]
    keys = [key for key, name in KEYS.items() if name in names]
    keys += [name for name in names if name not in {*KEYS.values(), "policy"}]
    return keys + (["effort", "blur"] if "policy" in names else [])


def _typed(kind: type[Dial], values: dict[str, str]) -> dict[str, Any]:
    typed: dict[str, Any] = {
        name: _READERS[name](name, value) if name in _READERS else value for name, value in values.items()
    }
    policy = {name: typed.pop(name) for name in ("effort", "blur") if name in typed}
    if policy:
        typed["policy"] = ByHunch(**policy)
    # Levels are written as the CRM writes them; a word that is no level stays, and the dial refuses it.
    for name in typed.keys() & {"to", "level", "source", "like", "region"}:
        levels_of = _LEVELS_OF.get((kind.name, name), typed.get("field") if name in {"to", "level"} else None)
        if levels_of in LEVELS and (kind.name, name) != ("broken-field", "to"):
            typed[name] = level_named(levels_of, typed[name]) or typed[name]
    return typed


_LEVELS_OF: Final = {
    ("dead-source", "source"): "source",
    ("broken-field", "source"): "source",
    ("new-source", "like"): "source",
    ("new-source", "region"): "region",
}


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{name} is {value!r}; expected a date such as 2026-05-01") from None


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{name} is {value!r}; expected a number") from None


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"{name} is {value!r}; expected a whole number") from None


def _field(name: str, value: str) -> str:
    found = field_named(value)
    if found is None:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(HEADERS.values())}, Region")
    return found


def _effects(name: str, value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split("/"))


def _effort(name: str, value: str) -> tuple[float, ...]:
    parts = value.split("/")
    if len(parts) != len(GRADES):
        raise ValueError(f"{name} is {value!r}; expected four numbers for grades A to D, such as 1/0.6/0.2/0")
    return tuple(_number(name, part) for part in parts)


_READERS: Final[dict[str, Callable[[str, str], Any]]] = {
    "onset": _day,
    "end": _day,
    "ramp_days": _whole,
    "field": _field,
    "effects": _effects,
    "effort": _effort,
    **dict.fromkeys(
        ("size", "times", "region_share", "effect", "factor", "traffic", "days", "hours", "blur"), _number
    ),
}
