"""Small files of leads, made when they are needed: no data is kept in the repository."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2025, 1, 1, 8, 0, tzinfo=UTC)
SOURCES = ("web", "referral", "fair", "mail")
LIFT = {"web": -0.6, "referral": 1.2, "fair": 0.1, "mail": -1.0}
LEAD_COLUMNS = ("Lead ID", "Created", "Source", "Pages", "Budget known", "Country", "Converted")


def write_csv(
    path: Path, rows: Iterable[Sequence[object]], *, delimiter: str = ",", encoding: str = "utf-8"
) -> Path:
    """Rows, the header first, as a CSV file."""
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def lead_rows(n: int, *, seed: int = 1, days: float = 400.0) -> list[dict[str, str]]:
    """Leads whose source, pages and budget tell something about the outcome; oldest first, about one in four
    converts."""
    draw = random.Random(seed)
    rows = []
    for number in range(n):
        source = draw.choice(SOURCES)
        pages = draw.randrange(0, 12)
        budget = draw.random() < 0.4
        log_odds = -2.2 + LIFT[source] + 0.22 * pages + (0.9 if budget else 0.0)
        converted = draw.random() < 1 / (1 + 2.718281828**-log_odds)
        created = START + timedelta(days=days * number / n)
        rows.append(
            {
                "Lead ID": f"L-{number:05d}",
                "Created": created.strftime("%Y-%m-%d %H:%M"),
                "Source": source if draw.random() > 0.05 else "Select",
                "Pages": str(pages) if draw.random() > 0.1 else "",
                "Budget known": "yes" if budget else "no",
                "Country": draw.choice(("AE", "DE", "IN", "GB")),
                "Converted": "1" if converted else "0",
            }
        )
    return rows


def write_leads(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """These leads as a CSV file with their own columns."""
    header = list(rows[0])
    return write_csv(path, [header, *([row[name] for name in header] for row in rows)])
