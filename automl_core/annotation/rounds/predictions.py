"""What models say of a project's items in one round: an object of arrays beside the journal."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.storage.base import ObjectStore

Floats = NDArray[np.float64]

FORMAT = 1
LEARNED, DIRECT, HELD_OUT = 0, 1, 2
"""How a model's prediction of an item came about: it has learned from the item, so what it says proves nothing; it has
never learned from it; or it is that of a fold that had not."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of some items by up to two models.

    Attributes:
        numbers: (n,) of the items.
        outputs: (models, n, classes) probabilities in the order of `classes`; NaN where there are none.
        how: (models, n) see `LEARNED`.
        classes: of the file.
        models: what each is (`models.RoundModel.to_json`).
    """

    numbers: NDArray[np.int64]
    outputs: NDArray[np.float32]
    how: NDArray[np.int8]
    classes: tuple[str, ...]
    models: tuple[Mapping[str, Any], ...]

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def rows(self) -> dict[int, int]:
        """Number of an item → its row."""
        return {int(number): row for row, number in enumerate(self.numbers)}

    def usable(self, *, how: Sequence[int] = (DIRECT,)) -> NDArray[np.bool_]:
        """(models, n) whether a prediction is there, and came about so."""
        return np.asarray(~np.isnan(self.outputs).any(axis=2) & np.isin(self.how, list(how)))

    def encode(self) -> bytes:
        """As an object."""
        meta = {"format": FORMAT, "classes": list(self.classes), "models": [dict(each) for each in self.models]}
        file = io.BytesIO()
        np.savez_compressed(
            file, numbers=self.numbers, outputs=self.outputs, how=self.how,
            meta=np.frombuffer(json.dumps(meta, ensure_ascii=False).encode(), dtype=np.uint8),
        )  # fmt: skip
        return file.getvalue()

    @classmethod
    def decode(cls, data: bytes) -> Predictions:
        """What `encode` made.

        Raises:
            ValueError: it is none, or of a later release.
        """
        with np.load(io.BytesIO(data), allow_pickle=False) as held:
            meta = json.loads(held["meta"].tobytes())
            if meta.get("format") != FORMAT:
                raise ValueError(f"predictions of the format {meta.get('format')}; this release reads {FORMAT}")
            return cls(held["numbers"], held["outputs"], held["how"], tuple(meta["classes"]), tuple(meta["models"]))

    def digest(self) -> str:
        """20 hexadecimal digits of what is in it."""
        found = hashlib.sha256(json.dumps([self.classes, self.models], sort_keys=True, default=dict).encode())
        for each in (self.numbers, self.outputs, self.how):
            found.update(np.ascontiguousarray(each).tobytes())
        return found.hexdigest()[:20]


def keep(store: ObjectStore, folder: str, predictions: Predictions, name: str = "predictions") -> str:
    """Write predictions, once.

    Args:
        store: of the project.
        folder: of the round, ending with '/'.
        predictions: what.
        name: for which purpose.

    Returns:
        The key; the same ones are the same object.
    """
    key = f"{folder}{name}-{predictions.digest()}.npz"
    if not store.list(key, limit=1):
        store.create(key, predictions.encode())
    return key


def read(store: ObjectStore, key: str) -> Predictions:
    """What `keep` wrote.

    Raises:
        NotFound: it is gone.
        StorageError: the store is away.
        ValueError: it is no such object.
    """
    return Predictions.decode(store.get(key))
