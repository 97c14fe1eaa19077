"""Trees of scikit-learn whose nodes point only where a node can be.

scikit-learn follows child and column numbers without looking whether they exist: a made-up file could read or write
memory that is none of its own. So all of them are checked, before the tree is built where that is when it is copied.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from scoring.ml.adoption.refusal import AdoptionError

MAX_OBJECTS = 2_000_000
_BAD = "A tree in the skops file points to a place that does not exist."


def check_tree_state(node: Mapping[str, Any], arrays: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> None:
    """Check the description of one `sklearn.tree._tree.Tree` and its arrays. Raises AdoptionError."""
    try:
        features, classes, outputs = (item for item in node["__reduce__"]["args"]["content"])
        state = node["content"]["content"]
        n_features, n_outputs = _whole(features), _whole(outputs)
        n_classes = arrays[classes["file"]]
        count = _whole(state["node_count"])
        nodes, values = arrays[state["nodes"]["file"]], arrays[state["values"]["file"]]
    except (KeyError, TypeError, ValueError):
        raise AdoptionError("A tree in the skops file lacks its nodes.") from None
    widest = int(n_classes.max()) if n_classes.shape == (1,) and n_classes.dtype.kind in "iu" else 0
    shaped = nodes.ndim == 1 and len(nodes) == count and values.shape == (count, 1, widest)
    if n_outputs != 1 or not 1 <= widest <= 2 or count < 1 or not shaped or not 1 <= n_features <= 10**6:
        raise AdoptionError("A tree in the skops file does not have the shape of a tree for two classes.")
    names = set(nodes.dtype.names or ())
    if not {"left_child", "right_child", "feature"} <= names:
        raise AdoptionError("A tree in the skops file lacks its nodes.")
    left, right = nodes["left_child"].astype(np.int64), nodes["right_child"].astype(np.int64)
    feature = nodes["feature"].astype(np.int64)
    own = np.arange(count)
    leaf = left == -1
    inner = ~leaf
    for child in (left, right):
        if not bool(((child[inner] > own[inner]) & (child[inner] < count)).all()):
            raise AdoptionError(_BAD)
    if not bool(((feature[inner] >= 0) & (feature[inner] < n_features)).all()):
        raise AdoptionError(_BAD)
    if not bool(np.isfinite(values).all()):
        raise AdoptionError("A tree in the skops file holds values that are no numbers.")


def _whole(node: Mapping[str, Any]) -> int:
    return int(str(node["content"]))


def check_built(model: Any) -> None:
    """Check what was built: every tree as wide as its owner, boosted trees in range, nothing started beside.

    Sets how many processes the parts may start to one. Raises AdoptionError.
    """
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    for owner in objects_of(model):
        for name, quiet in (("n_jobs", None), ("memory", None), ("verbose", 0)):
            if name in vars(owner):
                setattr(owner, name, quiet)
        if isinstance(owner, HistGradientBoostingClassifier) and hasattr(owner, "_predictors"):
            _check_histogram(owner)
        elif isinstance(owner, TreePredictor):
            _check_predictor(owner)
        elif isinstance(owner, GradientBoostingClassifier) and hasattr(owner, "estimators_"):
            stages = owner.estimators_
            if not isinstance(stages, np.ndarray) or stages.ndim != 2 or stages.shape[1] != 1:
                raise AdoptionError("A boosted model in the skops file is not one for two classes.")
        if hasattr(owner, "estimators_") or hasattr(owner, "tree_"):
            _check_widths(owner)


def _check_widths(owner: Any) -> None:
    from sklearn.tree import BaseDecisionTree

    width = getattr(owner, "n_features_in_", None)
    members = [owner] if hasattr(owner, "tree_") else np.ravel(_plain(owner.estimators_)).tolist()
    for member in members:
        if isinstance(member, BaseDecisionTree) and not (
            type(width) is int and member.n_features_in_ == width and member.tree_.n_features == width
        ):
            raise AdoptionError("A tree in the skops file is wider than the model it belongs to.")


def _plain(found: Any) -> Any:
    held = np.empty(len(found), dtype=object)
    if isinstance(found, np.ndarray):
        return found
    held[:] = found
    return held


def _check_histogram(owner: Any) -> None:
    if owner.is_categorical_ is not None or getattr(owner, "_preprocessor", None) is not None:
        raise AdoptionError(
            "HistGradientBoostingClassifier with categorical_features is not read; encode categories in a step "
            "before it."
        )
    mapper = owner._bin_mapper  # noqa: SLF001  # predictions pass through it
    if np.asarray(mapper.is_categorical_).any():
        raise AdoptionError("HistGradientBoostingClassifier with categorical_features is not read.")
    for stage in owner._predictors:  # noqa: SLF001
        if len(stage) != 1:
            raise AdoptionError("A boosted model in the skops file is not one for two classes.")
        nodes = stage[0].nodes
        if int(nodes["feature_idx"].max(initial=0)) >= int(owner.n_features_in_):
            raise AdoptionError(_BAD)


def _check_predictor(owner: Any) -> None:
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

    nodes = owner.nodes
    if not isinstance(nodes, np.ndarray) or nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1:
        raise AdoptionError("A tree in the skops file lacks its nodes.")
    inner = nodes["is_leaf"] == 0
    own = np.arange(len(nodes))[inner]
    children = (nodes["left"][inner].astype(np.int64), nodes["right"][inner].astype(np.int64))
    ok = len(nodes) > 0 and all(bool(((child > own) & (child < len(nodes))).all()) for child in children)
    ok = ok and not nodes["is_categorical"].any() and bool((nodes["feature_idx"][inner] >= 0).all())
    if not ok:
        raise AdoptionError(_BAD)
    if not bool(np.isfinite(nodes["value"]).all()):
        raise AdoptionError("A tree in the skops file holds values that are no numbers.")


def objects_of(model: Any) -> Iterator[Any]:
    """Every object with attributes below a model, each once."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        item = waiting.pop()
        if id(item) in seen or item is None or isinstance(item, str | int | float | bool | bytes | type):
            continue
        seen.add(id(item))
        if len(seen) > MAX_OBJECTS:
            raise AdoptionError("The skops file builds too many objects.")
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple | set):
            waiting.extend(item)
        elif isinstance(item, np.ndarray):
            if item.dtype.hasobject:
                waiting.extend(item.ravel().tolist())
        elif hasattr(item, "__dict__"):
            yield item
            waiting.extend(vars(item).values())
