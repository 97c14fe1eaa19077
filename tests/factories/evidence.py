"""Metrics, reports and audits in the form that training and the leak audit write them."""

from __future__ import annotations

from typing import Any


def estimate(value: float, half: float = 0.02, n: int = 400) -> dict[str, Any]:
    """An estimate as JSON."""
    return {"value": value, "low": value - half, "high": value + half, "n": n, "method": "delong"}


def some_metrics(auc: float = 0.78) -> dict[str, Any]:
    """Test metrics of a version."""
    return {
        "roc_auc": estimate(auc),
        "log_loss": estimate(0.41),
        "base_rate": estimate(0.19),
        "top_decile_lift": estimate(2.9, 0.3),
    }


def a_report(**fields: Any) -> dict[str, Any]:
    """A version's report with every part a page draws."""
    return {
        "split": {
            "kind": "newest by date",
            "why": "creation dates are known",
            "train_leads": 1600,
            "train_conversions": 300,
            "test_leads": 400,
            "test_conversions": 76,
            "first_test_date": "2026-02-11",
            "last_test_date": "2026-05-30",
        },
        "candidates": [
            {
                "kind": "logistic",
                "name": "logistic regression",
                "auc": estimate(0.77),
                "difference": estimate(-0.01, 0.004),
                "standard_error": 0.002,
                "chosen": False,
                "why": "more than one standard error below the best",
                "test_auc": None,
            },
            {
                "kind": "boosting",
                "name": "gradient boosting",
                "auc": estimate(0.78),
                "difference": estimate(0.0),
                "standard_error": 0.0,
                "chosen": True,
                "why": "the best",
                "test_auc": estimate(0.78),
            },
        ],
        "other_splits": [
            {
                "name": "random 5-fold",
                "what": "every fifth lead in turn",
                "metrics": {"roc_auc": estimate(0.8)},
                "left_out": {},
                "train_leads": 1600,
                "test_leads": 2000,
                "warning": "Random splits flatter.",
            }
        ],
        "calibration_curve": [
            {"predicted": 0.1 * k, "observed": estimate(0.1 * k, 0.03, 40)} for k in range(1, 6)
        ],
        "gain_curve": [
            {
                "share": k / 4,
                "captured": k / 4,
                "captured_low": k / 4 - 0.1,
                "captured_high": k / 4,
                "n": 100 * k,
            }
            for k in range(1, 5)
        ],
        "readiness": {"messages": ["200 more leads are needed (800 of 1,000)"], "enough": False},
        "notes": ["12 leads were left out: not ripe."],
        "params": {"num_leaves": 24},
        "left_out": {"ece": "too few rows"},
        "parity": {"max_difference": 3e-12, "n": 200, "ok": True},
        **fields,
    }


def a_second_look(name: str = "Lead source: Meta Ads") -> dict[str, Any]:
    """The parts of a report that the second look writes; `name` is the weak group's."""
    words = f"{name} (n = 812): AUC 0.61 (0.55 to 0.67) against 0.78 elsewhere."
    group = {
        "features": ["source"],
        "name": name,
        "n": 812,
        "conversions": 89,
        "predicted": 0.18,
        "observed": estimate(0.11, 0.02, 812),
        "auc": estimate(0.61, 0.06, 812),
        "elsewhere": 0.78,
        "promised": 0.7,
        "q_ranking": 0.001,
        "q_calibration": 0.002,
        "weak": ["ranking", "calibration"],
        "harder": False,
        "words": words,
    }
    plain = {
        **group,
        "name": "City: Dubai",
        "weak": [],
        "words": "",
        "auc": None,
        "elsewhere": None,
        "promised": None,
    }
    leak = {
        "name": "duration",
        "label": "Call duration",
        "known_at": "outcome",
        "auc": estimate(0.93),
        "lift": estimate(0.13),
        "verdict": "leak",
        "words": "Adding Call duration would lift the AUC from 0.80 to 0.93: that is the sign of a leak.",
    }
    late = {
        **leak,
        "name": "x",
        "label": "Other",
        "auc": None,
        "lift": None,
        "verdict": "not tried",
        "words": "Not tried.",
    }
    return {
        "learning_curve": {
            "words": "Another 500 leads of this kind would add about .004 AUC (between 0 and .01).",
            "points": [
                {
                    "share": share,
                    "leads": int(1600 * share),
                    "conversions": int(300 * share),
                    "auc": estimate(0.75 + 0.03 * share),
                    "log_loss": estimate(0.45 - 0.04 * share),
                    "repeats": 3,
                }
                for share in (0.2, 0.35, 0.5, 1.0)
            ],
            "law": {"ceiling": 0.8, "gap": 0.02, "rate": 0.5},
            "more": 500,
            "gain": estimate(0.004, 0.004),
        },
        "held_out": {"without": estimate(0.8), "columns": [leak, late]},
        "split_spread": {
            "words": "Over 5 random splits of the same sizes the AUC was 0.770 to 0.810.",
            "aucs": [0.77, 0.78, 0.79, 0.8, 0.81],
            "mean": estimate(0.79, 0.02, 5),
            "deviation": 0.016,
            "lowest": 0.77,
            "highest": 0.81,
            "one_split": [0.74, 0.84],
            "train_leads": 1600,
            "test_leads": 400,
            "test_auc": 0.78,
        },
        "slices": {
            "words": "205 groups of 2,000 leads were looked at: 1 group is ranked worse than promised.",
            "tested": 205,
            "leads": 2000,
            "weak": 1,
            "slices": [group, plain],
        },
    }


def an_audit(*, held_out: bool = False, auc: float = 0.6) -> dict[str, Any]:
    """What the leak audit keeps on a feature."""
    return {
        "name": "x",
        "auc": estimate(auc),
        "filled_converted": estimate(0.97, 0.01, 300),
        "filled_other": estimate(0.4, 0.03, 1300),
        "known_at": "outcome" if held_out else "creation",
        "reason": "filled only once a deal is closed" if held_out else "",
        "held_out": held_out,
        "evidence": ["Filled for 97 % of converted leads."] if held_out else [],
    }


def some_reasons(text: str = "Source: web · raises the chance") -> list[dict[str, Any]]:
    """Reasons of a prediction, one each way."""
    return [
        {
            "feature": "source",
            "label": "Source",
            "value": "web",
            "direction": "up",
            "contribution": 0.6,
            "text": text,
        },
        {
            "feature": "pages",
            "label": "Pages visited",
            "value": "3 pages",
            "direction": "down",
            "contribution": -0.25,
            "text": "Visited 3 pages · lowers the chance",
        },
    ]
