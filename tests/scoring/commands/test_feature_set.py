"""`feature_set show|export|import|activate`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from scoring.contracts import FeatureSetState
from scoring.ml.values import FeatureSpec, Kind
from scoring.models import FeatureSet
from tests.factories.rows import a_feature_set, counts, features_of
from tests.factories.trained import SPECS

pytestmark = pytest.mark.django_db


def feature_set(*words: str) -> str:
    out = io.StringIO()
    call_command("feature_set", *words, stdout=out)
    return out.getvalue()


def test_it_shows_the_active_set_with_its_audit() -> None:
    found = a_feature_set(SPECS)
    feature = features_of(found)["Pages"]
    feature.audit = {"auc": {"value": 0.712, "low": 0.69, "high": 0.73, "n": 1200}}
    feature.notes = ["“-1” read as missing: 3 rows"]
    feature.save()
    words = feature_set("show")
    assert "Feature set 1: leads · active" in words
    assert (
        "Pages visited (column “Pages”)  [number]  trains    AUC alone 0.712 (0.690 to 0.730, n = 1,200)"
        in words
    )
    assert "“-1” read as missing: 3 rows" in words
    assert "Contract  [yes_no]  held out" in words
    assert "a leak" in words
    assert "missing: blank, 'Select'" in words


def test_it_says_of_an_identifier_that_no_model_uses_it() -> None:
    a_feature_set((*SPECS, FeatureSpec(name="Email", label="Email", kind=Kind.IDENTIFIER)))
    assert "Email  [identifier]  not used" in feature_set("show")


def test_export_can_be_edited_and_read_again(tmp_path: Path) -> None:
    a_feature_set(SPECS)
    document = json.loads(feature_set("export"))
    document["features"][0]["label"] = "Where from"
    path = tmp_path / "set.json"
    path.write_text(json.dumps(document), encoding="utf-8-sig")
    assert feature_set("import", str(path)).strip() == "Feature set 2: leads is draft."
    assert FeatureSet.objects.get(number=2).schema().features[0].label == "Where from"
    assert "is active" in feature_set("activate", "2", "--reason", "clearer")
    assert FeatureSet.objects.get(number=1).state == FeatureSetState.RETIRED
    assert json.loads(feature_set("export"))["number"] == 2


def test_show_as_json_is_the_export() -> None:
    a_feature_set(SPECS)
    assert json.loads(feature_set("show", "--json")) == json.loads(feature_set("export", "1"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show",), "No feature set is active"),
        (("show", "9"), "There is no feature set 9. Known: 1"),
        (("activate", "9", "--reason", "x"), "There is no feature set 9"),
        (("activate", "1", "--reason", ""), "A reason is needed"),
        (("activate", "1"), "--reason"),
    ],
)
def test_it_says_why_not_and_changes_nothing(words: tuple[str, ...], said: str) -> None:
    a_feature_set(SPECS, state=FeatureSetState.DRAFT)
    before = counts()
    with pytest.raises(CommandError, match=said):
        feature_set(*words)
    assert counts() == before
    assert FeatureSet.objects.get().state == FeatureSetState.DRAFT


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "holds no JSON object"),
        (b'{"name": "x", "features": [{"name": "a", "kind": "magic"}]}', r"features\[0\]\.kind: got magic"),
        (
            b'{"name": "x", "features": [{"name": "a", "kind": "number", "minimum": NaN}]}',
            "is not JSON|minimum",
        ),
        (b'{"name": "x", "features": [], "audit": {"a": {"auc": NaN}}}', "is not JSON|audit"),
        (b" " * (8 * 1024 * 1024 + 1), "has more than 8 MiB"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_a_file_that_is_no_feature_set_is_refused_by_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "set.json"
    path.write_bytes(content)
    before = counts()
    with pytest.raises(CommandError, match=said):
        feature_set("import", str(path))
    assert counts() == before


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"none\.json cannot be read: No such file"):
        feature_set("import", str(tmp_path / "none.json"))
    with pytest.raises(CommandError, match="cannot be read: Is a directory"):
        feature_set("import", str(tmp_path))
