"""What a feature is and what a parsed value looks like: the vocabulary of every other module here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Value = float | str | None
"""A parsed value: NUMBER float; YES_NO 1.0 or 0.0; DATE days since 1970 (UTC); else text; None missing."""


class Kind(StrEnum):
    """How the values of a column are read."""

    NUMBER = "number"
    CATEGORY = "category"
    YES_NO = "yes_no"
    DATE = "date"
    TEXT = "text"
    IDENTIFIER = "identifier"


class KnownAt(StrEnum):
    """When a value becomes known in the life of a lead."""

    CREATION = "creation"
    CONTACT = "contact"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """One column of the leads: how it is read, when it is known, whether it may train a model.

    `name` is the key in a lead's attributes (the column header), `label` the name for people.
    Missing tokens are compared case-folded and stripped; a blank is always missing.
    Values outside `minimum`..`maximum` are kept with a warning. A `segment` is watched value by value: drift is also
    looked for among the leads of each of its values.
    """

    name: str
    label: str
    kind: Kind
    unit: str = ""
    missing_tokens: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    known_at: KnownAt = KnownAt.CREATION
    known_at_reason: str = ""
    excluded: bool = False
    exclusion_reason: str = ""
    sensitive: bool = False
    segment: bool = False
    decimal: str = "."
    thousands: str = ""
    date_format: str = ""
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()

    @property
    def trainable(self) -> bool:
        """Whether a model may use the column."""
        return not self.excluded and self.kind is not Kind.IDENTIFIER


@dataclass(frozen=True, slots=True)
class ValueWarning:
    """One remark about one value of one lead.

    `code` is one of missing, unseen, unreadable, out_of_range, unknown_field. `value` is what was given,
    shortened and safe to store; `message` names the field, the value and what was expected.
    """

    feature: str
    code: str
    value: str
    message: str


class SchemaError(ValueError):
    """A feature set that cannot be used; the message names the path, the value and what was expected."""
