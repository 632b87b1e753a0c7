"""Documents of models as files: plain data as JSON, arrays beside them; nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.documents import flatten, unflatten


def save(path: Path, document: Any, arrays: dict[str, NDArray[Any]] | None = None) -> None:
    """Write ``PATH.json`` and ``PATH.npz``; the first appears last and whole, so who finds it finds both."""
    held = dict(arrays or {})
    if any(name.startswith("a") and name[1:].isdigit() for name in held):
        raise ValueError("names of arrays a0, a1, … are the document's own")
    plain, taken = flatten(document)
    every: Any = {**held, **taken}
    np.savez(path.with_suffix(".npz"), **every)
    unfinished = path.with_suffix(".json.part")
    unfinished.write_text(json.dumps(plain, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.replace(path.with_suffix(".json"))


def load(path: Path) -> tuple[Any, dict[str, NDArray[Any]]]:
    """What `save` wrote: (document, all arrays by name).

    Raises:
        OSError, ValueError: there is none, or it is broken.
    """
    plain = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    arrays = arrays_of(path.with_suffix(".npz"))
    return unflatten(plain, arrays), arrays


def arrays_of(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file ``.npz`` by name.

    Raises:
        OSError, ValueError: there is none, or it is broken: a disk that was full, a process that was killed.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            return dict(held)
    except (BadZipFile, EOFError) as error:  # neither is an error of a value to Python
        raise ValueError(f"{path.name} is broken: {error}") from None
