"""Model files made to harm: each refused in a sentence, nothing written, nothing of them run."""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test.utils import override_settings

from scoring import registry
from scoring.contracts import AdoptionRefused
from scoring.ml.adoption import skops_file
from scoring.ml.adoption.catboost_json import convert_catboost
from scoring.ml.adoption.lightgbm_text import convert_lightgbm
from scoring.ml.adoption.mlmodel import Flavour
from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.adoption.skops_file import check_skops, load_skops
from scoring.models import ModelVersion
from scoring.services.adoption import request_adoption, run_adoption
from tests.factories import own_models as own
from tests.factories.learned import some_leads
from tests.factories.rows import NOW, a_feature_set
from tests.factories.trained import SPECS
from tests.pure.ml.adoption.test_conversion import CATBOOST_INPUTS
from tests.scoring.services.adoption.conftest import FakeMlflow, Put, mlflow, put

__all__ = ["mlflow", "put"]

Change = Callable[[dict[str, Any]], None]


class Canary:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def _hide(loader: str, module: str, name: str, **more: Any) -> Change:
    def change(schema: dict[str, Any]) -> None:
        node = own.node_of(schema, "LogisticRegression")
        node["content"]["content"]["extra"] = {
            "__loader__": loader,
            "__module__": module,
            "__class__": name,
            "__id__": 1,
            "content": more or None,
        }

    return change


@pytest.mark.parametrize(
    "change",
    [
        _hide("FunctionNode", "os", "system"),
        _hide("FunctionNode", "builtins", "eval"),
        _hide("FunctionNode", "numpy", "load"),
        _hide("PartialNode", "functools", "partial"),
        _hide("MethodNode", "builtins", "function"),
        _hide("OperatorFuncNode", "operator", "methodcaller"),
        _hide("TypeNode", "subprocess", "Popen"),
        _hide("ObjectNode", "subprocess", "Popen"),
        _hide("ObjectNode", "sklearn.neighbors._classification", "KNeighborsClassifier"),
        _hide("ObjectNode", "scipy.interpolate._bsplines", "BSpline"),
        _hide("RandomGeneratorNode", "numpy.random._generator", "Generator", bit_generator={}),
        _hide("SparseMatrixNode", "scipy.sparse._csr", "csr_matrix"),
        _hide("NoSuchNode", "builtins", "str"),
        lambda schema: schema.update(__class__="system", __module__="os"),
        lambda schema: schema.pop("__loader__"),
        lambda schema: schema.update(__loader__=["ObjectNode"]),
        lambda schema: schema.update(protocol="../x"),
    ],
)
def test_types_that_are_not_in_our_list_are_refused(change: Change) -> None:
    with pytest.raises(AdoptionError):
        load_skops(own.rezipped(own.skops_file(), change))


def _object_array() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([Canary(Path("canary"))], dtype=object), allow_pickle=True)
    return out.getvalue()


def _promising(size: int) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f8", "fortran_order": False, "shape": (size,)})
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("1.npy", _object_array()),
        ("1.npy", _promising(10**12)),
        ("1.npy", b"no array"),
        ("1.npy", b""),
        ("../1.npy", b"x"),
        ("/etc/passwd", b"x"),
        ("model.pkl", pickle.dumps("x")),
        ("1.npz", b"PK"),
        ("schema.json", b"[" * 100_000),
        ("schema.json", b"{}"),
        ("schema.json", b"\xff"),
        ("schema.json", b'{"a": NaN}'),
    ],
)
def test_parts_that_do_not_belong_in_a_skops_file_are_refused(name: str, content: bytes) -> None:
    with pytest.raises(AdoptionError):
        load_skops(own.with_members(own.skops_file(), {name: content}))


def test_a_small_file_that_unfolds_to_gigabytes_is_refused_before_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(skops_file, "UNPACKED_LIMIT", 8 * 1024 * 1024)
    bomb = own.with_members(own.skops_file(), {"1.npy": b"\0" * (9 * 1024 * 1024)}, packed=True)
    assert len(bomb) < 200_000
    with pytest.raises(AdoptionError, match="Unpacked, the skops file would take"):
        check_skops(bomb)


