"""Reading the outcome column: which of its values mean converted, lost, or open."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from scoring.contracts import ImportRefused
from scoring.ml.draft_missing import NOTHING
from scoring.ml.parsing import shown, visible
from scoring.ml.phrases import count
from scoring.services.imports.options import ImportOptions

YES = frozenset(
    {"yes", "y", "1", "1.0", "true", "t", "won", "converted", "closed won", "ja", "oui", "si", "sí", "sim"}
)
LOST = frozenset({"lost", "closed lost", "disqualified", "rejected"})
NO = frozenset({"no", "n", "0", "0.0", "false", "f", "not converted", "nein", "non", "não", "nao"}) | LOST
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Target:
    """Which texts of the outcome column mean what; `note` says how that was decided."""

    converted: frozenset[str]
    lost: frozenset[str]
    others: frozenset[str]
    told_apart: bool
    note: str

    def is_converted(self, text: str | None) -> bool:
        """Whether this cell says converted."""
        return plain_outcome(text) in self.converted

    def is_blank(self, text: str | None) -> bool:
        """Whether this cell says nothing."""
        return plain_outcome(text) == ""

    def is_lost(self, text: str | None) -> bool:
        """Whether this cell says that the lead is finished and did not convert: a word such as lost, or any "no" in
        a column that leaves open leads blank."""
        plain = plain_outcome(text)
        return plain in self.lost or (self.told_apart and plain in self.others)


BLANK = NOTHING | {"-", "–"}
"""What stands in a cell of the outcome that says nothing."""


def plain_outcome(text: str | None) -> str:
    """An outcome's cell in the one spelling that is compared; "" when it says nothing."""
    if not text:
        return ""
    plain = visible(text).casefold()
    return "" if plain in BLANK else plain


def read_target(counts: Counter[str], options: ImportOptions) -> Target:
    """Decide from the counts of the outcome column's values (as written).

    Raises:
        ImportRefused: one value only, or several and nobody said which one means converted.
    """
    plain: Counter[str] = Counter()
    for text, n in counts.items():
        plain[plain_outcome(text)] += n
    plain.pop("", None)
    listed = ", ".join(f"“{shown(text, 40)}” ({n:,})" for text, n in plain.most_common(SHOWN))
    more = f" and {len(plain) - SHOWN:,} more values" if len(plain) > SHOWN else ""
    column = options.converted
    if options.converted_values:
        for told in options.converted_values:
            if plain_outcome(told) not in plain:
                raise ImportRefused(
                    f"--converted-value “{told}” does not occur in column “{column}”, "
                    f"which holds {listed or 'nothing'}{more}."
                )
        chosen = frozenset(map(plain_outcome, options.converted_values))
    elif set(plain) <= YES | NO and set(plain) & YES and set(plain) & NO:
        # Several spellings of one yes and one no.
        chosen = frozenset(plain) & YES
    elif len(plain) > 2:
        raise ImportRefused(
            f"Column “{column}” holds {len(plain):,} different values: {listed}{more}; expected two. "
            f"Say which one means converted with --converted-value."
        )
    else:
        chosen = frozenset(plain) & YES
        if len(chosen) != 1:
            if len(plain) == 1 and set(plain) <= NO:
                raise ImportRefused(_one_value(column, listed))
            raise ImportRefused(
                f"Column “{column}” holds {listed or 'nothing'}; it is not plain which one means converted. "
                "Say so with --converted-value."
            )
    others = frozenset(plain) - chosen
    blank = sum(n for text, n in counts.items() if not plain_outcome(text))
    if not others:
        raise ImportRefused(_one_value(column, listed))
    finished = others if blank or options.created_at is None else others & LOST
    return Target(
        converted=chosen,
        lost=others & LOST,
        others=others,
        told_apart=blank > 0,
        note=f"Column “{column}”: {', '.join(f'“{text}”' for text in sorted(chosen))} "
        f"{'means' if len(chosen) == 1 else 'mean'} converted; {sum(plain[text] for text in chosen):,} of "
        f"{count(plain.total(), 'row that is filled', 'rows that are filled')}"
        + (f", {count(blank, 'blank one is', 'blank ones are')} open." if blank else ".")
        + _told(plain, finished, "that the lead did not convert.")
        + _told(
            plain,
            others - finished,
            "that it has not converted yet: no cell of the column is blank, so its age will tell.",
        ),
    )


def _told(plain: Counter[str], values: frozenset[str], what: str) -> str:
    """What some values say, as a sentence that names the most frequent ones; "" without any."""
    if not values:
        return ""
    ordered = sorted(values, key=lambda text: (-plain[text], text))
    listed = ", ".join(f"“{shown(text, 40)}” ({plain[text]:,})" for text in ordered[:SHOWN])
    more = f" and {len(ordered) - SHOWN:,} more" if len(ordered) > SHOWN else ""
    return f" {listed}{more} {'says' if len(ordered) == 1 else 'say'} {what}"


def _one_value(column: str, listed: str) -> str:
    return (
        f"Column “{column}” holds one value only: {listed}; "
        "expected both leads that converted and leads that did not."
    )
