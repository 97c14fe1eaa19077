"""A LightGBM text model of another tool, written again in the one form that is checked and scored here.

The text is taken apart line by line; only trees are kept. LightGBM itself sees it after `check_trees` has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from scoring.ml.adoption.columns import Columns, Converted
from scoring.ml.adoption.refusal import AdoptionError, read_json
from scoring.ml.adoption.signature import Given, Input
from scoring.ml.adoption.tree_text import text_of_blocks
from scoring.ml.parsing import shown
from scoring.ml.trees import MAX_TREES, TreeError, check_trees

SIZE_LIMIT = 48 * 1024 * 1024
_TREE = re.compile(r"Tree=([0-9]{1,6})\n")
_CATEGORIES = "pandas_categorical:"


def convert_lightgbm(data: bytes, inputs: Sequence[Input]) -> Converted:
    """The trees of a LightGBM text model over the columns of its signature. Raises AdoptionError in words."""
    if len(data) > SIZE_LIMIT:
        raise AdoptionError(f"The LightGBM model has {len(data):,} bytes; at most {SIZE_LIMIT:,} are read.")
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise AdoptionError(f"The LightGBM model is not UTF-8 text (byte {error.start}).") from None
    head, gap, body = text.partition("\n\n")
    if not gap or not head.startswith("tree\n"):
        raise AdoptionError(
            "The LightGBM model does not begin with “tree” and a header: it is no text model."
        )
    fields = _header(head)
    _check_header(fields, inputs)
    # First the trees: a text that is cut off has lost its categories too.
    blocks = _blocks(body)
    columns, notes = _columns(text, inputs)
    infos = ["[-1e300:1e300]" if item.given is not Given.TEXT else "0:1" for item in inputs]
    written = text_of_blocks(blocks, infos)
    try:
        check_trees(written, len(inputs))
    except TreeError as error:
        raise AdoptionError(f"The LightGBM model cannot be used: {error}.") from None
    estimator = {"kind": "boosting", "intercept": 0.0, "weights": [], "means": [], "model": written}
    return Converted(columns.encoder(), estimator, tuple(notes))


def _header(head: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in head.split("\n")[1:]:
        name, mark, value = line.partition("=")
        fields[name] = value if mark else name
    return fields


def _check_header(fields: Mapping[str, str], inputs: Sequence[Input]) -> None:
    if "average_output" in fields:
        raise AdoptionError(
            "The LightGBM model averages its trees (random forest); expected boosting, whose trees add up to log-odds."
        )
    objective = fields.get("objective", "")
    if objective != "binary sigmoid:1":
        raise AdoptionError(
            f"The LightGBM model was trained for “{shown(objective)}”; expected “binary sigmoid:1”, whose result is "
            "the log-odds of converting."
        )
    if fields.get("num_class") != "1" or fields.get("num_tree_per_iteration") != "1":
        raise AdoptionError("The LightGBM model has several classes; expected two: converted or not.")
    names = fields.get("feature_names", "").split(" ")
    if len(names) != len(inputs):
        raise AdoptionError(
            f"The LightGBM model has {len(names)} columns and its signature {len(inputs)}; expected the same ones."
        )
    for name, item in zip(names, inputs, strict=True):
        if _bare(name) != _bare(item.name) and not name.startswith("Column_"):
            raise AdoptionError(
                f"The LightGBM model's column “{shown(name)}” stands where its signature has “{shown(item.name)}”."
            )


def _bare(name: str) -> str:
    # LightGBM writes blanks as underscores, and Python's JSON escapes in its own way.
    return re.sub(r"[\W_]+", "_", name.strip())


def _columns(text: str, inputs: Sequence[Input]) -> tuple[Columns, list[str]]:
    named = [item.name for item in inputs if item.given is Given.TEXT]
    dates = [item.name for item in inputs if item.given is Given.DATE]
    if dates:
        raise AdoptionError(
            f"“{shown(dates[0])}” is a datetime in the signature, which LightGBM cannot read; expected a double: days "
            "since 1970-01-01."
        )
    levels = _levels(text)
    if len(levels) != len(named):
        raise AdoptionError(
            f"The signature has {len(named)} text columns and the LightGBM model the levels of {len(levels)}; "
            "expected each text column to be a pandas category when the model was trained."
        )
    columns, notes = Columns(), []
    by_name = dict(zip(named, levels, strict=True))
    for item in inputs:
        if item.name in by_name:
            columns.codes(item.name, by_name[item.name])
        else:
            columns.number(item.name)
    if named:
        notes.append("Levels are compared letter by letter with those the model was taught.")
    return columns, notes


def _levels(text: str) -> list[list[str]]:
    _, mark, rest = text.rpartition(f"\n{_CATEGORIES}")
    if not mark:
        return []
    found: Any = read_json(rest.strip().encode(), "The LightGBM model's list of categories")
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(levels, list) for levels in found):
        raise AdoptionError("The LightGBM model's list of categories: expected a list for each text column.")
    for levels in found:
        if not all(isinstance(level, str) for level in levels) or len(set(levels)) != len(levels):
            raise AdoptionError(
                "The LightGBM model's categories are not all texts; expected columns of texts, each level once."
            )
    return found


def _blocks(body: str) -> list[str]:
    trees, mark, _ = body.partition("end of trees")
    if not mark:
        raise AdoptionError("The LightGBM model does not end with “end of trees”; it seems cut off.")
    starts = [found.start() for found in _TREE.finditer(trees)]
    if len(starts) > MAX_TREES:
        raise AdoptionError(f"The LightGBM model has {len(starts):,} trees; at most {MAX_TREES:,} are read.")
    if not starts or trees[: starts[0]].strip():
        raise AdoptionError("The LightGBM model has no trees where they are expected, after the header.")
    ends = [*starts[1:], len(trees)]
    return [trees[a:b].rstrip("\n") + "\n\n\n" for a, b in zip(starts, ends, strict=True)]
