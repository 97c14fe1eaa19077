"""The CRM's table: its headers, when each becomes known, and the writing of every column."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from leadscoring.simulation import catalogue as c
from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.dirt import (
    BLANK,
    DROPDOWN,
    TYPED,
    Cells,
    chosen,
    number_cells,
    text_cells,
    time_cells,
)
from leadscoring.simulation.draws import Codes, Flags, Floats, stream
from leadscoring.simulation.fields import ACTIVITIES, CAMPAIGNS, CITIES, NATIONALITIES, Fields
from leadscoring.simulation.outcomes import DAY, Outcomes

ID, CREATED, CONVERTED, CONVERTED_AT, REVENUE = (
    "Lead ID",
    "Created",
    "Converted",
    "Converted At",
    "Revenue (AED)",
)
CREATION_COLUMNS: Final = (
    CREATED, "Lead Source", "Campaign", "Nationality", "City", "Sector", "Business Activity", "Licence Type",
    "Package", "Visa Quota", "Office Type", "Shareholders", "Budget (AED)", "Timeline", "Existing Business",
    "Company Name", "Preferred Contact", "Device", "Pages Viewed", "Minutes on Site",
)  # fmt: skip
CONTACT_COLUMNS: Final = ("Owner", "First Response (min)", "Email Opens", "Replied")
OUTCOME_COLUMNS: Final = ("Stage", CONVERTED, CONVERTED_AT, REVENUE)
LEAK_COLUMNS: Final = ("Licence Number", "Contract Signed", "Lost Reason", "Days in Pipeline")
NUMBER_COLUMNS: Final = ("Visa Quota", "Shareholders", "Budget (AED)", "Pages Viewed", "Minutes on Site")


def crm_table(config: SimulationConfig, fields: Fields, created: Floats, outcomes: Outcomes) -> pd.DataFrame:
    """All columns as text, one row per lead, ordered by creation; what is not known on `as_of` is blank."""
    cells = _identity(created) | _creation(config, fields, created)
    cells |= _contact(config, fields, created, outcomes)
    cells |= _outcome(config, created, outcomes)
    columns = [ID, *CREATION_COLUMNS, *CONTACT_COLUMNS, *OUTCOME_COLUMNS]
    if config.leaks:
        columns += LEAK_COLUMNS
    return pd.DataFrame({name: pd.array(cells[name], dtype="str") for name in columns})


def seen_second(config: SimulationConfig) -> float:
    """The first instant of `as_of`, UTC seconds since 1970-01-01."""
    return float(np.datetime64(config.seen_on, "s").astype(np.int64))


def _identity(created: Floats) -> dict[str, Cells]:
    years = created.astype(np.int64).astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    ids = [f"L-{year}-{number:07d}" for number, year in enumerate(years.tolist(), start=1)]
    return {ID: np.array(ids, dtype=object)}


def _creation(config: SimulationConfig, fields: Fields, created: Floats) -> dict[str, Cells]:
    rng, dirt, n = stream(config.seed, "creation cells"), config.dirt, created.size

    def text(codes: Codes, levels: tuple[str, ...], empty: dict[str, float]) -> Cells:
        return text_cells(rng, codes, levels, empty, dirt)

    separated = rng.random(n) < 0.35
    return {
        CREATED: time_cells(created),
        "Lead Source": text(fields.source, c.SOURCES, DROPDOWN),
        "Campaign": text(fields.campaign, CAMPAIGNS, BLANK),
        "Nationality": text(fields.nationality, NATIONALITIES, TYPED),
        "City": text(fields.city, CITIES, TYPED),
        "Sector": text(fields.sector, c.SECTORS, DROPDOWN),
        "Business Activity": text(fields.activity, ACTIVITIES, TYPED),
        "Licence Type": text(fields.licence, c.LICENCES, DROPDOWN),
        "Package": text(fields.package, c.PACKAGES, DROPDOWN),
        "Visa Quota": number_cells(rng, fields.visas, wild=("-1", "99"), dirt=dirt),
        "Office Type": text(fields.office, c.OFFICES, DROPDOWN),
        "Shareholders": number_cells(rng, fields.shareholders, wild=("0", "100"), dirt=dirt),
        "Budget (AED)": number_cells(
            rng, fields.budget, separated=separated, wild=("0", "1", "99,999,999"), dirt=dirt
        ),
        "Timeline": text(fields.timeline, c.TIMELINES, DROPDOWN),
        "Existing Business": text(fields.existing, ("No", "Yes"), TYPED),
        "Company Name": _company_names(rng, n),
        "Preferred Contact": text(fields.contact, c.CONTACTS, DROPDOWN),
        "Device": text(fields.device, c.DEVICES, BLANK),
        "Pages Viewed": number_cells(
            rng, fields.pages, empty=BLANK, wild=("-1", "999"), may_stray=~np.isnan(fields.minutes), dirt=dirt
        ),
        "Minutes on Site": number_cells(
            rng,
            fields.minutes,
            decimals=1,
            empty=BLANK,
            wild=("1440.0",),
            may_stray=~np.isnan(fields.pages),
            dirt=dirt,
        ),
    }


def _company_names(rng: np.random.Generator, n: int) -> Cells:
    """A name for somewhat less than half of the leads; it tells nothing about the outcome."""
    first = np.array(c.COMPANY_FIRST, dtype=object)[rng.integers(0, len(c.COMPANY_FIRST), n)]
    second = np.array(c.COMPANY_SECOND, dtype=object)[rng.integers(0, len(c.COMPANY_SECOND), n)]
    forms = np.array([f" {form}".rstrip() for form in c.COMPANY_FORMS], dtype=object)
    names = first + " " + second + forms[rng.integers(0, len(forms), n)]
    return chosen(rng.random(n) < 0.45, names)


def _contact(
    config: SimulationConfig, fields: Fields, created: Floats, outcomes: Outcomes
) -> dict[str, Cells]:
    rng, seen = stream(config.seed, "contact cells"), seen_second(config)
    age = (seen - created) / DAY
    answered = outcomes.first_response * 60.0 + created < seen
    response = np.where(answered & (rng.random(created.size) < 0.9), outcomes.first_response, np.nan)
    # E-mails go out over the first week, so a young lead shows part of its opens.
    opens = np.floor(outcomes.email_opens * np.clip(age / 7.0, 0.0, 1.0))
    return {
        "Owner": text_cells(rng, outcomes.owner, c.REPS, BLANK, 0.0),
        "First Response (min)": number_cells(rng, response, empty=BLANK, dirt=0.0),
        "Email Opens": number_cells(rng, opens, empty=BLANK, dirt=0.0),
        "Replied": np.where(outcomes.replied & (age > 3.0), "Yes", "No").astype(object),
    }


def _outcome(config: SimulationConfig, created: Floats, outcomes: Outcomes) -> dict[str, Cells]:
    rng, seen, n = stream(config.seed, "outcome cells"), seen_second(config), created.size
    won: Flags = outcomes.converted_at < seen
    lost: Flags = outcomes.lost_at < seen
    closed_at = np.where(won, outcomes.converted_at, np.where(lost, outcomes.lost_at, np.nan))
    stages = np.array([*c.OPEN_STAGES, "Closed Won", "Closed Lost"], dtype=object)
    reached = np.minimum(
        rng.poisson(np.clip((seen - created) / DAY / 12.0, 0.0, 2.5)), len(c.OPEN_STAGES) - 1
    )
    stage = stages[np.where(won, len(c.OPEN_STAGES), np.where(lost, len(c.OPEN_STAGES) + 1, reached))]
    numbers = np.array([f"FZ-{number:07d}" for number in rng.permutation(n) + 1], dtype=object)
    reasons = np.array(c.LOST_REASONS, dtype=object)[outcomes.lost_reason]
    days = np.ceil((closed_at - created) / DAY)
    return {
        "Stage": stage,
        CONVERTED: np.where(won, "Yes", np.where(lost, "No", "")).astype(object),
        CONVERTED_AT: time_cells(np.where(won, outcomes.converted_at, np.nan)),
        REVENUE: number_cells(
            rng, np.where(won, outcomes.revenue, np.nan), decimals=2, empty=BLANK, dirt=0.0
        ),
        "Licence Number": chosen(won & (rng.random(n) < 0.97), numbers),
        "Contract Signed": chosen(won & (rng.random(n) < 0.95), np.full(n, "Yes", dtype=object)),
        "Lost Reason": chosen(lost & (rng.random(n) < 0.92), reasons),
        "Days in Pipeline": number_cells(rng, days, empty=BLANK, dirt=0.0),
    }