def test_a_zip_that_lies_about_its_sizes_is_refused() -> None:
    data = bytearray(own.with_members(own.skops_file(), {"1.npy": b"\0" * 100_000}, packed=True))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        assert archive.getinfo("1.npy").file_size == 100_000
    lying = bytes(data).replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    with pytest.raises(AdoptionError):
        load_skops(lying)


@pytest.mark.parametrize("end", ["forest", "histogram"])
@pytest.mark.parametrize("value", [-5, 0, 10**6])
def test_trees_that_point_out_of_their_memory_are_refused(end: str, value: int) -> None:
    data = own.skops_file(end)
    changed = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if not name.endswith(".npy"):
                continue
            array = np.load(io.BytesIO(archive.read(name)))
            fields = array.dtype.names or ()
            place = next((field for field in ("left_child", "left") if field in fields), None)
            if place is None or len(array) < 2 or changed:
                continue
            array[place][0] = value if array.dtype[place].kind == "i" else max(value, 0)
            out = io.BytesIO()
            np.save(out, array)
            changed[name] = out.getvalue()
    assert changed
    with pytest.raises(AdoptionError, match="does not exist"):
        load_skops(own.with_members(data, changed))


def test_hundreds_of_damaged_files_are_refused_or_answer_bit_for_bit() -> None:
    data, draw = own.skops_file(), random.Random(3)
    frame = own.frame_as_taught().head(20)
    expected = own.fitted().predict_proba(frame)
    refused = 0
    for _ in range(250):
        damaged = bytearray(data)
        kind = draw.randrange(3)
        if kind == 0:
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del damaged[draw.randrange(len(damaged)) :]
        else:
            start = draw.randrange(len(damaged))
            damaged[start : start + 40] = draw.randbytes(40)
        try:
            model = load_skops(bytes(damaged))
        except AdoptionError:
            refused += 1
        else:
            assert np.array_equal(model.predict_proba(frame), expected)
    assert refused > 150


def _catboost(change: Callable[[dict[str, Any]], None]) -> bytes:
    model = json.loads((own.DATA / "catboost.json").read_text())
    change(model)
    return json.dumps(model).encode()


def _split(model: dict[str, Any], **changes: Any) -> None:
    tree = next(tree for tree in model["oblivious_trees"] if "border" in tree["splits"][0])
    tree["splits"][0].update(changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["oblivious_trees"][0].update(leaf_values=[float("nan")] * 16),
        lambda m: m["oblivious_trees"][0].update(leaf_values=[float("inf")] * 16),
        lambda m: m["oblivious_trees"][0].update(leaf_values=[0.1]),
        lambda m: m["oblivious_trees"][0].update(splits=m["oblivious_trees"][0]["splits"] * 8),
        lambda m: m["oblivious_trees"][0].update(splits=-1),
        lambda m: _split(m, float_feature_index=99),
        lambda m: _split(m, float_feature_index=-1),
        lambda m: _split(m, float_feature_index=True),
        lambda m: _split(m, border="x"),
        lambda m: _split(m, split_type="OnlineCtr"),
        lambda m: m.update(oblivious_trees={}),
        lambda m: m.update(oblivious_trees=[[]] * 6000),
        lambda m: m.update(scale_and_bias=[1, [0, 0, 0]]),
        lambda m: m.update(scale_and_bias=[1e300, [0]]),
        lambda m: m["model_info"]["params"].update(loss_function={"type": "MultiClass"}),
        lambda m: m["features_info"]["float_features"][0].update(flat_feature_index=77),
        lambda m: m["features_info"]["float_features"][0].update(feature_id="Price"),
        lambda m: m["features_info"]["float_features"][0].update(nan_value_treatment="Run"),
        lambda m: m["features_info"].update(text_features=[{}]),
        lambda m: m.update(features_info=[]),
        lambda m: m.clear(),
    ],
)
def test_catboost_models_that_cannot_be_are_refused(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(AdoptionError):
        convert_catboost(_catboost(change), CATBOOST_INPUTS, {"Source": ["web"]})


@pytest.mark.parametrize(
    "data", [b"[" * 50_000, b"[]", b"null", b"\x80\x04K\x01.", b"", b'{"a":1,"a":2}', b"1e999"]
)
def test_bytes_that_are_no_catboost_model_are_refused(data: bytes) -> None:
    with pytest.raises(AdoptionError):
        convert_catboost(data, CATBOOST_INPUTS, {})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"left_child=", b"left_child=0 "),
        (b"right_child=", b"right_child=999999 "),
        (b"split_feature=", b"split_feature=7 "),
        (b"num_leaves=", b"num_leaves=9"),
        (b"objective=binary sigmoid:1", b"objective=regression"),
        (b"objective=binary sigmoid:1", b"objective=binary sigmoid:2"),
        (b"num_class=1", b"num_class=3"),
        (b"num_tree_per_iteration=1", b"num_tree_per_iteration=1\naverage_output"),
        (b"feature_names=Source", b"feature_names=Price"),
        (b"leaf_value=", b"leaf_value=nan "),
        (b"is_linear=0", b"is_linear=1"),
        (b"end of trees", b"the end"),
        (b"pandas_categorical:[", b"pandas_categorical:[[1],"),
        (b"pandas_categorical:[", b"pandas_categorical:" + b"[" * 5000),
        (b"tree\n", b"free\n"),
        (b"version=v4", b"version=\xff"),
    ],
)
def test_lightgbm_texts_that_cannot_be_are_refused(old: bytes, new: bytes) -> None:
    text = own.lightgbm_text()
    assert old in text
    with pytest.raises(AdoptionError):
        convert_lightgbm(text.replace(old, new, 1), own.INPUTS)


