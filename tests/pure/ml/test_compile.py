"""The row scorer equals the reference pipeline, its contributions add up, and bad documents are refused."""

from __future__ import annotations

import copy
import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.ml.compile import (
    DocumentError,
    RowScorer,
    compile_document,
    dump_document,
    load_document,
    parity,
    rank,
    reference_probabilities,
)
from scoring.ml.document import check_document
from scoring.ml.finish import build_document
from scoring.ml.fitting import Recipe, fit_recipe
from scoring.ml.importance import global_importance
from scoring.ml.results import TrainingConfig
from scoring.ml.schema import parse_row
from scoring.ml.search import first_settings
from tests.pure.ml.leads import Leads, mixed_leads

KINDS = ("prior", "naive_bayes", "logistic", "boosting")


@pytest.fixture(scope="module")
def leads() -> Leads:
    return mixed_leads(3000)


@pytest.fixture(scope="module")
def documents(leads: Leads) -> dict[str, dict[str, Any]]:
    settings = {**first_settings(3000), "penalty": 10.0}
    made = {}
    for kind in KINDS:
        recipe = Recipe(6, 0).choosing(kind, settings, 30)
        model = fit_recipe(leads.schema.trainable, leads.frame, leads.target, recipe, lambda: None)
        margins = model.margins(leads.frame)
        made[kind] = build_document(
            leads.schema, leads.frame, leads.target, model, margins, TrainingConfig(sample_rows=80)
        )[0]
    return made


@pytest.fixture(scope="module")
def trees(documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return documents["boosting"]


def rows(raw: pd.DataFrame, scorer: RowScorer) -> list[dict[str, Any]]:
    return [parse_row(scorer.schema, record)[0] for record in raw.to_dict("records")]


def dirty(n: int, seed: int) -> pd.DataFrame:
    """Leads with missing values everywhere and levels that the training never met."""
    rng = np.random.default_rng(seed)
    raw = mixed_leads(n, seed=seed).raw
    for name in ("pages", "budget", "src", "city", "demo", "created", "follow", "note"):
        raw.loc[rng.random(n) < 0.1, name] = None
    raw.loc[rng.random(n) < 0.05, "src"] = "Carrier pigeon"
    raw.loc[rng.random(n) < 0.05, "city"] = "Atlantis"
    raw.loc[rng.random(n) < 0.02, "budget"] = 1e29
    return raw


@pytest.mark.parametrize("kind", KINDS)
def test_it_equals_the_reference_pipeline(kind: str, documents: dict[str, dict[str, Any]]) -> None:
    scorer = compile_document(documents[kind])
    raw = dirty(10_000 if kind == "logistic" else 2000, seed=3)
    scored = scorer.score_many(rows(raw, scorer))
    compiled = np.array([one.probability for one in scored])
    slow = reference_probabilities(documents[kind], raw)
    assert np.abs(compiled - slow).max() <= 1e-9
    assert any(one.unseen for one in scored) == (kind != "prior")


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_add_up_to_the_margin(kind: str, documents: dict[str, dict[str, Any]]) -> None:
    scorer = compile_document(documents[kind])
    for one in scorer.score_many(rows(dirty(200, seed=4), scorer)):
        assert abs(one.base + sum(one.contributions.values()) - one.margin) <= 1e-9
        assert set(one.contributions) <= {spec.name for spec in scorer.schema.trainable}
        assert one.raw_probability == pytest.approx(1 / (1 + np.exp(-one.margin)), abs=1e-12)


def test_the_tree_part_of_contributions_is_treeshap(trees: dict[str, Any], leads: Leads) -> None:
    """The local accuracy and dummy axioms: an unused feature gets nothing, the sum is the prediction."""
    scorer = compile_document(trees)
    one, other = (dict(parse_row(leads.schema, leads.raw.iloc[i].to_dict())[0]) for i in (0, 1))
    for name in one:
        if name not in scorer.features:
            changed = {**one, name: other[name]}
            assert scorer.score(changed) == scorer.score(one)
    assert "id" not in scorer.features


def test_one_by_one_equals_many_at_once(trees: dict[str, Any]) -> None:
    scorer = compile_document(trees)
    values = rows(dirty(40, seed=5), scorer)
    assert [scorer.score(lead) for lead in values] == scorer.score_many(values)
    assert scorer.score_many([]) == []


def test_threads_that_share_a_scorer_do_not_mix_their_leads(trees: dict[str, Any]) -> None:
    scorer = compile_document(trees)
    values = rows(dirty(60, seed=6), scorer)
    alone = [scorer.score(lead) for lead in values]
    order = [i for _ in range(8) for i in range(len(values))]
    random.Random(0).shuffle(order)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: scorer.score(values[i]), order))
    assert all(found == alone[i] for i, found in zip(order, together, strict=True))


