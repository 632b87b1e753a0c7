"""A store around a store, for what concerns every call alike: retries, counts, faults on purpose."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from automl_core.storage.base import Entries, ObjectStore, Parts, Unfinished
from automl_core.storage.transfers import FolderTransfers

T = TypeVar("T")


class StoreWrapper(FolderTransfers):
    """Hands each call to an inner store by way of `_call`; whole folders go file by file."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner

    @abstractmethod
    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        """Do one call of the inner store.

        Args:
            operation: the method's name.
            key: its key or prefix, for messages.
            call: the call itself.
        """

    @property
    def inner(self) -> ObjectStore:
        """The store around which this is one."""
        return self._inner

    @property
    def url(self) -> str:
        """The inner store's."""
        return self._inner.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._inner!r})"

    def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        return self._call("get", key, lambda: self._inner.get(key))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """See `ObjectStore.get_range`."""
        return self._call("get_range", key, lambda: self._inner.get_range(key, start, length))

    def put(self, key: str, data: bytes) -> None:
        """See `ObjectStore.put`."""
        return self._call("put", key, lambda: self._inner.put(key, data))

    def create(self, key: str, data: bytes) -> bool:
        """See `ObjectStore.create`."""
        return self._call("create", key, lambda: self._inner.create(key, data))

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        return self._call("delete", key, lambda: self._inner.delete(key))

    def delete_prefix(self, prefix: str) -> None:
        """See `ObjectStore.delete_prefix`."""
        return self._call("delete_prefix", prefix, lambda: self._inner.delete_prefix(prefix))

    def upload_file(self, source: Path, key: str) -> None:
        """See `ObjectStore.upload_file`."""
        return self._call("upload_file", key, lambda: self._inner.upload_file(source, key))

    def download_file(self, key: str, target: Path) -> None:
        """See `ObjectStore.download_file`."""
        return self._call("download_file", key, lambda: self._inner.download_file(key, target))

    def copy_file(self, source: str, target: str) -> None:
        """See `ObjectStore.copy_file`."""
        return self._call("copy_file", target, lambda: self._inner.copy_file(source, target))

    def overwrites_because(self) -> str:
        """See `ObjectStore.overwrites_because`."""
        return self._inner.overwrites_because()

    def local_path(self, key: str) -> Path | None:
        """See `ObjectStore.local_path`; no request, so not by way of `_call`."""
        return self._inner.local_path(key)

    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        """See `ObjectStore.list`."""
        return self._call("list", prefix, lambda: self._inner.list(prefix, start_after, limit))

    def entries(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> Entries:
        """See `ObjectStore.entries`."""
        return self._call("entries", prefix, lambda: self._inner.entries(prefix, start_after, limit))

    def unfinished(self, prefix: str = "") -> Parts:
        """See `ObjectStore.unfinished`."""
        return self._call("unfinished", prefix, lambda: self._inner.unfinished(prefix))

    def discard(self, part: Unfinished) -> bool:
        """See `ObjectStore.discard`."""
        return self._call("discard", part.key, lambda: self._inner.discard(part))
