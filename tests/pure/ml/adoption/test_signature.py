"""A signature against a feature set: every reason at once, in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scoring.ml.adoption.mlmodel import Flavour, read_mlmodel
from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.adoption.signature import Input, Signature, fit
from tests.factories import own_models as own


def against(*inputs: Input) -> tuple[str, ...]:
    return fit(Signature(inputs, "double"), own.SCHEMA).reasons


def test_the_columns_of_the_feature_set_fit() -> None:
    assert fit(Signature(own.INPUTS, "double"), own.SCHEMA).ok


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Input("Deal size", "double"), "no such column"),
        (Input("pages", "double"), "“Pages” is spelled otherwise"),
        (Input("Contract", "boolean"), "held out of the feature set: a leak"),
        (Input("Pages", "string"), "is a number in the feature set"),
        (Input("Source", "double"), "is a category in the feature set"),
        (Input("Budget known", "string"), "is yes/no in the feature set"),
        (Input("Pages", "binary"), "has the type binary"),
        (Input("Pages", "{'type': 'array'}"), "has the type"),
    ],
)
def test_a_column_that_does_not_fit_is_named_with_the_reason(given: Input, words: str) -> None:
    (reason,) = against(given)
    assert words in reason


def test_all_reasons_are_told_at_once() -> None:
    found = against(Input("Deal size", "double"), Input("Contract", "boolean"), Input("Pages", "string"))
    assert len(found) == 3


def outputs(value: Any) -> tuple[str, ...]:
    signature = {
        "inputs": json.dumps([{"name": "Pages", "type": "double"}]),
        "outputs": None if value is None else json.dumps(value),
    }
    return read_mlmodel(own.mlmodel(signature=signature)).signature.problems


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "gives none"),
        ([], "gives none"),
        ([{"type": "string"}], "has the type string"),
        ([{"type": "double"}, {"type": "double"}], "gives 2 columns"),
        ([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}], "has the shape"),
        ([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": "x"}}], "has the shape"),
    ],
)
def test_an_output_that_is_no_chance_is_refused(value: Any, words: str) -> None:
    (problem,) = outputs(value)
    assert words in problem


@pytest.mark.parametrize(
    ("flavours", "words"),
    [
        ({"python_function": {"loader_module": "evil"}}, "no code of a model is run here"),
        ({"sklearn": {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}}, "pickles"),
        ({"sklearn": {"pickled_model": "model.pkl"}}, "pickles"),
        ({"sklearn": {"pickled_model": "model.pkl", "serialization_format": "skops"}}, "pickles"),
        (
            {"sklearn": {"pickled_model": "m.skops", "serialization_format": "skops", "code": "code"}},
            "code of its own",
        ),
        ({"lightgbm": {"data": "model.pkl", "model_class": "lightgbm.sklearn.LGBMClassifier"}}, "booster_"),
        ({"catboost": {"data": "model.cb", "model_type": "CatBoostClassifier"}}, "expected JSON"),
        (
            {"catboost": {"data": "m.cb", "save_format": "json", "model_type": "CatBoostRegressor"}},
            "expected a CatBoostClassifier",
        ),
        ({"xgboost": {"data": "model.xgb"}}, "was stored as xgboost"),
        ({}, "expected “flavors”"),
        ([], "expected “flavors”"),
        ({"sklearn": "x"}, "has no values"),
    ],
)
def test_forms_that_are_not_read_say_how_to_log_the_model_instead(flavours: Any, words: str) -> None:
    with pytest.raises(AdoptionError, match=words):
        read_mlmodel(own.mlmodel(flavors=flavours))


@pytest.mark.parametrize(
    "path", ["../model.skops", "/etc/model.skops", "a/../../m.skops", "a\\b.skops", ".m.skops"]
)
def test_a_file_outside_of_the_models_folder_is_refused(path: str) -> None:
    flavours = {"sklearn": {"pickled_model": path, "serialization_format": "skops"}}
    with pytest.raises(AdoptionError, match="plain name inside"):
        read_mlmodel(own.mlmodel(flavors=flavours))


@pytest.mark.parametrize(
    "data",
    [
        b"!!python/object/apply:os.system ['touch canary']",
        b"a: &a [x, x]\nb: *a",
        b"\xff\xfe",
        b"[" * 3000,
        b"- a",
        b"",
        b"a: b: c",
        b"x" * (3 * 1024 * 1024),
    ],
)
def test_a_description_that_is_no_plain_yaml_is_refused(data: bytes) -> None:
    with pytest.raises(AdoptionError):
        read_mlmodel(data)


def test_a_description_without_signature_says_what_to_add() -> None:
    with pytest.raises(AdoptionError, match="infer_signature"):
        read_mlmodel(own.mlmodel(Flavour.LIGHTGBM, signature=None))


@pytest.mark.parametrize("inputs", ["[", "{}", "[1]", "[" * 5000, '[{"name": NaN}]', '[{"a": 1, "a": 2}]'])
def test_a_signature_that_cannot_be_read_is_refused(inputs: str) -> None:
    with pytest.raises(AdoptionError):
        read_mlmodel(own.mlmodel(signature={"inputs": inputs, "outputs": "[]"}))
