"""Makes the CatBoost models beside this file, each with leads and CatBoost's own answers to them.

Run where CatBoost is installed, which this program does not need: `pip install catboost pandas` in an environment
of its own, then `python tests/data/own_models/make_catboost.py`.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
SOURCES = (
    "web",
    "Referral",
    "fair",
    "Web",
    "Messe Köln",
    "Partner: consultants",
    "Advertising on a portal of the chamber of commerce",
)
COLUMNS = ["Source", "Pages", "Budget", "Budget known"]
MODELS: dict[str, dict[str, Any]] = {
    "catboost": {"depth": 4, "iterations": 25, "one_hot_max_size": 32},
    "catboost_nan_max": {"depth": 3, "iterations": 12, "one_hot_max_size": 32, "nan_mode": "Max"},
    "catboost_ctr": {"depth": 3, "iterations": 3, "one_hot_max_size": 2},
    "catboost_depthwise": {"depth": 3, "iterations": 3, "one_hot_max_size": 32, "grow_policy": "Depthwise"},
}


def leads(n: int, seed: int) -> tuple[pd.DataFrame, Any]:
    """Made-up leads, a third of the budgets missing, and who converted."""
    rng = np.random.default_rng(seed)
    source = rng.choice(SOURCES, n)
    pages = rng.integers(0, 12, n).astype(float)
    budget = np.where(rng.random(n) < 0.3, np.nan, np.round(rng.lognormal(9, 1, n), 2))
    known = (rng.random(n) < 0.4).astype(int)
    margin = -1.5 + 0.2 * pages + 0.8 * known + np.where(source == "Referral", 1.2, -0.3)
    frame = pd.DataFrame({"Source": source, "Pages": pages, "Budget": budget, "Budget known": known})
    return frame, (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(int)


def main() -> None:
    """Write each model and its answers."""
    frame, converted = leads(900, 1)
    asked, _ = leads(120, 2)
    answers = {
        "leads": asked.astype(object).where(asked.notna(), None).to_dict("records"),
        "probabilities": {},
    }
    for name, settings in MODELS.items():
        model = catboost.CatBoostClassifier(
            cat_features=["Source"],
            verbose=0,
            allow_writing_files=False,
            thread_count=1,
            random_seed=3,
            **settings,
        ).fit(frame, converted)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            model.save_model(str(path), format="json")
            document = json.loads(path.read_text())
        (HERE / f"{name}.json").write_text(json.dumps(document, separators=(",", ":"), sort_keys=True) + "\n")
        answers["probabilities"][name] = model.predict_proba(asked)[:, 1].tolist()
    (HERE / "catboost_answers.json").write_text(json.dumps(answers, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
