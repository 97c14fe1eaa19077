"""Models as other tools make them, with the leads and feature set of the small model, and MLmodel files beside them."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import yaml

from scoring.ml.adoption.mlmodel import Flavour, ForeignModel
from scoring.ml.adoption.signature import Input, Signature
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame
from scoring.ml.training import TrainingData
from tests.factories.files import lead_rows
from tests.factories.trained import SPECS

DATA = Path(__file__).parents[1] / "data" / "own_models"
INPUTS = (
    Input("Source", "string"),
    Input("Pages", "double"),
    Input("Budget known", "double"),
    Input("Country", "string"),
)
NAMES = [item.name for item in INPUTS]
SCHEMA = FeatureSchema(SPECS)
CATBOOST_SPECS = (
    FeatureSpec(name="Source", label="Source", kind=Kind.CATEGORY),
    FeatureSpec(name="Pages", label="Pages visited", kind=Kind.NUMBER),
    FeatureSpec(name="Budget", label="Budget", kind=Kind.NUMBER),
    FeatureSpec(name="Budget known", label="Budget known", kind=Kind.YES_NO),
)


@cache
def own_leads(n: int = 400, seed: int = 5) -> TrainingData:
    """Parsed leads with outcomes."""
    rows = lead_rows(n, seed=seed)
    frame = parse_frame(SCHEMA, pd.DataFrame(rows, dtype=object).assign(Contract=None))
    return TrainingData(frame=frame, target=np.array([row["Converted"] == "1" for row in rows]))


def frame_as_taught() -> pd.DataFrame:
    """The leads as somebody with pandas would hold them."""
    frame = own_leads().frame[NAMES].copy()
    for name in ("Source", "Country"):
        texts = frame[name].to_numpy()
        frame[name] = pd.Series([np.nan if text is None else text for text in texts], dtype=object)
    return frame


@cache
def a_booster() -> lgb.Booster:
    """LightGBM trained on pandas categories."""
    frame = frame_as_taught().astype({"Source": "category", "Country": "category"})
    settings = {"objective": "binary", "verbosity": -1, "seed": 1, "num_threads": 1, "min_data_in_leaf": 5}
    return lgb.train(settings, lgb.Dataset(frame, own_leads().target), 15)


def lightgbm_text() -> bytes:
    """Its text."""
    return a_booster().model_to_string().encode()


def fitted(end: str = "logistic", **changes: Any) -> Any:
    """A fitted scikit-learn pipeline that ends in a logistic regression or a forest."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    unknown = changes.get("handle_unknown", "ignore")
    texts = Pipeline(
        [
            ("fill", SimpleImputer(strategy="constant", fill_value="none")),
            ("encode", OneHotEncoder(handle_unknown=unknown, sparse_output=False)),
        ]
    )
    numbers = Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())])
    parts = [("texts", texts, ["Source", "Country"]), ("numbers", numbers, ["Pages", "Budget known"])]
    ends = {
        "logistic": LogisticRegression(),
        "forest": RandomForestClassifier(8, max_depth=4, random_state=1),
        "histogram": HistGradientBoostingClassifier(max_iter=8, max_depth=3, random_state=1),
    }
    return Pipeline([("columns", ColumnTransformer(parts)), ("end", ends[end])]).fit(
        frame_as_taught(), own_leads().target.astype(int)
    )


@cache
def skops_file(end: str = "logistic", **changes: Any) -> bytes:
    """The same in skops' format."""
    import skops.io

    return bytes(skops.io.dumps(fitted(end, **changes)))


def foreign(flavour: Flavour = Flavour.SKOPS, inputs: tuple[Input, ...] = INPUTS) -> ForeignModel:
    """What an MLmodel file would say of one of these."""
    return ForeignModel(flavour, "model.skops", Signature(inputs, "double"), "")


def mlmodel(flavour: Flavour = Flavour.SKOPS, **changes: Any) -> bytes:
    """An MLmodel file."""
    flavours: Mapping[str, dict[str, Any]] = {
        Flavour.SKOPS: {"sklearn": {"pickled_model": "model.skops", "serialization_format": "skops"}},
        Flavour.LIGHTGBM: {"lightgbm": {"data": "model.lgb", "model_class": "lightgbm.basic.Booster"}},
        Flavour.CATBOOST: {
            "catboost": {"data": "model.cb", "save_format": "json", "model_type": "CatBoostClassifier"}
        },
    }
    document = {
        "flavors": {**flavours[flavour], "python_function": {"loader_module": "evil_loader", "code": "code"}},
        "signature": {
            "inputs": json.dumps([{"name": item.name, "type": item.type} for item in INPUTS]),
            "outputs": json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]),
        },
        **changes,
    }
    return yaml.safe_dump(document).encode()


def rezipped(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A skops file with its description changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                change(schema)
                content = json.dumps(schema).encode()
            new.writestr(name, content)
    return out.getvalue()


def with_members(data: bytes, members: Mapping[str, bytes], *, packed: bool = False) -> bytes:
    """A skops file with parts added or replaced."""
    out = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(io.BytesIO(data)) as old:
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "w", kind) as new:
            for name in old.namelist():
                if name not in members:
                    new.writestr(name, old.read(name))
            for name, content in members.items():
                new.writestr(name, content)
    return out.getvalue()


def node_of(schema: Any, name: str) -> dict[str, Any]:
    """The first node of a skops description that builds this class."""
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.get("__class__") == name:
                return item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    raise LookupError(name)
