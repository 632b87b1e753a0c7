"""A version's folder on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.storage.base import ObjectStore


@contextmanager
def folder_of(store: ObjectStore, prefix: str) -> Iterator[Path]:
    """The folder of a version's model, for as long as it is read: where it lies, or downloaded.

    Args:
        store: the model's storage.
        prefix: the folder in it, ending with '/'.

    Raises:
        StorageError: the store refuses or is away.
    """
    local = store.local_path(prefix.rstrip("/"))
    if local is not None:
        yield Path(local)
        return
    with tempfile.TemporaryDirectory(prefix="automl-model-") as folder:
        store.download(prefix.rstrip("/"), Path(folder))
        yield Path(folder)
