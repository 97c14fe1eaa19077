"""From which value on a kind of reading warns and is critical: as people set it, else as the program brings it."""

from __future__ import annotations

from monitoring.contracts import RULES, RuleKind
from monitoring.models import AlertRule

Limits = tuple[float | None, float | None]
"""Warning and critical; None: never."""


def limits_in_force() -> dict[RuleKind, Limits]:
    """The limits of every kind, in one query."""
    found: dict[RuleKind, Limits] = {rule.kind: (rule.warning, rule.critical) for rule in RULES}
    for kind, warning, critical in AlertRule.objects.values_list("kind", "warning", "critical"):
        found[RuleKind(kind)] = (warning, critical)
    return found
