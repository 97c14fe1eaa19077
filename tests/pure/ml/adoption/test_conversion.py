"""Models of other tools give here what they give there."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.ml.adoption.build import adopt
from scoring.ml.adoption.catboost_json import convert_catboost, largest_at_most
from scoring.ml.adoption.cityhash import level_hash
from scoring.ml.adoption.mlmodel import Flavour
from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.adoption.signature import Input
from scoring.ml.compile import compile_document, raw_probabilities
from scoring.ml.results import TrainingData
from scoring.ml.schema import FeatureSchema, parse_frame, parse_row
from tests.factories import own_models as own

ANSWERS = json.loads((own.DATA / "catboost_answers.json").read_text())
CATBOOST_INPUTS = (
    Input("Source", "string"),
    Input("Pages", "double"),
    Input("Budget", "double"),
    Input("Budget known", "long"),
)


def catboost_leads() -> TrainingData:
    frame = parse_frame(FeatureSchema(own.CATBOOST_SPECS), pd.DataFrame(ANSWERS["leads"], dtype=object))
    return TrainingData(frame=frame, target=np.arange(len(frame)) % 3 == 0)


@pytest.mark.parametrize("name", ["catboost", "catboost_nan_max", "catboost_depthwise"])
def test_it_scores_as_catboost_itself_did(name: str) -> None:
    leads = catboost_leads()
    data = (own.DATA / f"{name}.json").read_bytes()
    adopted = adopt(
        own.foreign(Flavour.CATBOOST, CATBOOST_INPUTS),
        data,
        FeatureSchema(own.CATBOOST_SPECS),
        leads,
        recalibrate=False,
    )
    found = raw_probabilities(adopted.document, leads.frame)
    assert np.abs(found - np.array(ANSWERS["probabilities"][name])).max() < 1e-9
    assert adopted.parity.ok


def test_its_reasons_add_up_for_trees_of_catboost() -> None:
    adopted = adopt(
        own.foreign(Flavour.CATBOOST, CATBOOST_INPUTS),
        (own.DATA / "catboost.json").read_bytes(),
        FeatureSchema(own.CATBOOST_SPECS),
        catboost_leads(),
        recalibrate=False,
    )
    scorer = compile_document(adopted.document)
    for row in adopted.rows[:20]:
        scored = scorer.score(row)
        assert sum(scored.contributions.values()) == pytest.approx(scored.margin - scored.base, abs=1e-9)


def test_it_names_what_catboost_counts_by_outcome_as_not_readable() -> None:
    with pytest.raises(AdoptionError, match="one_hot_max_size"):
        convert_catboost((own.DATA / "catboost_ctr.json").read_bytes(), CATBOOST_INPUTS, {})


def test_a_missing_category_counts_as_the_word_the_model_was_taught_for_it() -> None:
    model = json.loads((own.DATA / "catboost.json").read_text())
    wanted, taught = level_hash("Referral"), level_hash("missing")
    for tree in model["oblivious_trees"]:
        for split in tree["splits"]:
            if split.get("value") == wanted:
                split["value"] = taught
    levels = {"Source": ["web", "Referral", "fair", "Web"]}
    converted = convert_catboost(json.dumps(model).encode(), CATBOOST_INPUTS, levels)
    assert any("counts as “missing”" in note for note in converted.notes)


@pytest.mark.parametrize("border", [0.5, -0.05000000074505806, 2864.080078125, -3.4028234663852886e38, 1e-40])
def test_thresholds_send_every_number_where_32_bits_send_it(border: float) -> None:
    limit, single = largest_at_most(border), np.float32(border)
    with np.errstate(all="ignore"):
        near = [border, limit, *(np.nextafter(limit, side) for side in (-np.inf, np.inf))]
        near += [float(np.nextafter(single, np.float32(side))) for side in (-np.inf, np.inf)]
        for value in near:
            assert (float(value) <= limit) == bool(np.float32(value) <= single)


def test_it_scores_as_lightgbm_itself_does_also_unknown_and_missing_levels() -> None:
    leads = own.own_leads()
    adopted = adopt(own.foreign(Flavour.LIGHTGBM), own.lightgbm_text(), own.SCHEMA, leads, recalibrate=False)
    taught = own.frame_as_taught()
    strange = taught.copy()
    strange.loc[strange.index[:100], "Source"] = "a new one"
    for frame in (taught, strange):
        levels = {name: taught[name].astype("category").dtype for name in ("Source", "Country")}
        known = frame.copy()
        for name, kind in levels.items():
            known[name] = known[name].where(known[name].isin(kind.categories)).astype(kind)
        expected = np.asarray(own.a_booster().predict(known))
        parsed = leads.frame.copy()
        parsed["Source"] = pd.Series([None if pd.isna(v) else v for v in frame["Source"]], dtype=object)
        assert np.abs(raw_probabilities(adopted.document, parsed) - expected).max() < 1e-9


def test_a_logistic_pipeline_becomes_columns_and_weights_with_the_same_chances() -> None:
    leads = own.own_leads()
    adopted = adopt(own.foreign(), own.skops_file(), own.SCHEMA, leads, recalibrate=False)
    assert adopted.kind == "logistic"
    expected = own.fitted().predict_proba(own.frame_as_taught())[:, 1]
    assert np.abs(raw_probabilities(adopted.document, leads.frame) - expected).max() < 1e-9


@pytest.mark.parametrize("end", ["forest", "histogram"])
def test_other_pipelines_serve_themselves_and_say_so(end: str) -> None:
    leads = own.own_leads()
    adopted = adopt(own.foreign(), own.skops_file(end), own.SCHEMA, leads, recalibrate=False)
    assert adopted.kind == "pipeline"
    assert any("scikit-learn's own pipeline serves" in note and "not exact" in note for note in adopted.notes)
    scorer = compile_document(adopted.document)
    rows = adopted.rows[:15]
    many = scorer.score_many(rows)
    expected = own.fitted(end).predict_proba(own.frame_as_taught())[:, 1]
    assert np.abs(raw_probabilities(adopted.document, leads.frame) - expected).max() < 1e-9
    for row, scored in zip(rows, many, strict=True):
        assert scorer.score(row) == scored
        assert sum(scored.contributions.values()) == pytest.approx(scored.margin - scored.base, abs=1e-9)
        assert scored.base == pytest.approx(many[0].base, abs=1e-9)


def test_recalibration_changes_chances_and_not_the_order() -> None:
    leads = own.own_leads()
    plain = adopt(own.foreign(), own.skops_file("forest"), own.SCHEMA, leads, recalibrate=False)
    again = adopt(own.foreign(), own.skops_file("forest"), own.SCHEMA, leads, recalibrate=True)
    assert again.document["calibrator"]["kind"] == "platt"
    scored = [
        [one.probability for one in compile_document(found.document).score_many(plain.rows[:30])]
        for found in (plain, again)
    ]
    assert scored[0] != scored[1]
    assert np.array_equal(np.argsort(scored[0], kind="stable"), np.argsort(scored[1], kind="stable"))


def test_it_says_that_numbers_may_flatter() -> None:
    adopted = adopt(own.foreign(), own.skops_file(), own.SCHEMA, own.own_leads(), recalibrate=False)
    assert "may have learned from these very leads" in adopted.notes[0]


def test_a_pipeline_that_fails_on_leads_that_will_come_is_refused_with_each_reason() -> None:
    with pytest.raises(AdoptionError) as refused:
        adopt(
            own.foreign(),
            own.skops_file(handle_unknown="error"),
            own.SCHEMA,
            own.own_leads(),
            recalibrate=False,
        )
    words = " ".join(refused.value.reasons)
    assert "“Source” was never met in training" in words
    assert "“Country” was never met in training" in words
    assert "a lead without “Country”" in words
    assert len(refused.value.reasons) == 3


def test_the_row_scorer_reads_what_a_caller_sends() -> None:
    adopted = adopt(own.foreign(), own.skops_file("forest"), own.SCHEMA, own.own_leads(), recalibrate=False)
    sent: dict[str, Any] = {"Source": "referral", "Pages": "11", "Budget known": "yes", "Country": None}
    scored = compile_document(adopted.document).score(parse_row(own.SCHEMA, sent)[0])
    asked = pd.DataFrame(
        {"Source": ["referral"], "Pages": [11.0], "Budget known": [1.0], "Country": [np.nan]}
    )
    asked["Country"] = asked["Country"].astype(object)
    assert scored.raw_probability == pytest.approx(own.fitted("forest").predict_proba(asked)[0, 1], abs=1e-9)
