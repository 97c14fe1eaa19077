"""CatBoost's JSON model turned into the trees that are scored and explained here, leaf by leaf.

CatBoost compares 32-bit floats: "right" when the value is above the border. The threshold written is the largest
64-bit number that still rounds to at most the border, so that both programs send every number the same way. One-hot
splits compare hashes of levels; levels are recognised among those of the leads, by CityHash.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoring.ml.adoption.cityhash import level_hash
from scoring.ml.adoption.columns import Columns, Converted
from scoring.ml.adoption.refusal import AdoptionError, read_json
from scoring.ml.adoption.signature import Given, Input
from scoring.ml.adoption.tree_text import NAN_LEFT, NAN_RIGHT, Branch, Leaf, tree_text
from scoring.ml.parsing import shown
from scoring.ml.trees import MAX_LEAVES, MAX_TREES

MAX_DEPTH = 12
_TREATMENTS = {"AsIs": NAN_LEFT, "AsFalse": NAN_LEFT, "AsTrue": NAN_RIGHT}
_LOSSES = ("Logloss", "CrossEntropy")
LARGEST_LEAF = 1e6
# CatBoost takes no missing category, so whoever trained it wrote one of these in its place.
_FILLS = (
    "",
    "nan",
    "NaN",
    "None",
    "none",
    "null",
    "NA",
    "N/A",
    "missing",
    "Missing",
    "unknown",
    "Unknown",
    "MISSING",
)


@dataclass(frozen=True, slots=True)
class _Feature:
    """A float or categorical feature: the input it reads, and for floats where missing values go."""

    column: str
    missing: int


def convert_catboost(data: bytes, inputs: Sequence[Input], levels: Mapping[str, Sequence[str]]) -> Converted:
    """The trees of a CatBoost JSON model over the columns of its signature.

    `levels` are the values each text column has among the leads. Raises AdoptionError in words.
    """
    model = read_json(data, "The CatBoost model")
    if not isinstance(model, dict):
        raise AdoptionError("The CatBoost model: expected a JSON object.")
    _check_kind(model)
    return _Reader(model, inputs, levels).converted()


def _check_kind(model: Mapping[str, Any]) -> None:
    info = _object(model.get("model_info", {}), "model_info")
    params = _object(info.get("params", {}), "model_info.params")
    loss = params.get("loss_function", {})
    name = loss.get("type") if isinstance(loss, dict) else loss
    if name not in _LOSSES:
        raise AdoptionError(
            f"The CatBoost model was trained for {shown(name)}; expected {' or '.join(_LOSSES)}, whose result is "
            "the log-odds of one class."
        )
    features = _object(model.get("features_info", {}), "features_info")
    if features.get("ctrs") or model.get("ctr_data"):
        raise AdoptionError(
            "The CatBoost model counts how often levels occurred with which outcome (CTR features), and such tables "
            "are not read. Train it with one_hot_max_size above the number of levels, or encode categories before it."
        )
    for kind in ("text_features", "embedding_features"):
        if features.get(kind):
            raise AdoptionError(f"The CatBoost model uses {kind.replace('_', ' ')}, which are not read.")
    classes = _object(info.get("class_params", {}) or {}, "model_info.class_params").get("class_names")
    if classes is not None and list(map(str, classes if isinstance(classes, list) else [])) not in (
        ["0", "1"],
        ["0.0", "1.0"],
        ["False", "True"],
        ["false", "true"],
    ):
        raise AdoptionError(
            f"The CatBoost model's classes are {shown(classes)}; expected 0 and 1, where 1 is converted."
        )


class _Reader:
    def __init__(
        self, model: Mapping[str, Any], inputs: Sequence[Input], levels: Mapping[str, Sequence[str]]
    ) -> None:
        self.inputs = inputs
        self.levels = levels
        self.columns = Columns()
        self.notes: list[str] = []
        self.model = model
        info = _object(model.get("features_info"), "features_info")
        self.floats = self._features(info.get("float_features", []), "float_features", Given.FLOAT)
        self.cats = self._features(info.get("categorical_features", []), "categorical_features", Given.TEXT)
        self.numbers: dict[str, int] = {}
        self.matches: dict[tuple[str, int], int] = {}
        self.unknown: dict[str, set[int]] = {}
        self.fills: dict[str, str] = {}

    def converted(self) -> Converted:
        scale, bias = self._scale()
        trees = self._trees(scale)
        for name, hashes in sorted(self.unknown.items()):
            self.notes.append(
                f"“{shown(name)}”: {len(hashes)} of the levels that the model asks for occur in none of the leads; "
                "CatBoost keeps no names of levels, so leads with such a level are scored like any other."
            )
        for name, word in sorted(self.fills.items()):
            self.notes.append(
                f"A lead without “{shown(name)}” counts as “{word}”, which the model knows as a level."
            )
        if not self.columns.columns:
            # Trees without a split still need a column to stand on.
            self._number(self.inputs[0].name)
        text = tree_text(trees, len(self.columns.columns))
        estimator = {"kind": "boosting", "intercept": bias, "weights": [], "means": [], "model": text}
        return Converted(self.columns.encoder(), estimator, tuple(self.notes))

    def _features(self, found: object, where: str, given: Given) -> list[_Feature]:
        result: list[_Feature] = []
        for i, item in enumerate(_list(found, where)):
            path = f"features_info.{where}[{i}]"
            feature = _object(item, path)
            if _whole(feature.get("feature_index"), f"{path}.feature_index", 0, 10**6) != i:
                raise AdoptionError(f"CatBoost model: {path}.feature_index: expected {i}.")
            flat = _whole(
                feature.get("flat_feature_index"), f"{path}.flat_feature_index", 0, len(self.inputs) - 1
            )
            column = self.inputs[flat]
            named = feature.get("feature_id")
            if named not in (None, "", column.name, str(flat)):
                raise AdoptionError(
                    f"The CatBoost model's column {flat} is “{shown(named)}”; its signature says "
                    f"“{shown(column.name)}”."
                )
            is_text = column.given is Given.TEXT
            if is_text != (given is Given.TEXT) or column.given is Given.DATE:
                raise AdoptionError(
                    f"“{shown(column.name)}” is of type {column.type} in the signature, and the CatBoost model reads "
                    f"it as {'a category' if given is Given.TEXT else 'a number'}."
                )
            treatment = feature.get("nan_value_treatment", "AsIs")
            if treatment not in _TREATMENTS:
                raise AdoptionError(
                    f"CatBoost model: {path}.nan_value_treatment: expected AsIs, AsFalse or AsTrue."
                )
            result.append(_Feature(column.name, _TREATMENTS[treatment]))
        return result

    def _scale(self) -> tuple[float, float]:
        found = _list(self.model.get("scale_and_bias"), "scale_and_bias")
        if len(found) != 2:
            raise AdoptionError("CatBoost model: scale_and_bias: expected a scale and a bias.")
        bias = found[1] if not isinstance(found[1], list) else found[1][0] if len(found[1]) == 1 else None
        return _number(found[0], "scale_and_bias.scale"), _number(bias, "scale_and_bias.bias")

    def _trees(self, scale: float) -> list[Branch | Leaf]:
        oblivious = "oblivious_trees" in self.model
        found = _list(self.model.get("oblivious_trees" if oblivious else "trees"), "trees")
        if len(found) > MAX_TREES:
            raise AdoptionError(
                f"The CatBoost model has {len(found):,} trees; at most {MAX_TREES:,} are read."
            )
        read = self._oblivious if oblivious else self._free
        return [read(_object(tree, f"trees[{i}]"), f"trees[{i}]", scale) for i, tree in enumerate(found)]

    def _oblivious(self, tree: Mapping[str, Any], path: str, scale: float) -> Branch | Leaf:
        splits = [
            self._split(_object(item, f"{path}.splits[{i}]"), f"{path}.splits[{i}]")
            for i, item in enumerate(_list(tree.get("splits") or [], f"{path}.splits"))
        ]
        if len(splits) > MAX_DEPTH:
            raise AdoptionError(
                f"CatBoost model: {path} is {len(splits)} levels deep; at most {MAX_DEPTH} are read."
            )
        leaves = 2 ** len(splits)
        values = _numbers(tree.get("leaf_values"), f"{path}.leaf_values", leaves, LARGEST_LEAF)
        weights = (
            _numbers(tree["leaf_weights"], f"{path}.leaf_weights", leaves, 1e9)
            if tree.get("leaf_weights")
            else [1.0] * leaves
        )

        def below(depth: int, index: int) -> Branch | Leaf:
            # The first split is the lowest bit of a leaf's number.
            if depth < 0:
                return Leaf(values[index] * scale, weights[index])
            column, threshold, decision = splits[depth]
            return Branch(
                column, threshold, decision, below(depth - 1, index), below(depth - 1, index | 1 << depth)
            )

        return below(len(splits) - 1, 0)

    def _free(self, tree: Mapping[str, Any], path: str, scale: float) -> Branch | Leaf:
        count = 0

        def below(node: Mapping[str, Any], at: str, depth: int) -> Branch | Leaf:
            nonlocal count
            if "split" not in node:
                count += 1
                if count > MAX_LEAVES:
                    raise AdoptionError(f"CatBoost model: {path} has more than {MAX_LEAVES:,} leaves.")
                value = _number(node.get("value"), f"{at}.value", LARGEST_LEAF)
                return Leaf(value * scale, _number(node.get("weight", 1), f"{at}.weight", 1e9))
            if depth >= 32:
                raise AdoptionError(f"CatBoost model: {path} is more than 32 levels deep.")
            column, threshold, decision = self._split(_object(node["split"], f"{at}.split"), f"{at}.split")
            sides = [
                below(_object(node.get(side), f"{at}.{side}"), f"{at}.{side}", depth + 1)
                for side in ("left", "right")
            ]
            return Branch(column, threshold, decision, sides[0], sides[1])

        return below(tree, path, 0)

    def _split(self, split: Mapping[str, Any], path: str) -> tuple[int, float, int]:
        kind = split.get("split_type")
        if kind == "FloatFeature":
            at = _whole(
                split.get("float_feature_index"), f"{path}.float_feature_index", 0, len(self.floats) - 1
            )
            feature = self.floats[at]
            border = _number(split.get("border"), f"{path}.border", 3.5e38)
            return self._number(feature.column), largest_at_most(border), feature.missing
        if kind == "OneHotFeature":
            at = _whole(split.get("cat_feature_index"), f"{path}.cat_feature_index", 0, len(self.cats) - 1)
            value = _whole(split.get("value"), f"{path}.value", -(2**31), 2**31 - 1)
            return self._match(self.cats[at].column, value), 0.5, NAN_LEFT
        raise AdoptionError(
            f"CatBoost model: {path}.split_type is {shown(kind)}; expected FloatFeature or OneHotFeature."
        )

    def _number(self, name: str) -> int:
        if name not in self.numbers:
            self.numbers[name] = self.columns.number(name)
        return self.numbers[name]

    def _match(self, name: str, value: int) -> int:
        if (name, value) not in self.matches:
            known = list(self.levels.get(name, ()))
            level = next((one for one in known if level_hash(one) == value), None)
            fill = next((one for one in _FILLS if level_hash(one) == value), None)
            if level is None and fill is not None and self.fills.setdefault(name, fill) == fill:
                self.matches[name, value] = self.columns.table(name, known, [0.0] * len(known), 0.0, 1.0)
            elif level is None:
                self.unknown.setdefault(name, set()).add(value)
                # A column that is 0 for every lead, so that its splits send all of them left.
                self.matches[name, value] = self.columns.table(name, known, [0.0] * len(known), 0.0, 0.0)
            else:
                self.matches[name, value] = self.columns.level_is(name, known, level)
        return self.matches[name, value]


def largest_at_most(border: float) -> float:
    """The largest 64-bit number whose 32-bit rounding is not above `border`.

    >>> largest_at_most(0.5) > 0.5, largest_at_most(0.5) < 0.5000001
    (True, True)
    """
    with np.errstate(all="ignore"):
        single = np.float32(border)
        above = np.nextafter(single, np.float32(np.inf))
    if not math.isfinite(float(above)):
        return float(single)
    middle = (float(single) + float(above)) / 2.0
    return middle if np.float32(middle) <= single else math.nextafter(middle, -math.inf)


def _object(found: object, path: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise AdoptionError(f"CatBoost model: {path}: expected an object.")
    return found


def _list(found: object, path: str) -> list[Any]:
    if not isinstance(found, list):
        raise AdoptionError(f"CatBoost model: {path}: expected a list.")
    return found


def _number(found: object, path: str, largest: float = 1e9) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not -largest <= found <= largest:
        raise AdoptionError(f"CatBoost model: {path}: expected a number of at most {largest:g}.")
    return float(found)


def _numbers(found: object, path: str, length: int, largest: float) -> list[float]:
    items = _list(found, path)
    if len(items) != length:
        raise AdoptionError(f"CatBoost model: {path}: got {len(items)} numbers; expected {length}.")
    return [_number(item, f"{path}[{i}]", largest) for i, item in enumerate(items)]


def _whole(found: object, path: str, low: int, high: int) -> int:
    if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
        raise AdoptionError(f"CatBoost model: {path}: expected a whole number from {low} to {high}.")
    return found
