"""Whole folders in and out of a store, file by file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from automl_core.storage.base import StorageError
from automl_core.storage.files import walk_files
from automl_core.storage.keys import below, check_key, check_prefix


class FolderTransfers(ABC):
    """`upload`, `download` and `copy` of a store that can move single files.

    Made of single-file calls, so that where those are retried or counted, each file is, and one
    refused request never costs the whole folder.
    """

    @property
    @abstractmethod
    def url(self) -> str:
        """See `ObjectStore.url`."""

    @abstractmethod
    def upload_file(self, source: Path, key: str) -> None:
        """See `ObjectStore.upload_file`."""

    @abstractmethod
    def download_file(self, key: str, target: Path) -> None:
        """See `ObjectStore.download_file`."""

    @abstractmethod
    def copy_file(self, source: str, target: str) -> None:
        """See `ObjectStore.copy_file`."""

    @abstractmethod
    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        """See `ObjectStore.list`."""

    def copy(self, source: str, target: str) -> int:
        """Copy the objects below ``source``/ to the same names below ``target``/. Returns how many."""
        folder = below(source, "")
        keys = self.list(folder)
        for key in keys:
            self.copy_file(key, below(target, key.removeprefix(folder)))
        return len(keys)

    def upload(self, source: Path, prefix: str) -> None:
        """Copy a local file (by its name) or the files of a local folder to keys below ``prefix``/.

        Symbolic links are followed: a model folder's ``latest`` arrives as a copy.

        Raises:
            StorageError: there is nothing at ``source``, or the store refuses or is away.
        """
        check_prefix(prefix)
        if source.is_file():
            self.upload_file(source, below(prefix, source.name))
        elif source.is_dir():
            for name in walk_files(source):
                self.upload_file(source / name, below(prefix, name))
        else:
            raise StorageError(f"Cannot upload {source} to {below(prefix, '')} in {self.url}: no such file or folder")

    def download(self, prefix: str, target: Path) -> int:
        """Copy the objects below ``prefix``/ into a local folder. Returns how many."""
        folder = below(prefix, "")
        keys = self.list(folder)
        for key in keys:
            # Checked again: a key with '..' in it would write outside of the target.
            self.download_file(key, target / check_key(key.removeprefix(folder)))
        return len(keys)
