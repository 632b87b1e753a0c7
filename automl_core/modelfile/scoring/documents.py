"""The scorer's document: a model as plain data, and how it lies in a file.

A document is JSON values and numpy arrays, nothing that is run::

    {"format": 1,
     "problem": {"kind": "binary" | "multiclass" | "regression", "target": …, "classes": [texts]},
     "schema": [fields, see values.Field.to_json],
     "members": [{"weight": 0.7, "features": [states], "model": {"type": …}, "link": …}, …],
     "calibration": None | {"type": …},        see calibration.py
     "threshold": None | number | [numbers]}   see calibration.py

A member turns rows into outputs: its features (`features.Features`) make a matrix of them, its model (`models`, one file
a type, where the members of each type's document are written) gives a margin (n, K) of it, its link (`links`) makes
outputs of the margin: (n, classes) probabilities in the order of the problem's classes, or (n, 1) numbers. The document's
outputs are the weighted mean of its members', calibrated.

On disk a document is ``scorer.json`` and ``scorer.npz``: an array's place in the JSON is ``{"$array": "a12"}``, the name
of its member there. No array is one of objects, so nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = 1
"""Of the document. A later one is refused; earlier ones stay readable."""

JSON_FILE, ARRAYS_FILE = "scorer.json", "scorer.npz"

_MARK = "$array"


class LaterFormat(ValueError):
    """A file that a later release wrote, in a format that this one does not know."""


def flatten(document: Any) -> tuple[Any, dict[str, np.ndarray[Any, Any]]]:
    """A document as JSON values alone, and its arrays by name, in the order in which they occur.

    Raises:
        ValueError: something that is neither a JSON value nor an array of numbers or booleans.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}

    def plain(value: Any, where: str) -> Any:
        if isinstance(value, np.ndarray):
            if value.dtype.kind not in "biuf":
                raise ValueError(f"{where}: an array of {value.dtype} can't be kept (allowed: numbers, booleans)")
            name = f"a{len(arrays)}"
            arrays[name] = value
            return {_MARK: name}
        if isinstance(value, np.generic):
            return plain(value.item(), where)
        if isinstance(value, Mapping):
            return {str(key): plain(each, f"{where}.{key}") for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(each, f"{where}[{place}]") for place, each in enumerate(value)]
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise ValueError(f"{where}: a {type(value).__name__} can't be kept (allowed: JSON values, arrays of numbers)")

    return plain(document, "document"), arrays


def unflatten(value: Any, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    """What `flatten` was given."""
    if isinstance(value, dict):
        if len(value) == 1 and _MARK in value:
            return arrays[value[_MARK]]
        return {key: unflatten(each, arrays) for key, each in value.items()}
    if isinstance(value, list):
        return [unflatten(each, arrays) for each in value]
    return value


def check_format(document: Mapping[str, Any], what: str = "the scorer's document") -> None:
    """Refuse what a later release wrote.

    Raises:
        LaterFormat: its format's number is above `FORMAT`.
        ValueError: it has none.
    """
    number = document.get("format")
    if not isinstance(number, int):
        raise ValueError(f"{what} names no format: it is no model's file, or a broken one")
    if number > FORMAT:
        raise LaterFormat(
            f"{what} has the format {number}, and this release reads formats up to {FORMAT}: "
            "open it with the release that wrote it, or a later one"
        )


def load(folder: Path) -> dict[str, Any]:
    """The document in a folder.

    Raises:
        LaterFormat: a later release wrote it.
        OSError: a file is not there.
        ValueError: a file is broken.
    """
    plain = json.loads((folder / JSON_FILE).read_text(encoding="utf-8"))
    check_format(plain, str(folder / JSON_FILE))
    with np.load(folder / ARRAYS_FILE, allow_pickle=False) as arrays:
        found: dict[str, Any] = unflatten(plain, dict(arrays))
    return found
