"""The scorer's document: a model as plain data, and how it lies in a file.

A document is JSON values and numpy arrays, nothing that is run::

    {"format": 1,
     "problem": {"kind": "binary" | "multiclass" | "regression", "target": …, "classes": [texts]},
     "schema": [fields, see values.Field.to_json],
     "members": [{"weight": 0.7, "features": [states], "model": {"type": …}, "link": …}, …],    see members.py
     "calibration": None | {"type": …},        see calibration.py
     "threshold": None | number | [numbers] | {"costs": …}}   see calibration.py

A member turns rows into outputs: its features (`features.Features`) make a matrix of them, its model (`models`, one
file a type, where each type's document is described) gives a margin (n, K) of it, its link (`links`) makes outputs of
the margin: (n, classes) probabilities in the order of the problem's classes, or (n, 1) numbers. The document's outputs
are the weighted mean of its members', calibrated.

On disk a document is ``scorer.json`` and ``scorer.npz``. In the JSON stand, for what JSON has not,

- ``{"$array": "a12"}``: an array, by the name of its member in the npz;
- ``{"$bytes": …, "dtype": "<f8", "shape": [3]}``: a small array's bytes in base 64;
- ``{"$texts": "a13"}``: a long list of texts: the bytes of its JSON as an array;
- ``{"$float": "nan"}``: a number that JSON has not (nan, inf, -inf).

What occurs twice is kept once. No array is one of objects, so nothing is unpickled.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = 2
"""Of the document. A later one is refused; earlier ones stay readable. 2 has costs of more than two classes in
``threshold``, and is written only where a model has them."""

JSON_FILE, ARRAYS_FILE = "scorer.json", "scorer.npz"

SMALL = 256
"""Bytes up to which an array stands in the JSON: a member of a zip costs as much."""

LONG = 32
"""Texts from which on a list of them is an array."""

Arrays = dict[str, np.ndarray[Any, Any]]


class LaterFormat(ValueError):
    """A file that a later release wrote, in a format that this one does not know."""


def flatten(document: Any) -> tuple[Any, Arrays]:
    """A document as JSON values alone, and its arrays by name, in the order in which they occur.

    Raises:
        ValueError: something that is neither a JSON value nor an array of numbers or booleans.
    """
    flattening = _Flattening()
    return flattening.plain(document, "document"), flattening.arrays


class _Flattening:
    def __init__(self) -> None:
        self.arrays: Arrays = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def plain(self, value: Any, where: str) -> Any:
        """A value as JSON."""
        if isinstance(value, np.ndarray):
            return self._array(value, where)
        if isinstance(value, np.generic):
            return self.plain(value.item(), where)
        if isinstance(value, Mapping):
            return {str(key): self.plain(each, f"{where}.{key}") for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            if len(value) >= LONG and all(type(each) is str for each in value):
                text = json.dumps(list(value), ensure_ascii=False, separators=(",", ":"))
                return {"$texts": self._name(np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8))}
            return [self.plain(each, f"{where}[{place}]") for place, each in enumerate(value)]
        if isinstance(value, float) and not math.isfinite(value):
            return {"$float": str(value)}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise ValueError(f"{where}: a {type(value).__name__} can't be kept (allowed: JSON values, arrays of numbers)")

    def _array(self, array: np.ndarray[Any, Any], where: str) -> dict[str, Any]:
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{where}: an array of {array.dtype} can't be kept (allowed: numbers, booleans)")
        array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).reshape(array.shape)
        if array.nbytes <= SMALL:
            data = base64.b64encode(array.tobytes()).decode()
            return {"$bytes": data, "dtype": array.dtype.str, "shape": list(array.shape)}
        return {"$array": self._name(array)}

    def _name(self, array: np.ndarray[Any, Any]) -> str:
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._names:
            self._names[key] = f"a{len(self.arrays)}"
            self.arrays[self._names[key]] = array
        return self._names[key]


def unflatten(value: Any, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    """What `flatten` was given."""
    if isinstance(value, dict):
        if "$array" in value:
            return arrays[value["$array"]]
        if "$bytes" in value:
            data = np.frombuffer(base64.b64decode(value["$bytes"]), dtype=np.dtype(value["dtype"]))
            return data.reshape(value["shape"])
        if "$texts" in value:
            return json.loads(arrays[value["$texts"]].tobytes().decode("utf-8", "surrogatepass"))
        if "$float" in value:
            return float(value["$float"])
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
