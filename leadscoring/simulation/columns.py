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
from leadscoring.simulation.draws import Codes, Flags, Floats, hashed, stream
from leadscoring.simulation.fields import ACTIVITIES, CAMPAIGNS, CITIES, NATIONALITIES, Fields
from leadscoring.simulation.history import CORRECTED, History
from leadscoring.simulation.names import HEADERS
from leadscoring.simulation.outcomes import DAY
from leadscoring.simulation.people import EMAIL, PHONE
from leadscoring.simulation.rows import Rows

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
    "Company Name", EMAIL, PHONE, "Preferred Contact", "Device", "Pages Viewed", "Minutes on Site",
)  # fmt: skip
OWNER, RESPONSE, OPENS, REPLIED, STAGE = "Owner", "First Response (min)", "Email Opens", "Replied", "Stage"
CONTACT_COLUMNS: Final = (OWNER, RESPONSE, OPENS, REPLIED)
OUTCOME_COLUMNS: Final = (STAGE, CONVERTED, CONVERTED_AT, REVENUE)
LEAK_COLUMNS: Final = ("Licence Number", "Contract Signed", "Lost Reason", "Days in Pipeline")
NUMBER_COLUMNS: Final = ("Visa Quota", "Shareholders", "Budget (AED)", "Pages Viewed", "Minutes on Site")
WON, LOST = "Closed Won", "Closed Lost"
# E-mails go out over the first week, and opens are spread evenly over it.
OPENS_WITHIN = int(7 * DAY)
LICENCE_NUMBERS, LICENCE_SPREAD = 10**9, 27_644_437


def crm_table(config: SimulationConfig, rows: Rows, history: History) -> pd.DataFrame:
    """All columns as text, one row per entry of `rows`; what is not known on `as_of` is blank.

    Rows that are gone by then are among them.
    """
    seen = seen_second(config)
    cells = {ID: lead_ids(rows.created, rows.number), **rows.cells}
    for column, fixed in fixed_cells(history).items():
        cells[column] = np.where(fixed & (history.fix_at >= seen), history.wrong, cells[column])
    cells |= _contact(config, rows, seen)
    won, lost = shown_outcome(rows, history, seen)
    cells |= closing_cells(config, rows, won, lost)
    stages = np.array(c.OPEN_STAGES, dtype=object)[(history.stage_at < seen).sum(axis=1)]
    cells[STAGE] = np.where(won | lost, cells[STAGE], stages)
    return pd.DataFrame({name: pd.array(cells[name], dtype="str") for name in table_columns(config)})


def table_columns(config: SimulationConfig) -> tuple[str, ...]:
    """The headers, in order."""
    leaks = LEAK_COLUMNS if config.leaks else ()
    return (ID, *CREATION_COLUMNS, *CONTACT_COLUMNS, *OUTCOME_COLUMNS, *leaks)


def seen_second(config: SimulationConfig) -> float:
    """The first instant of `as_of`, UTC seconds since 1970-01-01."""
    return float(np.datetime64(config.seen_on, "s").astype(np.int64))


def lead_ids(created: Floats, number: Codes) -> Cells:
    """The CRM's ids: year of creation and the row's number."""
    years = created.astype(np.int64).astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    ids = [f"L-{year}-{n:07d}" for n, year in zip(number.tolist(), years.tolist(), strict=True)]
    return np.array(ids, dtype=object)


