"""The MLmodel file of a registered version: which tool made the model, in which file it lies, its signature.

Read as plain data. `python_function`, which names code to run, is never followed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.adoption.signature import Signature, read_signature
from scoring.ml.parsing import shown

SIZE_LIMIT = 2 * 1024 * 1024
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._ -]{0,127}(?:/[A-Za-z0-9_-][A-Za-z0-9._ -]{0,127}){0,3}")


class Flavour(StrEnum):
    """A form in which models of other tools are read."""

    SKOPS = "skops"
    LIGHTGBM = "lightgbm"
    CATBOOST = "catboost"


FLAVOUR_WORDS: Mapping[str, str] = {
    Flavour.SKOPS: "scikit-learn (skops)",
    Flavour.LIGHTGBM: "LightGBM (text)",
    Flavour.CATBOOST: "CatBoost (JSON)",
}


@dataclass(frozen=True, slots=True)
class ForeignModel:
    """What an MLmodel file says. `path` is the model's file beside it."""

    flavour: Flavour
    path: str
    signature: Signature
    tool_version: str


class _PlainLoader(yaml.SafeLoader):
    """Safe YAML without aliases: a few hundred bytes of them unfold to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def read_mlmodel(data: bytes) -> ForeignModel:
    """The model that an MLmodel file describes.

    Raises AdoptionError with every reason why it cannot be read.
    """
    document = _yaml(data)
    flavours = document.get("flavors")
    if not isinstance(flavours, dict) or not flavours:
        raise AdoptionError("MLmodel: expected “flavors”, the forms in which the model was stored.")
    flavour, path, version = _file(flavours)
    if not _PLAIN_NAME.fullmatch(path) or ".." in path:
        raise AdoptionError(
            f"MLmodel names the file “{shown(path)}”; expected a plain name inside the model's own folder."
        )
    return ForeignModel(flavour, path, read_signature(document.get("signature")), version)


def _yaml(data: bytes) -> dict[str, Any]:
    if len(data) > SIZE_LIMIT:
        raise AdoptionError(f"MLmodel has {len(data):,} bytes; at most {SIZE_LIMIT:,} are read.")
    try:
        document = yaml.load(data.decode("utf-8"), Loader=_PlainLoader)  # noqa: S506  a safe loader, made stricter
    except UnicodeDecodeError:
        raise AdoptionError("MLmodel is not UTF-8 text.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        words = str(getattr(error, "problem", "") or "") or str(error) or type(error).__name__
        raise AdoptionError(f"MLmodel is not plain YAML: {shown(words)}.") from None
    if not isinstance(document, dict):
        raise AdoptionError("MLmodel: expected names and values.")
    return document


def _file(flavours: Mapping[Any, Any]) -> tuple[Flavour, str, str]:
    for name, reader in (("sklearn", _sklearn), ("lightgbm", _lightgbm), ("catboost", _catboost)):
        found = flavours.get(name)
        if found is None:
            continue
        if not isinstance(found, dict):
            raise AdoptionError(f"MLmodel: flavors.{name} has no values.")
        if found.get("code"):
            raise AdoptionError(
                f"The model was logged with code of its own (“{shown(found['code'])}”), and no code of a model is "
                "run here. Log it without code_paths."
            )
        return reader(found)
    if set(flavours) == {"python_function"}:
        raise AdoptionError(
            "The model is a python_function: only its own code could load it, and no code of a model is run here. "
            "Log it with mlflow.sklearn (skops), mlflow.lightgbm or mlflow.catboost (json)."
        )
    raise AdoptionError(
        f"The model was stored as {shown(', '.join(str(name) for name in flavours))}; expected sklearn in the skops "
        "format, lightgbm, or catboost in the json format."
    )


def _sklearn(found: Mapping[str, Any]) -> tuple[Flavour, str, str]:
    stored = str(found.get("serialization_format", "pickle"))
    path = str(found.get("pickled_model", ""))
    if stored != "skops" or not path.endswith(".skops"):
        raise AdoptionError(
            f"The scikit-learn model is stored as {shown(stored)} in “{shown(path)}”. Reading pickles runs whatever "
            'they name, so they are refused. Log it with serialization_format="skops".'
        )
    return Flavour.SKOPS, path, str(found.get("sklearn_version", ""))[:40]


def _lightgbm(found: Mapping[str, Any]) -> tuple[Flavour, str, str]:
    path = str(found.get("data", ""))
    if path.endswith((".pkl", ".skops")) or "Booster" not in str(found.get("model_class", "")):
        raise AdoptionError(
            f"The LightGBM model is stored with its Python wrapper in “{shown(path)}”; expected the booster's text. "
            "Log the booster: mlflow.lightgbm.log_model(model.booster_, …)."
        )
    return Flavour.LIGHTGBM, path, str(found.get("lgb_version", ""))[:40]


def _catboost(found: Mapping[str, Any]) -> tuple[Flavour, str, str]:
    stored = str(found.get("save_format", "cbm"))
    if stored != "json":
        raise AdoptionError(
            f"The CatBoost model is stored as {shown(stored)}; expected JSON. Log it with "
            'mlflow.catboost.log_model(model, format="json", …).'
        )
    kind = str(found.get("model_type", ""))
    if kind not in ("CatBoostClassifier", "CatBoost"):
        raise AdoptionError(f"The CatBoost model is a {shown(kind)}; expected a CatBoostClassifier.")
    return Flavour.CATBOOST, str(found.get("data", "")), str(found.get("catboost_version", ""))[:40]
