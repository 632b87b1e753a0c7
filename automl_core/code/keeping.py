"""Where archives of code are kept: once in the model storage path, and once on each machine that fetches them."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from automl_core.code.archive import Packed, pack, unpack
from automl_core.code.selecting import CodeError
from automl_core.spec.code import Code
from automl_core.spec.models import Experiment
from automl_core.storage.base import NotFound, ObjectStore

FOLDER = "_code/"
"""Folder of the model storage path with the archives of all experiments."""

FRESH = 3600.0
"""Seconds after which an archive that is used anew is written once more: housekeeping goes by its age."""

MOST_KEPT = 50
"""Archives that a machine keeps; those that were used last."""

CACHE = "AUTOML_CODE_CACHE"
"""Environment variable with the folder for the archives that a machine keeps of buckets; one of its user's below the
temporary folder where it is not set."""


def archive_key(digest: str) -> str:
    """Key of an archive in the model storage path."""
    return f"{FOLDER}{digest}.tar.gz"


def with_code(experiment: Experiment, file: Path, store: ObjectStore) -> tuple[Experiment, Packed | None]:
    """The experiment with the digest of its code, which lies in the store from then on.

    Where the experiment states a digest whose archive is in the store, that is taken and nothing is packed: so the
    published file of a run runs on the very code that the run had.

    Args:
        experiment: as its file has it.
        file: the experiment file.
        store: the model storage path.

    Returns:
        The experiment, and what was packed; None where nothing was.

    Raises:
        CodeError: the folder can't go along, or is another one than the experiment states.
        StorageError: the store refuses or is away.
    """
    code = experiment.program
    if code is None:
        return experiment, None
    if code.digest is not None and _written(store, archive_key(code.digest)) is not None:
        return experiment, None
    place = code.place(file)
    if not place.is_dir():
        raise CodeError(f"there is no folder {place}; it is relative to the experiment file")
    packed = pack(place, code.ignore)
    if code.digest not in (None, packed.digest):
        raise CodeError(
            f"{place} is not what the file states by code.digest ({str(code.digest)[:12]}; found "
            f"{packed.digest[:12]}), and the storage does not have it. Leave digest out to take the folder as it is"
        )
    key = archive_key(packed.digest)
    written = _written(store, key)
    if written is None:
        store.create(key, packed.data)
    elif time.time() - written > FRESH:
        store.put(key, packed.data)
    stated = Code(folder=code.folder, ignore=code.ignore, digest=packed.digest)
    return experiment.model_copy(update={"code": stated}), packed


def archived(store: ObjectStore, digest: str) -> bytes:
    """An archive of the store, from this machine where it was fetched before.

    Raises:
        CodeError: the store doesn't have it any more.
        StorageError: the store refuses or is away.
    """
    key = archive_key(digest)
    try:
        if store.local_path(key) is not None:
            return store.get(key)
        return _fetched(store, key, digest)
    except NotFound:
        raise CodeError(
            f"the code of this run ({digest[:12]}) is no longer in the storage ({store.url}/{key}): was it deleted by "
            "hand? Start a new run"
        ) from None


def code_into(store: ObjectStore, digest: str, target: Path) -> None:
    """Unpack an archive of the store into a folder. One that this machine has kept badly is fetched again.

    Raises:
        CodeError: the store doesn't have it any more, or it is damaged there.
        StorageError: the store refuses or is away.
        OSError: the folder can't be written.
    """
    try:
        unpack(archived(store, digest), digest, target)
    except CodeError:
        kept = _cache() / f"{digest}.tar.gz"
        if store.local_path(archive_key(digest)) is not None or not kept.exists():
            raise
        kept.unlink(missing_ok=True)
        unpack(archived(store, digest), digest, target)


def _written(store: ObjectStore, key: str) -> float | None:
    """When an object was written, in seconds since 1970; None where there is none."""
    return next((entry.modified for entry in store.entries(key, "", 1) if entry.key == key), None)


def _cache() -> Path:
    stated = os.environ.get(CACHE)
    return Path(stated) if stated else Path(tempfile.gettempdir()) / f"automl-cache-{os.getuid()}" / "code"


def _fetched(store: ObjectStore, key: str, digest: str) -> bytes:
    """An archive of a bucket; it is fetched once for a machine, and checked by whoever unpacks it."""
    folder = _cache()
    kept = folder / f"{digest}.tar.gz"
    try:
        data = kept.read_bytes()
    except OSError:
        data = store.get(key)
        _keep(folder, kept, data)
        return data
    with suppress(OSError):
        os.utime(kept)
    return data


def _keep(folder: Path, kept: Path, data: bytes) -> None:
    """Put an archive into the machine's folder, whole or not at all; a folder that can't be written is no harm."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        number, name = tempfile.mkstemp(dir=folder, prefix=".")
        with os.fdopen(number, "wb") as file:
            file.write(data)
        os.replace(name, kept)
        others = sorted(folder.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
        for old in others[:-MOST_KEPT]:
            old.unlink(missing_ok=True)
        for left in folder.glob(".*"):  # of a process that was killed
            if time.time() - left.stat().st_mtime > FRESH:
                left.unlink(missing_ok=True)
