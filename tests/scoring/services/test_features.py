"""Feature sets: drawn up, exchanged as JSON, activated one at a time, and copied to be changed."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scoring.contracts import FeatureSetError, FeatureSetState
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind
from scoring.models import FeatureSet
from scoring.services.features import (
    activate_feature_set,
    copy_feature_set,
    draft_audited,
    export_feature_set,
    import_feature_set,
    settle_feature_set,
)
from scoring.services.features.sets import create_feature_set
from tests.factories.files import lead_rows
from tests.factories.rows import NOW, SPECS, a_feature_set, counts, features_of

pytestmark = pytest.mark.django_db

FULL = FeatureSpec(
    name="amount",
    label="Budget",
    kind=Kind.NUMBER,
    unit="AED",
    missing_tokens=("-", "n/a"),
    minimum=0.0,
    maximum=1e6,
    excluded=True,
    exclusion_reason="asked for by a person",
    sensitive=True,
    decimal=",",
    thousands=".",
)


def a_draft(**changes: Any) -> FeatureSet:
    return a_feature_set(state=FeatureSetState.DRAFT, **changes)


def activate(feature_set: FeatureSet, reason: str = "looked at") -> FeatureSet:
    return activate_feature_set(feature_set.pk, by=None, reason=reason, as_of=NOW)


# --- Activation --------------------------------------------------------------------------------------


def test_a_draft_becomes_the_active_one_and_the_one_before_is_retired() -> None:
    before, draft = a_feature_set(), a_draft()
    found = activate(draft, "  more columns ")
    before.refresh_from_db()
    assert (found.state, found.activated_at, found.activation_reason) == ("active", NOW, "more columns")
    assert before.state == FeatureSetState.RETIRED


@pytest.mark.parametrize("state", [FeatureSetState.ACTIVE, FeatureSetState.RETIRED])
def test_only_a_draft_can_be_activated(state: FeatureSetState) -> None:
    feature_set = a_feature_set(state=state)
    other = (
        a_feature_set(state=FeatureSetState.RETIRED) if state is FeatureSetState.ACTIVE else a_feature_set()
    )
    states = list(FeatureSet.objects.values_list("number", "state"))
    with pytest.raises(FeatureSetError, match=f"is {state.value}; only a draft can be activated. Copy it"):
        activate(feature_set)
    assert list(FeatureSet.objects.values_list("number", "state")) == states
    assert other.pk != feature_set.pk


def test_activation_wants_a_reason_and_something_to_learn_from() -> None:
    draft = a_draft()
    with pytest.raises(FeatureSetError, match="A reason is needed"):
        activate(draft, " \n")
    empty = a_draft(specs=(replace(SPECS[0], excluded=True),))
    with pytest.raises(FeatureSetError, match="holds every column out; nothing would be left to learn from"):
        activate(empty)
    with pytest.raises(FeatureSetError, match="no feature set with the key 999999999"):
        activate_feature_set(999999999, by=None, reason="x", as_of=NOW)
    assert not FeatureSet.objects.filter(state=FeatureSetState.ACTIVE).exists()


def test_a_set_in_use_is_changed_by_copying_it() -> None:
    source = a_feature_set((*SPECS, FULL))
    found = copy_feature_set(source.pk, by=None, as_of=NOW)
    assert (found.number, found.state, found.notes[0]) == (2, "draft", "Copied from feature set 1.")
    assert found.schema() == source.schema()
    with pytest.raises(FeatureSetError, match="no feature set with the key"):
        copy_feature_set(999, by=None, as_of=NOW)


# --- As JSON -----------------------------------------------------------------------------------------


def test_export_and_import_give_the_same_features() -> None:
    source = a_feature_set((*SPECS, FULL))
    payload = json.loads(json.dumps(export_feature_set(source)))
    found = import_feature_set(payload, by=None, as_of=NOW)
    assert (found.number, found.state, found.name) == (2, "draft", source.name)
    assert found.schema() == source.schema()


def test_the_audit_is_exported_beside_the_features_and_kept_on_import() -> None:
    source = a_feature_set()
    feature = features_of(source)["pages"]
    feature.audit = {"auc": {"value": 0.7}}
    feature.save()
    payload = export_feature_set(source)
    assert payload["audit"] == {"pages": {"auc": {"value": 0.7}}}
    assert features_of(import_feature_set(payload, by=None, as_of=NOW))["pages"].audit == {
        "auc": {"value": 0.7}
    }


def payload(**changes: Any) -> dict[str, Any]:
    feature = {"name": "pages", "label": "Pages", "kind": "number"}
    return {"format": "leadscoring-feature-set", "name": "leads", "features": [feature], **changes}


def feature(**changes: Any) -> dict[str, Any]:
    return payload(features=[{"name": "pages", "label": "Pages", "kind": "number", **changes}])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "no JSON object"),
        ([], "no JSON object"),
        ("text", "no JSON object"),
        (payload(surprise=1), "'surprise': unknown key; expected only"),
        (payload(format="pickle"), "format: got 'pickle'; expected 'leadscoring-feature-set'"),
        (payload(name=""), "name: got ''; expected a text"),
        (payload(name=7), "name: got 7"),
        (payload(name="a\0b"), "name"),
        (payload(name="\ud800"), "name"),
        (payload(features=None), "features: got nothing; expected a list"),
        (payload(features=[3]), r"features\[0\]: got a number; expected an object"),
        (feature(kind="tensor"), r"features\[0\]\.kind: got tensor; expected one of"),
        (feature(name=""), r"features\[0\]\.name"),
        (feature(minimum=2, maximum=1), r"features\[0\]\.minimum: got 2"),
        (feature(minimum=float("nan")), r"features\[0\]\.minimum"),
        (feature(name="n" * 501), r"features\[0\]\.name: got a text of 501 characters; expected at most 500"),
        (
            feature(label="n" * 501),
            r"features\[0\]\.label: got a text of 501 characters; expected at most 500",
        ),
        (feature(unit="u" * 33), r"features\[0\]\.unit: got a text of 33 characters; expected at most 32"),
        (
            feature(date_format="%d" * 40),
            r"features\[0\]\.date_format: got a text of 80 characters; expected at most 64",
        ),
        (feature(label="a\0b"), r"features\[0\]\.label"),
        (payload(features=[{"name": "a", "kind": "text"}] * 2), "is used twice"),
        (
            payload(notes=[float("nan")], audit={"pages": {"auc": float("nan")}}),
            "notes: Out of range float values",
        ),
        (payload(audit={"pages": {"note": "a\0b"}}), "audit"),
    ],
)
def test_what_is_wrong_with_a_file_is_named_and_nothing_is_written(given: object, words: str) -> None:
    before = counts()
    with pytest.raises(FeatureSetError, match=words):
        import_feature_set(given, by=None, as_of=NOW)
    assert counts() == before


def test_a_deep_audit_is_refused_in_words() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises(FeatureSetError, match="audit"):
        import_feature_set(payload(audit={"pages": deep}), by=None, as_of=NOW)


def test_a_payload_is_not_changed_by_reading_it() -> None:
    given = payload(notes=["a note"])
    before = copy.deepcopy(given)
    import_feature_set(given, by=None, as_of=NOW)
    assert given == before


# --- Drawn up from a sample --------------------------------------------------------------------------


def audited(n: int = 300, exclude: tuple[str, ...] = (), **columns: list[str]) -> Any:
    rows = lead_rows(n)
    frame = pd.DataFrame(rows, dtype=object).drop(columns=["Lead ID", "Converted"])
    for name, values in columns.items():
        frame[name] = np.array(values, dtype=object)
    converted = np.array([row["Converted"] == "1" for row in rows])
    return draft_audited(frame, converted, created=None, converted_at=None, exclude=exclude)


def test_a_leak_is_held_out_and_the_honest_columns_train() -> None:
    rows = lead_rows(300)
    found = audited(invoice=["2026-01-05" if row["Converted"] == "1" else "" for row in rows])
    assert [column["feature"] for column in found.held_out()] == ["invoice"]
    assert {spec.name for spec in found.schema.trainable} >= {"Source", "Pages", "Budget known"}
    assert found.audits["invoice"].held_out
    assert found.schema.by_name["invoice"].exclusion_reason == found.audits["invoice"].reason


def test_a_column_can_be_left_out_by_name() -> None:
    assert audited(exclude=("Country",)).schema.by_name["Country"].excluded


def test_the_first_draft_is_activated_and_the_same_columns_add_none() -> None:
    found = audited()
    first = settle_feature_set(found, by=None, as_of=NOW, name="leads.csv")
    assert (first.number, first.words) == (1, "active")
    again = settle_feature_set(found, by=None, as_of=NOW, name="more.csv")
    assert (again.number, again.words) == (1, "active; the file has its columns")
    assert FeatureSet.objects.get().rows_audited == 300


def test_drafts_get_the_next_number() -> None:
    numbers = [
        create_feature_set(FeatureSchema(SPECS), name="x", by=None, as_of=NOW).number for _ in range(3)
    ]
    assert numbers == [1, 2, 3]
