"""What MLflow is told of the second look."""

from __future__ import annotations

import json

from scoring.services.publication import published_look
from tests.factories.evidence import a_report, a_second_look


def test_numbers_curves_tables_and_plots_are_told() -> None:
    look = published_look(a_report(**a_second_look()))
    assert look.metrics["more_leads_auc_gain"] == 0.004
    assert look.metrics["splits_auc_deviation"] == 0.016
    assert look.metrics["held_out_leaks"] == 1.0
    assert (look.metrics["slices_tested"], look.metrics["slices_weak"]) == (205.0, 1.0)
    assert [step for step, _ in look.curves["learning_auc"]] == [320, 560, 800, 1600]
    assert json.loads(look.files["second_look/slices.json"])["tested"] == 205
    for name in ("learning_curve", "split_spread"):
        assert look.files[f"plots/{name}.png"].startswith(b"\x89PNG")


def test_a_version_from_before_it_tells_nothing() -> None:
    look = published_look(a_report())
    assert (look.metrics, look.curves, look.files) == ({}, {}, {})
