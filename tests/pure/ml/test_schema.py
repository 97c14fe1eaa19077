"""The feature set: parsing of rows and frames, and JSON with every mistake named."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.ml.schema import (
    FeatureSchema,
    FeatureSpec,
    Kind,
    KnownAt,
    SchemaError,
    parse_frame,
    parse_row,
    parse_value,
)

SPECS = (
    FeatureSpec("visits", "Visits", Kind.NUMBER, missing_tokens=("-1", "n/a"), minimum=0, maximum=100),
    FeatureSpec("price", "Price", Kind.NUMBER, decimal=",", thousands="."),
    FeatureSpec("source", "Source", Kind.CATEGORY, missing_tokens=("Select",)),
    FeatureSpec(
        "demo", "Demo", Kind.YES_NO, true_values=("Ja",), false_values=("Nein",), missing_tokens=("?",)
    ),
    FeatureSpec("since", "Since", Kind.DATE, date_format="dmy"),
    FeatureSpec("note", "Note", Kind.TEXT),
    FeatureSpec("key", "Key", Kind.IDENTIFIER),
    FeatureSpec("late", "Late", Kind.NUMBER, excluded=True),
)
SCHEMA = FeatureSchema(SPECS)


def test_it_parses_the_trainable_features_of_a_row_in_order() -> None:
    values, warnings = parse_row(
        SCHEMA,
        {
            "visits": "7",
            "price": "1.234,5",
            "source": " Web ",
            "demo": "ja",
            "since": "31/05/2026",
            "note": "hi",
        },
    )
    assert list(values) == ["visits", "price", "source", "demo", "since", "note"]
    assert values == {
        "visits": 7.0,
        "price": 1234.5,
        "source": "Web",
        "demo": 1.0,
        "since": 20604.0,
        "note": "hi",
    }
    assert warnings == []


def test_it_names_missing_and_unknown_fields_but_not_excluded_ones() -> None:
    values, warnings = parse_row(
        SCHEMA, {"visits": None, "source": "select", "late": 3, "key": "k", "odd": 1}
    )
    assert values["visits"] is None
    assert values["source"] is None
    found = {(warning.feature, warning.code) for warning in warnings}
    assert ("visits", "missing") in found
    assert ("source", "missing") in found
    assert ("since", "missing") in found
    assert ("odd", "unknown_field") in found
    assert not {"late", "key"} & {warning.feature for warning in warnings}


def test_it_counts_unknown_fields_past_a_limit_instead_of_naming_them() -> None:
    _, warnings = parse_row(SCHEMA, {f"odd{i}": 1 for i in range(500)})
    unknown = [warning for warning in warnings if warning.code == "unknown_field"]
    assert len(unknown) == 21
    assert unknown[-1].message.startswith("480 more")


def test_it_keeps_a_value_out_of_range_with_a_warning() -> None:
    value, warning = parse_value(SPECS[0], 101)
    assert value == 101.0
    assert warning is not None
    assert warning.code == "out_of_range"
    assert "at most 100" in warning.message


@pytest.mark.parametrize(
    "raw",
    ["1e400", "Infinity", "NaN", float("inf"), float("nan"), 10**400, True, "1_000", "12x", [1], {"a": 1}],
)
def test_it_takes_no_number_that_is_none_and_says_what_was_expected(raw: object) -> None:
    value, warning = parse_value(SPECS[0], raw)
    assert value is None
    assert warning is not None
    assert warning.code == "unreadable"
    assert "expected" in warning.message
    assert len(warning.value) < 120


@pytest.mark.parametrize("raw", ["a\0b", "a\ud800b"])
def test_it_keeps_unstorable_characters_out_and_its_warning_can_be_stored(raw: str) -> None:
    for spec in (SPECS[2], SPECS[5], SPECS[0]):
        value, warning = parse_value(spec, raw)
        assert value is None
        assert warning is not None
        assert warning.code == "unreadable"
        (warning.value + warning.message).encode("utf-8")
        assert "\0" not in warning.value + warning.message


def test_it_reads_a_missing_number_also_when_it_comes_as_a_number() -> None:
    assert parse_value(SPECS[0], -1)[0] is None
    assert parse_value(SPECS[0], -1.0)[0] is None
    assert parse_value(SPECS[0], "-1")[0] is None


RAW = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["12", "1.234,5", "Ja", "nein", "?", "Select", "01/02/2024", "2024-02-30", "-1", "n/a", " "]
    ),
)


@given(st.lists(st.tuples(RAW, RAW, RAW, RAW, RAW, RAW), min_size=1, max_size=8))
def test_it_parses_a_frame_as_it_parses_its_rows(rows: list[tuple[Any, ...]]) -> None:
    names = [spec.name for spec in SCHEMA.trainable]
    frame = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows], dtype=object)
    parsed = parse_frame(SCHEMA, frame)
    assert list(parsed.columns) == names
    for i, row in enumerate(rows):
        values, _ = parse_row(SCHEMA, dict(zip(names, row, strict=True)))
        for name in names:
            cell = parsed[name].iloc[i]
            missing = cell is None or (isinstance(cell, float) and math.isnan(cell))
            assert (None if missing else cell) == values[name]


def test_it_parses_a_frame_of_typed_columns() -> None:
    frame = pd.DataFrame({"visits": np.array([1, 2]), "source": pd.array(["a", None], dtype="string")})
    parsed = parse_frame(SCHEMA, frame)
    assert parsed["visits"].tolist() == [1.0, 2.0]
    assert parsed["source"].tolist() == ["a", None]
    assert parsed["since"].isna().all()
    assert parsed["since"].dtype == np.float64


def test_it_survives_json_and_pickle() -> None:
    assert FeatureSchema.from_json(SCHEMA.to_json()) == SCHEMA
    copy = pickle.loads(pickle.dumps(SCHEMA))
    assert copy == SCHEMA
    assert parse_row(copy, {"visits": 3})[0]["visits"] == 3.0


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "expected an object"),
        ({"features": 3}, "features: got a number"),
        ({"features": [{"name": "a"}]}, "features[0].kind"),
        (
            {"features": [{"name": "a", "kind": "colour"}]},
            "features[0].kind: got colour; expected one of number",
        ),
        ({"features": [{"name": "a", "kind": "number", "size": 1}]}, "features[0].size: unknown key"),
        ({"features": [{"name": "a", "kind": "number", "minimum": "x"}]}, "features[0].minimum"),
        ({"features": [{"name": "a", "kind": "number", "minimum": 3, "maximum": 1}]}, "above the maximum"),
        ({"features": [{"name": "a", "kind": "number", "excluded": 1}]}, "expected true or false"),
        ({"features": [{"name": "a", "kind": "number", "decimal": ";"}]}, "features[0].decimal"),
        ({"features": [{"name": "a", "kind": "number", "thousands": "."}]}, "also the decimal mark"),
        ({"features": [{"name": "a", "kind": "date", "date_format": "ymd"}]}, "features[0].date_format"),
        ({"features": [{"name": "a", "kind": "number"}, {"name": "a", "kind": "text"}]}, "used twice"),
        ({"features": [{"name": "a\0", "kind": "number"}]}, "features[0].name"),
    ],
)
def test_it_refuses_json_by_path_value_and_expectation(document: object, words: str) -> None:
    with pytest.raises(SchemaError) as refused:
        FeatureSchema.from_json(document)
    assert words in str(refused.value)


def test_it_trains_on_nothing_excluded_and_on_no_identifier() -> None:
    assert {"late", "key"}.isdisjoint(spec.name for spec in SCHEMA.trainable)
    assert SCHEMA.by_name["late"].known_at is KnownAt.CREATION
