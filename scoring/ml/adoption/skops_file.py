"""A scikit-learn pipeline in skops' format: checked as data from end to end before anything is built from it.

A skops file is a zip of one JSON description and NumPy arrays. Sizes are capped before a byte is unpacked; every type
the description names must be in our list; every array must be what its header says; tree nodes, which scikit-learn
follows without looking, must stay inside their tree. Only then skops builds the objects, behind its own audit.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoring.ml.adoption.refusal import AdoptionError, read_json
from scoring.ml.adoption.skops_trees import check_built, check_tree_state
from scoring.ml.adoption.skops_types import ALLOWED, TRUSTED
from scoring.ml.parsing import shown

PACKED_LIMIT = 24 * 1024 * 1024
UNPACKED_LIMIT = 256 * 1024 * 1024
SCHEMA_LIMIT = 48 * 1024 * 1024
MOST_MEMBERS = 50_000
_SCHEMA = "schema.json"
_ARRAY_NAME = re.compile(r"[0-9]{1,24}\.npy")
_GENERATORS = ('"PCG64"', '"MT19937"')


@dataclass(frozen=True, slots=True)
class _File:
    archive: zipfile.ZipFile
    names: frozenset[str]

    def array(self, name: object, path: str) -> np.ndarray[Any, np.dtype[Any]]:
        """An array of the file, read only when its bytes are exactly what its header promises."""
        if not isinstance(name, str) or name not in self.names or name == _SCHEMA:
            raise AdoptionError(
                f"The skops file names the array “{shown(name)}” ({path}), which it does not hold."
            )
        return _array(self.archive.read(name), name)


def check_skops(data: bytes) -> None:
    """Check a skops file without building anything. Raises AdoptionError in words."""
    with _opened(data):
        pass


def load_skops(data: bytes) -> Any:
    """The scikit-learn object of a skops file, after all checks. Raises AdoptionError in words."""
    import skops.io

    with _opened(data):
        pass
    try:
        built = skops.io.loads(data, trusted=list(TRUSTED))
        check_built(built)
    except AdoptionError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever a file does to the reader, the file is what cannot be used
        raise AdoptionError(
            f"The skops file cannot be read: {type(error).__name__}: {shown(str(error), 200)}."
        ) from None
    return built


class _opened:  # noqa: N801  # reads as a word in a with statement
    def __init__(self, data: bytes) -> None:
        self.data = data

    def __enter__(self) -> None:
        if len(self.data) > PACKED_LIMIT:
            raise AdoptionError(
                f"The skops file has {len(self.data):,} bytes; at most {PACKED_LIMIT:,} are read."
            )
        try:
            with zipfile.ZipFile(io.BytesIO(self.data)) as archive:
                _check(_File(archive, _members(archive)))
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise AdoptionError(f"The skops file is damaged: {shown(str(error))}.") from None
        except (MemoryError, RecursionError, ValueError, KeyError, TypeError, OverflowError) as error:
            if isinstance(error, AdoptionError):
                raise
            raise AdoptionError(
                f"The skops file cannot be read: {type(error).__name__}: {shown(str(error))}."
            ) from None

    def __exit__(self, *_: object) -> None:
        return None


def _members(archive: zipfile.ZipFile) -> frozenset[str]:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise AdoptionError(
            f"The skops file holds {len(members):,} parts; at most {MOST_MEMBERS:,} are read."
        )
    total = sum(member.file_size for member in members)
    if total > UNPACKED_LIMIT:
        raise AdoptionError(
            f"Unpacked, the skops file would take {total:,} bytes; at most {UNPACKED_LIMIT:,} are read."
        )
    names = [member.filename for member in members]
    for member in members:
        if member.filename != _SCHEMA and not _ARRAY_NAME.fullmatch(member.filename):
            raise AdoptionError(
                f"The skops file holds “{shown(member.filename)}”; expected {_SCHEMA} and arrays named by a number."
            )
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise AdoptionError(
                f"“{member.filename}” in the skops file is encrypted or packed in an unknown way."
            )
    if len(set(names)) != len(names):
        raise AdoptionError("The skops file holds two parts of one name.")
    if _SCHEMA not in names:
        raise AdoptionError(f"The skops file has no {_SCHEMA}: it is no skops file.")
    if archive.getinfo(_SCHEMA).file_size > SCHEMA_LIMIT:
        raise AdoptionError(f"The description in the skops file is larger than {SCHEMA_LIMIT:,} bytes.")
    return frozenset(names)


def _check(file: _File) -> None:
    schema = read_json(file.archive.read(_SCHEMA), "The description in the skops file")
    if not isinstance(schema, dict) or "__loader__" not in schema:
        raise AdoptionError("The description in the skops file: expected one object.")
    refused: dict[str, None] = {}
    arrays: dict[str, np.ndarray[Any, np.dtype[Any]]] = {}
    for node in _nodes(schema):
        wrong = _named(node)
        if wrong:
            refused[wrong] = None
        elif node["__loader__"] == "NdArrayNode" and node.get("type") != "json":
            name = str(node.get("file"))
            if name not in arrays:
                arrays[name] = file.array(node.get("file"), "an array")
    if refused:
        listed = list(refused)
        more = f" and {len(listed) - 8} more" if len(listed) > 8 else ""
        raise AdoptionError(
            f"The skops file asks for {', '.join(listed[:8])}{more}: not in the list of types that are built here."
        )
    for name in file.names - set(arrays) - {_SCHEMA}:
        file.array(name, "not used")
    for node in _nodes(schema):
        if node["__loader__"] == "TreeNode":
            check_tree_state(node, arrays)


def _nodes(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of the description that could become something, without recursion."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "__loader__" in item or "__class__" in item or "__module__" in item:
                yield {"__loader__": None, **item}
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _named(node: Mapping[str, Any]) -> str:
    """The type a node asks for, if it is not in our list."""
    loader, module, name = node["__loader__"], node.get("__module__"), node.get("__class__")
    if not isinstance(loader, str) or (module, name) not in ALLOWED.get(loader, frozenset()):
        return f"“{shown(f'{module}.{name}', 80)}”"
    if loader == "RandomGeneratorNode":
        kind: Any = node
        for step in ("content", "bit_generator", "content", "bit_generator", "content"):
            kind = kind.get(step) if isinstance(kind, dict) else None
        if kind not in _GENERATORS:
            return "an unknown random generator"
    return ""


def _array(data: bytes, name: str) -> np.ndarray[Any, np.dtype[Any]]:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise AdoptionError(f"“{name}” in the skops file is an array of an unknown version.")
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise AdoptionError(
            f"“{name}” in the skops file holds Python objects, which only unpickling could read; expected numbers."
        )
    promised = dtype.itemsize
    for side in shape:
        promised *= int(side)
    if promised != len(data) - stream.tell() or any(side < 0 for side in shape):
        raise AdoptionError(
            f"“{name}” in the skops file promises {promised:,} bytes and holds {len(data) - stream.tell():,}."
        )
    found: np.ndarray[Any, np.dtype[Any]] = np.load(io.BytesIO(data), allow_pickle=False)
    return found
