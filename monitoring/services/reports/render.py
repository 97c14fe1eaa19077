"""From sections to a subject, HTML and plain text. Both texts are written from the same sections, so they agree."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string

from leadscoring.common.text import line
from monitoring.models import week_words
from monitoring.services.reports.contents import Picture, Section, Table, Week

LONGEST_SUBJECT = 200
WIDTH = 78
WHY = (
    "You get this mail because your address is among the stakeholders of this installation. Whoever runs it can take "
    "you off the list."
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A report as it is kept and sent; `html` names its images as cid: references."""

    subject: str
    html: str
    text: str
    pictures: tuple[Picture, ...]


def render(week: Week, sections: Sequence[Section], *, as_of: datetime) -> Rendered:
    """Write everything, urgent sections first; `as_of` is told to the reader."""
    sections = sorted(sections, key=lambda one: not one.urgent)
    made = f"{as_of:%-d %b %Y, %H:%M} UTC"
    words = week_words(week.monday)
    title = f"Leads and their model, {words}"
    context = {
        "title": title,
        "subject": subject(week, sections),
        "sections": [
            {
                "section": one,
                "tables": [
                    {
                        "head": table.head,
                        "rows": [list(zip(table.head, row, strict=True)) for row in table.rows],
                    }
                    for table in one.tables
                ],
                "link": absolute(one.link),
            }
            for one in sections
        ],
        "made": made,
        "why": WHY,
    }
    return Rendered(
        subject=subject(week, sections),
        html=render_to_string("monitoring/report/mail.html", context),
        text=_text(title, sections, made),
        pictures=tuple(one.picture for one in sections if one.picture is not None),
    )


def subject(week: Week, sections: Sequence[Section]) -> str:
    """One line that leads with what asks for something: "Week 47: 312 leads, 41 graded A; model holds".

    Headlines of the model and after it are parted by a semicolon from the counts before them.
    """
    urgent = [one.headline for one in sections if one.urgent and one.headline]
    counts = [
        one.headline for one in sections if one.headline and not one.urgent and one.headline[0].isdigit()
    ]
    rest = [
        one.headline for one in sections if one.headline and not one.urgent and not one.headline[0].isdigit()
    ]
    parts = [*urgent, ", ".join(counts), *rest]
    told = "; ".join(part for part in parts if part) or "nothing to report"
    return line(f"Week {week.number}: {told}", LONGEST_SUBJECT)


def absolute(path: str) -> str:
    """A link that works from a mail; "" where nobody told where the admin is reached."""
    return f"{settings.PUBLIC_URL}{path}" if path and settings.PUBLIC_URL else ""


def _text(title: str, sections: Sequence[Section], made: str) -> str:
    parts = [f"{title}\n{'=' * len(title)}"]
    for one in sections:
        parts.append(f"{one.title}\n{'-' * len(one.title)}\n{_wrapped(one.says)}")
        parts.extend(_table_text(table) for table in one.tables)
        parts.extend(_wrapped(note) for note in one.notes)
        if absolute(one.link):
            parts.append(f"More: {absolute(one.link)}")
    parts.append(f"--\n{_wrapped(f'Counted on {made}. Intervals are 95 %. {WHY}')}")
    return "\n\n".join(parts) + "\n"


def _table_text(table: Table) -> str:
    """Each row as a line of its own words, so that it can be read aloud and on a narrow screen."""
    rows = []
    for first, *figures in table.rows:
        told = [
            f"{_label(name)} {figure}" if name else figure
            for name, figure in zip(table.head[1:], figures, strict=True)
            if figure
        ]
        rows.append(_wrapped(f"{first}: {', '.join(told)}" if told else first, bullet=True))
    head = f"{table.head[0]}:\n" if table.head[0] else ""
    return head + "\n".join(rows)


def _label(name: str) -> str:
    """A column's head inside a sentence; that intervals are 95 % is said once, at the end."""
    plain = name.replace(" (95 % interval)", "")
    return plain if plain[:2].isupper() or len(plain) == 1 else plain[:1].lower() + plain[1:]


def _wrapped(text: str, *, bullet: bool = False) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent="- " if bullet else "",
        subsequent_indent="  " if bullet else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
