"""A version's files on this machine: fetched once, compared with the journal's digest, kept for the next start."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from pathlib import Path

from automl_core.models.life.copying import digest_of_files
from automl_core.models.life.entities import ModelCopy
from automl_core.storage.base import ObjectStore

_MODEL_FILE = "model-file"


def fetch(store: ObjectStore, copy: ModelCopy, cache: Path) -> Path:
    """The folder of a version's model file.

    Args:
        store: the model storage path.
        copy: where its files lie, and what they are.
        cache: folder of this machine; what lies in it under a digest has that digest.

    Raises:
        StorageError: the store is away.
        ValueError: its files aren't what they were when it was offered, or no model file of ours.
    """
    if copy.kind != _MODEL_FILE:
        raise ValueError("it is no model file of ours, and only these are served (docs/model-file.md)")
    kept = cache / copy.digest[:32]
    if kept.is_dir():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".fetching-", dir=cache))
    try:
        store.download(copy.prefix, unfinished)
        hashes = {
            path.relative_to(unfinished).as_posix(): _sha256(path) for path in unfinished.rglob("*") if path.is_file()
        }
        if digest_of_files(hashes) != copy.digest:
            raise ValueError(f"the files in {store.url}/{copy.prefix} aren't what they were when it was offered")
        with contextlib.suppress(OSError):  # another process of this machine was first: the same files
            unfinished.rename(kept)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return kept


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
