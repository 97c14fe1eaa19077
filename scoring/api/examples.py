"""One story through all examples of the docs page, and of the tests: what is shown there is sent here."""

from __future__ import annotations

from typing import Any

LEAD: dict[str, Any] = {
    "external_id": "CRM-10482",
    "attributes": {
        "Lead Source": "Website",
        "Nationality": "India",
        "Business Activity": "E-commerce",
        "Visas wanted": 2,
        "Office wanted": True,
        "Budget": None,
    },
    "created_at": "2026-03-02T08:15:00Z",
}
SCORE: dict[str, Any] = {
    "prediction_id": "019cac1a-5d3e-7c1f-9b52-3f0a4c1d2e6f",
    "external_id": "CRM-10482",
    "probability": 0.314,
    "score": 87,
    "grade": "A",
    "reasons": [
        {
            "feature": "Business Activity",
            "label": "Business activity",
            "value": "E-commerce",
            "direction": "up",
            "contribution": 0.82,
            "text": "Business activity is E-commerce · raises the chance",
        },
        {
            "feature": "Lead Source",
            "label": "Lead source",
            "value": "Website",
            "direction": "down",
            "contribution": -0.11,
            "text": "Lead source is Website · lowers the chance",
        },
    ],
    "warnings": [{"feature": "Budget", "code": "missing", "value": "", "message": "Budget is not known."}],
    "model": {"name": "leadscoring", "version": 3, "role": "champion"},
    "scored_at": "2026-03-02T08:15:04.120000Z",
}
NESTED: dict[str, Any] = {
    "type": "urn:leadscoring:problem:invalid",
    "title": "A field is not valid",
    "status": 422,
    "detail": 'The lead cannot be read: attributes.Budget is an object ({"AED": 9000}); expected text of at '
    "most 8,192 "
    "characters, a number, true or false, or null.",
    "errors": [
        {
            "pointer": "/attributes/Budget",
            "value": 'an object ({"AED": 9000})',
            "expected": "text of at most 8,192 characters, a number, true or false, or null",
        }
    ],
}
LEADS: dict[str, Any] = {
    "leads": [LEAD, {"external_id": "CRM-10483", "attributes": {"Budget": {"AED": 9000}}}]
}
SCORES: dict[str, Any] = {
    "scored": 1,
    "refused": 1,
    "results": [
        {"index": 0, "external_id": "CRM-10482", "result": SCORE},
        {
            "index": 1,
            "external_id": "CRM-10483",
            "problem": {
                **NESTED,
                "detail": NESTED["detail"].replace("attributes", "leads[1].attributes"),
                "errors": [{**NESTED["errors"][0], "pointer": "/leads/1/attributes/Budget"}],
            },
        },
    ],
}
OUTCOME: dict[str, Any] = {
    "external_id": "CRM-10482",
    "outcome": "converted",
    "occurred_at": "2026-04-11T13:00:00+04:00",
    "revenue": "18500.00",
    "currency": "AED",
}
OUTCOMES: dict[str, Any] = {
    "outcomes": [
        OUTCOME,
        {"external_id": "CRM-10311", "outcome": "lost", "occurred_at": "2026-04-10T09:00:00Z"},
    ]
}
OUTCOME_RECORDED: dict[str, Any] = {
    "outcome_id": 4021,
    "external_id": "CRM-10482",
    "outcome": "converted",
    "changed": True,
    "warnings": [],
}
OVERRIDE: dict[str, Any] = {
    "grade": "A",
    "reason": "Met her at the fair: the board has signed off.",
    "expires_at": "2026-04-01T00:00:00Z",
    "by": "Amal",
}
OVERRIDE_END: dict[str, Any] = {"end": True, "reason": "The budget is gone.", "by": "Amal"}
OVERRIDE_NOW: dict[str, Any] = {
    "grade": "A",
    "score": None,
    "reason": "Met her at the fair: the board has signed off.",
    "set_by": "Amal",
    "set_at": "2026-03-03T10:00:00Z",
    "expires_at": "2026-04-01T00:00:00Z",
    "machine": {"score": 64, "grade": "B"},
}
OVERRIDDEN: dict[str, Any] = {
    "external_id": "CRM-10482",
    "override": OVERRIDE_NOW,
    "score": 64,
    "grade": "B",
    "changed": True,
    "warnings": [],
}
LEAD_NOW: dict[str, Any] = {
    "external_id": "CRM-10482",
    "source_system": "crm",
    "created_at": "2026-03-02T08:15:00Z",
    "owner": "",
    "stage": "",
    "attributes": {"Lead Source": "Website", "Nationality": "India", "Business Activity": "E-commerce"},
    "score": 87,
    "grade": "A",
    "scored_at": "2026-03-02T08:15:04.120000Z",
    "model": {"name": "leadscoring", "version": 3},
    "awaiting_score": False,
    "outcome": None,
    "override": None,
    "warnings": [],
    "first_seen": "2026-03-02T08:15:04.120000Z",
    "updated_at": "2026-03-02T08:15:04.120000Z",
}
HISTORY: dict[str, Any] = {
    "external_id": "CRM-10482",
    "warnings": [],
    "results": [SCORE | {"cause": "api"}],
    "next_cursor": None,
    "next": None,
}
MODEL_INFO: dict[str, Any] = {
    "release": {
        "id": 5,
        "mode": "champion",
        "opened_at": "2026-03-01T06:00:00+00:00",
        "reason": "First model",
    },
    "champion": {
        "name": "leadscoring",
        "version": 3,
        "estimator": "boosting",
        "training_rows": 16000,
        "training_conversions": 2310,
        "features": [
            {
                "feature": "Business Activity",
                "label": "Business activity",
                "kind": "category",
                "unit": "",
                "known_at": "creation",
                "importance": 0.21,
            }
        ],
        "metrics": {"roc_auc": {"value": 0.81, "low": 0.79, "high": 0.83, "n": 4000, "method": "DeLong"}},
    },
    "grade_limits": {"A": 75, "B": 50, "C": 25, "D": 1},
}


def problem(code: str, title: str, status: int, detail: str) -> dict[str, Any]:
    """A problem document without fields."""
    return {"type": f"urn:leadscoring:problem:{code}", "title": title, "status": status, "detail": detail}
