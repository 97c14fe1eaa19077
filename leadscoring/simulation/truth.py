"""The truth written down: of each lead, of each week, and what was changed when, in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leadscoring.simulation.config import SimulationConfig
from leadscoring.simulation.dials import Dial
from leadscoring.simulation.stream import Stream

CHUNK = 50_000
Progress = Callable[[str, float], None]


def change_records(config: SimulationConfig) -> list[dict[str, Any]]:
    """What was changed when, in order: date, dial, event (begins, ends), size, words (a sentence).

    Dials turned to 0 and those that act only outside the stream's days are left out.
    """
    records = []
    last = max(config.last_day, config.seen_on)
    for dial in config.dials:
        onset = dial.onset or config.first_day
        if dial.size == 0.0 or onset >= last or (dial.end is not None and dial.end <= config.first_day):
            continue
        began = max(onset, config.first_day)
        grows = f", growing evenly over {dial.ramp_days} days" if dial.ramp_days else ""
        since = "from the first day" if began == config.first_day else f"from {in_words(began)}"
        records.append(_record(dial, began, "begins", f"{dial.words}, {since}{grows}."))
        if dial.end is not None and dial.end < last:
            words = f"{dial.words}: this ends on {in_words(dial.end)}."
            records.append(_record(dial, dial.end, "ends", words))
    return sorted(records, key=lambda record: (record["date"], record["event"], record["dial"]))


def _record(dial: Dial, day: date, event: str, words: str) -> dict[str, Any]:
    return {"date": day.isoformat(), "dial": dial.label, "event": event, "size": dial.size, "words": words}


def in_words(day: date) -> str:
    """1 May 2026."""
    return f"{day.day} {day:%B} {day.year}"


def weeks(stream: Stream) -> pd.DataFrame:
    """Per week of creation, named by its Monday: `Stream.bayes_by_week`, and the same business without follow-up
    (conversions_without_follow_up, base_rate_without_follow_up) and how hard leads were followed up (effort)."""
    table = stream.bayes_by_week()
    truth = stream.truth[~stream.truth["duplicate"].to_numpy(bool)]
    days = truth["Created"].str.slice(0, 10).to_numpy().astype("datetime64[D]").astype(np.int64)
    monday = np.datetime_as_string((days - (days + 3) % 7).astype("datetime64[D]"))
    part = truth.groupby(monday, sort=True)
    table["conversions_without_follow_up"] = part["converts_without_follow_up"].sum().to_numpy(np.int64)
    table["base_rate_without_follow_up"] = part["probability_without_follow_up"].mean().to_numpy()
    table["effort"] = part["effort"].mean().to_numpy()
    return table


def describe(config: SimulationConfig) -> dict[str, Any]:
    """The config as JSON can hold it, days resolved and each dial with its values."""
    return {
        "seed": config.seed,
        "world_seed": config.world,
        "leads": config.leads,
        "start": config.first_day.isoformat(),
        "end": config.last_day.isoformat(),
        "as_of": config.seen_on.isoformat(),
        "leaks": config.leaks,
        "dirt": config.dirt,
        "base_rate": config.base_rate,
        "dials": [_dial(dial) for dial in config.dials],
    }


def _dial(dial: Dial) -> dict[str, Any]:
    values: dict[str, Any] = {"dial": dial.name}
    for field in fields(dial):
        value = getattr(dial, field.name)
        if isinstance(value, date):
            value = value.isoformat()
        elif field.name == "policy":
            value = value.words
        values[field.name] = value
    return values


def summary(stream: Stream) -> dict[str, Any]:
    """The stream in a few numbers."""
    truth = stream.truth
    return {
        "leads": len(truth),
        "gone": len(stream.gone),
        "duplicates": int(truth["duplicate"].sum() + stream.gone["duplicate"].sum()),
        "conversions": int(truth["converts"].sum()),
        "conversions_without_follow_up": int(truth["converts_without_follow_up"].sum()),
        "bayes_auc": stream.bayes_auc,
        "expected_bayes_auc": stream.expected_bayes_auc,
    }


def write_truth(stream: Stream, folder: str | Path, progress: Progress | None = None) -> None:
    """Write truth.csv (per lead), gone.csv, weeks.csv, changes.csv and truth.json into a folder, made if missing.

    truth.json holds the config, the summary, the changes and the weeks; what has no value there is null.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    changes, table = change_records(stream.config), weeks(stream)
    with (place / "truth.csv").open("w", encoding="utf-8", newline="") as file:
        for at in range(0, max(len(stream.truth), 1), CHUNK):
            part = stream.truth.iloc[at : at + CHUNK]
            part.to_csv(file, index=False, header=at == 0, lineterminator="\n")
            if progress:
                progress("Writing the truth", at / len(stream.truth))
    stream.gone.to_csv(place / "gone.csv", index=False, lineterminator="\n")
    table.to_csv(place / "weeks.csv", index=False, lineterminator="\n")
    columns = ["date", "dial", "event", "size", "words"]
    pd.DataFrame(changes, columns=columns).to_csv(place / "changes.csv", index=False, lineterminator="\n")
    document = {
        "config": describe(stream.config),
        "summary": summary(stream),
        "changes": changes,
        "weeks": table.to_dict(orient="records"),
    }
    text = json.dumps(_without_nan(document), ensure_ascii=False, indent=2, allow_nan=False)
    (place / "truth.json").write_text(text + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
