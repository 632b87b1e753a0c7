"""Documents of models as files: plain data as JSON, arrays beside them; nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ARRAY = "$array"


def flattened(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """A document with each array replaced by its name in ``arrays``, which is filled.

    Raises:
        TypeError: something that is neither plain data nor an array of numbers or texts.
    """
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufUS":
            raise TypeError(f"an array of {value.dtype} is no plain data")
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, dict):
        return {str(key): flattened(each, arrays) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [flattened(each, arrays) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"{type(value).__name__} is no plain data")


def restored(value: Any, arrays: Any) -> Any:
    """What `flattened` was given."""
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return arrays[value[_ARRAY]]
        return {key: restored(each, arrays) for key, each in value.items()}
    if isinstance(value, list):
        return [restored(each, arrays) for each in value]
    return value


def save(path: Path, document: Any, arrays: dict[str, NDArray[Any]] | None = None) -> None:
    """Write ``PATH.json`` and ``PATH.npz``; the first appears last and whole, so who finds it finds both."""
    held = dict(arrays or {})
    if any(name.startswith("a") and name[1:].isdigit() for name in held):
        raise ValueError("names of arrays a0, a1, … are the document's own")
    taken: dict[str, NDArray[Any]] = {}
    plain = flattened(document, taken)
    np.savez(path.with_suffix(".npz"), **held, **taken)
    unfinished = path.with_suffix(".json.part")
    unfinished.write_text(json.dumps(plain, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path.with_suffix(".json"))


def load(path: Path) -> tuple[Any, dict[str, NDArray[Any]]]:
    """What `save` wrote: (document, all arrays by name).

    Raises:
        OSError, ValueError: there is none, or it is broken.
    """
    plain = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as held:
        arrays = dict(held)
    return restored(plain, arrays), arrays
