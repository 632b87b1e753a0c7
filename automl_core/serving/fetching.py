"""A version's files on this machine: fetched once, compared with the journal's digest, kept for the next start.

What is kept is bounded. A folder that a server of this machine has open is never removed: each holds a lock on those of
the versions that it runs, and whoever tidies up removes only what it can lock for itself. Locks end with their process,
however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

from automl_core.models.life.copying import digest_of_files
from automl_core.models.life.entities import ModelCopy
from automl_core.storage.base import ObjectStore

log = logging.getLogger(__name__)

_MODEL_FILE = "model-file"
_UNFINISHED, _LOCKS = ".fetching-", ".locks"

LARGEST = 10 * 2**30
"""Bytes of models that are kept on this machine, unless said otherwise."""

_FORGOTTEN = 6 * 3600.0
"""Seconds after which a download that nobody has finished is one of a server that is gone."""


class ModelCache:
    """Models' files in a folder of this machine, which servers may share. May be used from several threads."""

    def __init__(self, folder: Path, most: int = LARGEST) -> None:
        """Open it; nothing is read or removed yet.

        Args:
            folder: of this machine; what lies in it under a digest has that digest.
            most: bytes that are kept. What runs is kept beyond that.
        """
        self.folder, self.most = folder, most
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()

    def fetch(self, store: ObjectStore, copy: ModelCopy) -> Path:
        """The folder of a version's model file, held until `let_go`.

        Args:
            store: the model storage path.
            copy: where its files lie, and what they are.

        Raises:
            StorageError: the store is away.
            ValueError: its files aren't what they were when it was offered, or no model file of ours.
            OSError: this machine has no place for them.
        """
        if copy.kind != _MODEL_FILE:
            raise ValueError("it is no model file of ours, and only these are served (docs/model-file.md)")
        kept = self.folder / copy.digest[:32]
        self._hold(kept.name)
        if kept.is_dir():
            os.utime(kept)  # used now: the others are removed first
            return kept
        self.tidy(copy.bytes)
        unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.folder))
        try:
            store.download(copy.prefix, unfinished)
            hashes = {
                path.relative_to(unfinished).as_posix(): _sha256(path)
                for path in unfinished.rglob("*") if path.is_file()
            }  # fmt: skip
            if digest_of_files(hashes) != copy.digest:
                raise ValueError(f"the files in {store.url}/{copy.prefix} aren't what they were when it was offered")
            with contextlib.suppress(OSError):  # another process of this machine was first: the same files
                unfinished.rename(kept)
        except BaseException:
            self.let_go(kept)
            raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return kept

    def let_go(self, folder: Path) -> None:
        """A version that `fetch` gave runs no more: its files may be removed when others need the place."""
        with self._lock:
            lock = self._held.pop(folder.name, None)
            if lock is not None:
                os.close(lock)

    def close(self) -> None:
        """Let go of all."""
        for name in list(self._held):
            self.let_go(self.folder / name)

    def tidy(self, coming: int = 0) -> list[str]:
        """Remove what was not used for the longest, until all of it and what comes fits. Returns what was removed.

        Args:
            coming: bytes that are about to be fetched.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        found = []
        for each in self.folder.iterdir():
            with contextlib.suppress(OSError):  # another server removes it
                if each.name.startswith(_UNFINISHED):
                    if time.time() - each.stat().st_mtime > _FORGOTTEN:
                        shutil.rmtree(each, ignore_errors=True)
                elif each.name != _LOCKS and each.is_dir():
                    found.append((each.stat().st_mtime, _bytes(each), each))
        total, removed = coming + sum(size for _, size, _ in found), []
        for _, size, each in sorted(found):
            if total <= self.most:
                break
            if self._remove(each):
                total -= size
                removed.append(each.name)
        if total > self.most:
            log.warning("%s: the models that run take %d bytes, more than are kept (%d)", self.folder, total, self.most)
        return removed

    def _hold(self, name: str) -> None:
        """Have a folder not removed by anybody of this machine."""
        with self._lock:
            if name not in self._held:
                lock = self._opened(name)
                fcntl.flock(lock, fcntl.LOCK_SH)
                self._held[name] = lock

    def _remove(self, folder: Path) -> bool:
        """Remove a folder that nobody holds. Returns whether that was done."""
        with self._lock:
            if folder.name in self._held:
                return False
        lock = self._opened(folder.name)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            going = self.folder / f"{_UNFINISHED}{folder.name}-going"  # not half a model under its name, at no time
            folder.rename(going)
            shutil.rmtree(going, ignore_errors=True)
        except OSError:
            return False
        finally:
            os.close(lock)
        return True

    def _opened(self, name: str) -> int:
        # its file stays when the folder goes: one that is removed while another server opens it would be two locks
        locks = self.folder / _LOCKS
        locks.mkdir(parents=True, exist_ok=True)
        return os.open(locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