def creation_cells(
    config: SimulationConfig, fields: Fields, created: Floats, number: Codes, purpose: str = ""
) -> dict[str, Cells]:
    """The creation columns but e-mail and phone, nothing broken."""
    rng, dirt, n = stream(config.seed, f"{purpose}creation cells"), config.dirt, number.size

    def text(codes: Codes, levels: tuple[str, ...], empty: dict[str, float]) -> Cells:
        return text_cells(rng, codes, levels, empty, dirt)

    separated = rng.random(n) < 0.35
    return {
        CREATED: time_cells(created),
        HEADERS["source"]: text(fields.source, config.source_names, DROPDOWN),
        HEADERS["campaign"]: text(fields.campaign, CAMPAIGNS, BLANK),
        HEADERS["nationality"]: text(fields.nationality, NATIONALITIES, TYPED),
        HEADERS["city"]: text(fields.city, CITIES, TYPED),
        HEADERS["sector"]: text(fields.sector, c.SECTORS, DROPDOWN),
        HEADERS["activity"]: text(fields.activity, ACTIVITIES, TYPED),
        HEADERS["licence"]: text(fields.licence, c.LICENCES, DROPDOWN),
        HEADERS["package"]: text(fields.package, c.PACKAGES, DROPDOWN),
        HEADERS["visas"]: number_cells(rng, fields.visas, wild=("-1", "99"), dirt=dirt),
        HEADERS["office"]: text(fields.office, c.OFFICES, DROPDOWN),
        HEADERS["shareholders"]: number_cells(rng, fields.shareholders, wild=("0", "100"), dirt=dirt),
        HEADERS["budget"]: number_cells(
            rng, fields.budget, separated=separated, wild=("0", "1", "99,999,999"), dirt=dirt
        ),
        HEADERS["timeline"]: text(fields.timeline, c.TIMELINES, DROPDOWN),
        HEADERS["existing"]: text(fields.existing, ("No", "Yes"), TYPED),
        "Company Name": _company_names(rng, n),
        HEADERS["contact"]: text(fields.contact, c.CONTACTS, DROPDOWN),
        HEADERS["device"]: text(fields.device, c.DEVICES, BLANK),
        HEADERS["pages"]: number_cells(
            rng, fields.pages, empty=BLANK, wild=("-1", "999"), may_stray=~np.isnan(fields.minutes), dirt=dirt
        ),
        HEADERS["minutes"]: number_cells(
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


def fixed_cells(history: History) -> dict[str, Flags]:
    """Columns that are corrected, and in which rows."""
    if not (history.fix_column >= 0).any():
        return {}
    return {HEADERS[field]: history.fix_column == place for place, field in enumerate(CORRECTED)}


def response_at(config: SimulationConfig, rows: Rows) -> Floats:
    """When the first response is noted, in UTC seconds; NaN for the tenth of leads where nobody notes it."""
    noted = hashed(config.seed, "response noted", rows.number) < 0.9
    return np.where(noted, rows.created + rows.outcomes.first_response * 60.0, np.nan)


def owner_cells(rows: Rows) -> Cells:
    """Who looks after the row."""
    return np.asarray(np.array(c.REPS, dtype=object)[rows.outcomes.owner], dtype=object)


def count_cells(values: Floats, decimals: int = 0) -> Cells:
    """Numbers as they are; NaN blank."""
    return number_cells(np.random.default_rng(0), values, decimals=decimals, empty=BLANK, dirt=0.0)


def _contact(config: SimulationConfig, rows: Rows, seen: float) -> dict[str, Cells]:
    outcomes = rows.outcomes
    # The k-th of m opens comes k/m of a week after creation: counted in whole seconds, as the events are.
    age = np.clip(seen - rows.created - 1.0, 0.0, OPENS_WITHIN).astype(np.int64)
    opens = (outcomes.email_opens.astype(np.int64) * age) // OPENS_WITHIN
    return {
        OWNER: owner_cells(rows),
        RESPONSE: count_cells(np.where(response_at(config, rows) < seen, outcomes.first_response, np.nan)),
        OPENS: count_cells(opens.astype(np.float64)),
        REPLIED: np.where(outcomes.replied & (outcomes.replied_at < seen), "Yes", "No").astype(object),
    }


def closing_at(rows: Rows) -> Floats:
    """When each row is closed, won or lost, in UTC seconds; NaN for never."""
    return np.where(rows.outcomes.converts, rows.outcomes.converted_at, rows.outcomes.lost_at)


def shown_outcome(rows: Rows, history: History, seen: float) -> tuple[Flags, Flags]:
    """Which rows show as won and as lost at an instant; one whose outcome is not yet corrected shows the other."""
    won: Flags = rows.outcomes.converts & (rows.outcomes.converted_at < seen)
    lost: Flags = rows.outcomes.lost_at < seen
    wrong = np.isfinite(history.outcome_fix_at) & (history.outcome_fix_at >= seen)
    return np.where(wrong, lost, won), np.where(wrong, won, lost)


def closing_cells(config: SimulationConfig, rows: Rows, won: Flags, lost: Flags) -> dict[str, Cells]:
    """The outcome's columns of rows that show as won, as lost or as open (blank, no stage)."""
    at, outcomes, seed = closing_at(rows), rows.outcomes, config.seed
    closed = won | lost
    spread = (rows.number * LICENCE_SPREAD + seed % 999_983) % LICENCE_NUMBERS
    numbers = np.array([f"FZ-{number:09d}" for number in spread.tolist()], dtype=object)
    reasons = np.array(c.LOST_REASONS, dtype=object)[outcomes.lost_reason]
    days = np.ceil((at - rows.created) / DAY)

    def noted(what: str, share: float) -> Flags:
        return np.asarray(hashed(seed, what, rows.number) < share)

    return {
        STAGE: np.where(won, WON, np.where(lost, LOST, "")).astype(object),
        CONVERTED: np.where(won, "Yes", np.where(lost, "No", "")).astype(object),
        CONVERTED_AT: time_cells(np.where(won, at, np.nan)),
        REVENUE: count_cells(np.where(won, outcomes.revenue, np.nan), decimals=2),
        "Licence Number": chosen(won & noted("licence noted", 0.97), numbers),
        "Contract Signed": chosen(
            won & noted("contract noted", 0.95), np.full(rows.size, "Yes", dtype=object)
        ),
        "Lost Reason": chosen(lost & noted("reason noted", 0.92), reasons),
        "Days in Pipeline": count_cells(np.where(closed, days, np.nan)),
    }