def test_a_lead_without_any_value_is_scored(trees: dict[str, Any]) -> None:
    assert 0 < compile_document(trees).score({}).probability < 1


def test_an_unseen_level_is_named_and_a_rewritten_one_is_not(trees: dict[str, Any], leads: Leads) -> None:
    scorer = compile_document(trees)
    lead = dict(parse_row(leads.schema, leads.raw.iloc[0].to_dict())[0])
    assert scorer.score({**lead, "src": "Carrier pigeon"}).unseen == ("src",)
    assert scorer.score({**lead, "src": "referral"}) == scorer.score({**lead, "src": "REFERRAL "})
    assert scorer.score({**lead, "src": None}).unseen == ()


def test_parity_is_checked_on_a_sample_with_missing_and_unseen_values(trees: dict[str, Any]) -> None:
    report = parity(trees)
    assert report.ok
    assert report.n == 80
    attributes = [item["attributes"] for item in trees["sample"]]
    assert all(value is None for value in attributes[0].values())
    assert (
        sum(
            compile_document(trees).score(parse_row(compile_document(trees).schema, a)[0]).unseen != ()
            for a in attributes[:20]
        )
        >= 1
    )


def test_parity_notices_a_changed_probability(trees: dict[str, Any]) -> None:
    changed = copy.deepcopy(trees)
    changed["sample"][5]["probability"] += 2e-6
    assert not parity(changed).ok


def test_the_sample_repeats_no_lead(trees: dict[str, Any], leads: Leads) -> None:
    real = {
        tuple(str(v) for v in record.values()) for record in leads.raw.drop(columns="id").to_dict("records")
    }
    made = {tuple(str(v) for v in item["attributes"].values()) for item in trees["sample"]}
    assert not real & made
    assert {str(i["attributes"]["note"]).replace("word", "").strip() for i in trees["sample"]} <= {"", "None"}


def test_scores_spread_evenly_over_the_grades(documents: dict[str, dict[str, Any]], leads: Leads) -> None:
    scorer = compile_document(documents["logistic"])
    scores = np.array([one.score for one in scorer.score_many(rows(leads.raw, scorer))])
    assert scores.min() >= 1
    assert scores.max() <= 99
    for low, high in ((75, 100), (50, 75), (25, 50), (0, 25)):
        assert np.mean((scores >= low) & (scores < high)) == pytest.approx(0.25, abs=0.02)


def test_a_score_is_the_middle_rank_of_equal_probabilities() -> None:
    cuts = [0.1] * 40 + [0.2] * 59
    assert [rank(cuts, p) for p in (0.05, 0.1, 0.15, 0.2, 0.3)] == [1, 20, 40, 70, 99]


def test_importance_ranks_what_moves_the_predictions(trees: dict[str, Any], leads: Leads) -> None:
    scorer = compile_document(trees)
    found = global_importance(scorer, rows(leads.raw.iloc[:300], scorer))
    assert sum(item.share for item in found) == pytest.approx(1.0)
    assert {item.feature for item in found[:4]} & {"src", "budget", "demo"}
    assert found == tuple(sorted(found, key=lambda item: -item.mean_contribution))
    assert global_importance(scorer, [])[0].share == 0.0


