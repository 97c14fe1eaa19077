"""From which value on a kind of reading warns and is critical: as people set it, else as the program brings it."""

from __future__ import annotations

from django.apps import apps

from monitoring.contracts import RULES, RuleKind

Limits = tuple[float | None, float | None]
"""Warning and critical; None: never."""


def limits_in_force() -> dict[RuleKind, Limits]:
    """The limits of every kind, in one query."""
    found: dict[RuleKind, Limits] = {rule.kind: (rule.warning, rule.critical) for rule in RULES}
    # Rules are rows once the app has them; until then the defaults hold.
    model = apps.all_models["monitoring"].get("alertrule")
    if model is not None:
        for kind, warning, critical in model._default_manager.values_list("kind", "warning", "critical"):
            found[RuleKind(kind)] = (warning, critical)
    return found