def test_a_lightgbm_text_that_is_cut_off_is_told_to_be_so() -> None:
    text = own.lightgbm_text()
    with pytest.raises(AdoptionError, match="it seems cut off"):
        convert_lightgbm(text[: text.index(b"end of trees")], own.INPUTS)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "form", ["pickle as skops", "python_function", "pickle", "link", "outside", "http", "large"]
)
def test_no_file_runs_and_nothing_is_written(
    form: str, put: Put, mlflow: FakeMlflow, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_feature_set(SPECS)
    some_leads(60)
    canary = place / "canary"
    trap = pickle.dumps(Canary(canary))
    (place / "evil_loader.py").write_text(f"import pathlib; pathlib.Path({str(canary)!r}).touch()")
    monkeypatch.syspath_prepend(str(place))
    folder = put({"model.skops": trap})
    if form == "python_function":
        put({}, described=own.mlmodel(flavors={"python_function": {"loader_module": "evil_loader"}}))
    elif form == "pickle":
        put({"model.pkl": trap}, described=own.mlmodel(flavors={"sklearn": {"pickled_model": "model.pkl"}}))
    elif form == "link":
        (folder / "model.skops").unlink()
        (folder / "model.skops").symlink_to(place / "evil_loader.py")
    elif form == "outside":
        mlflow.folders["theirs", "1"] = "file:///etc"
    elif form == "http":
        mlflow.folders["theirs", "1"] = "http://169.254.169.254/latest"
    elif form == "large":
        with (folder / "model.skops").open("wb") as file:
            file.truncate(2 * 1024**3)
    run = request_adoption(name="theirs", version="1", wake=False)
    with pytest.raises(AdoptionRefused) as refused:
        run_adoption(run.pk, as_of=NOW)
    assert all(reason.endswith(".") for reason in refused.value.reasons)
    assert not canary.exists()
    assert not ModelVersion.objects.exists()
    assert not (place / "models").exists()


@pytest.mark.parametrize(
    "path", ["../MLmodel", "/etc/passwd", "a/../../b", "", ".hidden", "a\\b", "a//b", "a\nb"]
)
def test_paths_that_lead_elsewhere_are_refused(path: str, put: Put) -> None:
    put()
    with pytest.raises(registry.FileRefused):
        registry.ForeignFiles("theirs", "1").read(path, limit=10)


def test_another_host_behind_the_servers_own_scheme_is_refused(mlflow: FakeMlflow) -> None:
    mlflow.folders["theirs", "1"] = "mlflow-artifacts://elsewhere.example:80/x"
    with override_settings(MLFLOW_TRACKING_URI="http://127.0.0.1:9"), pytest.raises(registry.FileRefused):
        registry.ForeignFiles("theirs", "1")


def test_a_form_is_read_only_as_what_it_says_it_is(put: Put) -> None:
    assert Flavour.SKOPS.value == "skops"
    with pytest.raises(AdoptionError, match="does not begin with"):
        convert_lightgbm(own.skops_file()[:100].replace(b"\xff", b"").decode("latin-1").encode(), own.INPUTS)