def test_a_document_survives_the_wire_to_the_byte(trees: dict[str, Any]) -> None:
    data = dump_document(trees)
    assert dump_document(load_document(data)) == data
    assert json.loads(data) == trees


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[]", "expected a JSON object"),
        (b"null", "expected a JSON object"),
        (b'{"format": NaN}', "NaN is not a number"),
        (b'{"format": 1' + b"0" * 5000 + b"}", "number that cannot be read"),
        (b'{"format": "something else"}', "not a model of this program"),
        (b'{"format": "leadscoring-model", "format_version": 2}', "reads version 1 only"),
        (b'{"format": "leadscoring-model", "format_version": true}', "reads version 1 only"),
        (b'{"format": "leadscoring-model", "format_version": 1}', "missing key"),
    ],
)
def test_bytes_that_are_no_document_are_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        load_document(data)


def test_a_document_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(DocumentError, match="expected at most 10"):
        load_document(b"[" * 11, limit=10)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("schema",), 5, "schema"),
        (("extra",), 1, "unknown key"),
        (("encoder",), [], "encoder"),
        (("encoder", "keys", 0, "via"), "magic", "encoder.keys"),
        (("encoder", "keys", 0, "feature"), "no such", "encoder.keys"),
        (("encoder", "columns", 0, "feature"), "id", "encoder.columns"),
        (("encoder", "columns", 0, "op"), "eval", "encoder.columns"),
        (("encoder", "columns", 0, "numbers"), [1.0], "expected low, high"),
        (("encoder", "columns", 0, "numbers", 3), 0.0, "scale above 0"),
        (("encoder", "columns", 0, "numbers", 0), 10**400, "expected a number"),
        (("estimator", "kind"), "pickle", "estimator.kind"),
        (("estimator", "weights"), [1.0] * 2, "estimator.means"),
        (("estimator", "intercept"), "1", "estimator.intercept"),
        (("estimator", "intercept"), True, "estimator.intercept"),
        (("estimator", "model"), 7, "LightGBM"),
        (("estimator", "model"), "tree\n", "estimator.model"),
        (("calibrator",), None, "calibrator"),
        (("calibrator", "kind"), "eval", "calibrator"),
        (("score_quantiles",), [0.5] * 98, "score_quantiles"),
        (("score_quantiles", 0), 0.9999, "never fall"),
        (("baseline", "leads"), 0, "baseline.leads"),
        (("sample", 0, "probability"), 2.0, "sample"),
        (("sample", 0, "attributes", "src"), {"a": 1}, "sample"),
    ],
)
def test_a_document_with_one_wrong_part_is_refused_by_its_path(
    path: tuple[str | int, ...], value: object, words: str, trees: dict[str, Any]
) -> None:
    document = copy.deepcopy(trees)
    at: Any = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    with pytest.raises(DocumentError, match=words):
        check_document(document)


def test_indices_that_lead_outside_are_refused(trees: dict[str, Any]) -> None:
    columns = trees["encoder"]["columns"]
    for i, column in enumerate(columns):
        for name, wrong in (("key", 10_000), ("other_key", -2), ("code", 10_000)):
            if name in column:
                document = copy.deepcopy(trees)
                document["encoder"]["columns"][i][name] = wrong
                with pytest.raises(DocumentError, match=f"columns\\[{i}\\]"):
                    check_document(document)
        if column["op"] == "pair":
            document = copy.deepcopy(trees)
            document["encoder"]["columns"][i]["cells"][-1] = 10**9
            with pytest.raises(DocumentError, match="cells"):
                check_document(document)
        if column["op"] == "table":
            document = copy.deepcopy(trees)
            document["encoder"]["columns"][i]["numbers"].pop()
            with pytest.raises(DocumentError, match="one for each of"):
                check_document(document)


def test_a_shuffled_structure_is_refused_or_harmless(trees: dict[str, Any]) -> None:
    """Random values at random places: refused in words, or a scorer that still answers."""
    chance = random.Random(1)
    values = [None, True, -1, 10**30, 1e308, "", "x", [], {}, [[]], "tree"]
    for _ in range(150):
        document = copy.deepcopy(trees)
        at: Any = document
        while True:
            key = chance.choice(list(at) if isinstance(at, dict) else range(len(at)))
            inner = at[key]
            if not isinstance(inner, dict | list) or not inner or chance.random() < 0.2:
                at[key] = chance.choice(values)
                break
            at = inner
        try:
            check_document(document)
        except DocumentError:
            continue
        compile_document(document).score({})
