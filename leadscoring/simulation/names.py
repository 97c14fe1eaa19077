"""Names of a lead's fields: as the CRM heads its columns, as people type them, and the levels each can take."""

from __future__ import annotations

from typing import Final

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.fields import ACTIVITIES, CAMPAIGNS, CITIES, NATIONALITIES

HEADERS: Final = {
    "source": "Lead Source", "campaign": "Campaign", "nationality": "Nationality", "city": "City",
    "sector": "Sector", "activity": "Business Activity", "licence": "Licence Type", "package": "Package",
    "visas": "Visa Quota", "office": "Office Type", "shareholders": "Shareholders", "budget": "Budget (AED)",
    "timeline": "Timeline", "existing": "Existing Business", "contact": "Preferred Contact",
    "device": "Device", "pages": "Pages Viewed", "minutes": "Minutes on Site",
}  # fmt: skip
LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "source": c.SOURCES, "campaign": CAMPAIGNS, "nationality": NATIONALITIES, "city": CITIES,
    "sector": c.SECTORS, "activity": ACTIVITIES, "licence": c.LICENCES, "package": c.PACKAGES,
    "office": c.OFFICES, "timeline": c.TIMELINES, "existing": ("No", "Yes"), "contact": c.CONTACTS,
    "device": c.DEVICES, "region": c.REGIONS,
}  # fmt: skip
NUMBERS: Final = ("visas", "shareholders", "budget", "pages", "minutes")


def field_named(text: str) -> str | None:
    """The field a person means: `budget`, `Budget` and `Budget (AED)` are one; None for no field."""
    wanted = text.strip().lower()
    for field, header in HEADERS.items():
        full = header.lower()
        if wanted in {field, full, full.split(" (", maxsplit=1)[0]}:
            return field
    return "region" if wanted == "region" else None


def level_named(field: str, text: str) -> str | None:
    """The level of a field a person means, in any case; None for no level."""
    wanted = text.strip().lower()
    return next((level for level in LEVELS[field] if level.lower() == wanted), None)
