"""The one interface of every object store.

Keys are relative paths with '/' (``journal/0000000001.json``). A store never overwrites in
`create`: that one guarantee is all that the journal is built on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias


class StorageError(Exception):
    """A store could not do what it was asked, after retries. The message says what, where and why."""


class NotFound(StorageError):
    """There is no object under that key."""


class InvalidKey(StorageError, ValueError):
    """That text can't be a key in any store. The message says what is wrong with it."""


class StorageUnavailable(StorageError):
    """The store is away or overloaded for now: the same call may succeed later."""


class AccessRefused(StorageError):
    """The store does not let these credentials do that: they were rotated, have expired, or lack a right."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as a listing has it.

    Attributes:
        key: where it lies.
        size: bytes.
        modified: when it was written last, seconds since 1970 by the store's clock.
        etag: what a bucket calls its content, another after each write of other bytes; empty in a folder.
    """

    key: str
    size: int
    modified: float
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a write that broke off has left: a temporary file, or the parts of an upload that was never completed.

    Attributes:
        key: of the file beside its target; of an upload, where the object was to lie.
        upload: its id on the server, empty for a file.
        size: bytes so far.
        modified: when the last of them came, seconds since 1970 by the store's clock.
    """

    key: str
    upload: str
    size: int
    modified: float


# `list` is a method of stores, so their annotations can't name the type.
Entries: TypeAlias = list[Entry]
Parts: TypeAlias = list[Unfinished]


class ObjectStore(Protocol):
    """Objects under keys, below one root. Safe to use from several threads.

    Every method raises `InvalidKey` for a key or prefix that is none, `StorageUnavailable` where trying
    again later may help, `AccessRefused` where other credentials may, and `StorageError` where nothing will.
    """

    @property
    def url(self) -> str:
        """The root, as a person would write it; never with credentials."""

    def get(self, key: str) -> bytes:
        """The object's bytes.

        Raises:
            NotFound: there is none.
            StorageError: the store refuses or is away.
        """

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Some of an object's bytes: from ``start`` on, fewer than ``length`` only where it ends before.

        Raises:
            NotFound: there is none.
            StorageError: the store refuses or is away.
        """

    def put(self, key: str, data: bytes) -> None:
        """Write an object whole, in place of any older one; a reader sees the old or the new bytes."""

    def create(self, key: str, data: bytes) -> bool:
        """Write an object only if there is none. Returns whether this call wrote it.

        Exactly one of any number of racing calls returns True, and a call that was retried after a
        lost answer still tells the truth, given that no two writers ever bring the same bytes for a
        key: what lies there is then compared with ``data``.

        Raises:
            StorageError: the store refuses or is away. Whether the object was written is then open.
        """

    def overwrites_because(self) -> str:
        """Why `create` replaces objects in this store, as far as the store can be asked; empty where it can't tell.

        For the message of a check that has failed, so a store that can't be asked is no error.
        """

    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        """Keys that start with ``prefix`` and sort after ``start_after``, at most ``limit``.

        In the order of their code points, which is that of their UTF-8 bytes.
        """

    def entries(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> Entries:
        """What `list` names, with sizes and times; in the same order, at the same number of requests."""

    def unfinished(self, prefix: str = "") -> Parts:
        """What writes to keys that start with ``prefix`` have left half done, or are doing just now."""

    def discard(self, part: Unfinished) -> bool:
        """Remove what `unfinished` named; nothing where somebody has gone on with it. Returns whether it is gone."""

    def delete(self, key: str) -> None:
        """Remove an object; no error when there is none."""

    def delete_prefix(self, prefix: str) -> None:
        """Remove every object whose key starts with ``prefix``."""

    def upload_file(self, source: Path, key: str) -> None:
        """Write a local file's bytes under a key, like `put`, without holding them in memory."""

    def download_file(self, key: str, target: Path) -> None:
        """Write an object's bytes to a local file, whole or not at all; its folder is made.

        Raises:
            NotFound: there is no such object.
            StorageError: the store refuses or is away, or the local file can't be written.
        """

    def copy_file(self, source: str, target: str) -> None:
        """Copy an object to another key of the store, in place of any older one, without fetching it.

        Raises:
            NotFound: there is no such object.
            StorageError: the store refuses or is away.
        """

    def copy(self, source: str, target: str) -> int:
        """Copy the objects below ``source``/ to the same names below ``target``/. Returns how many."""

    def upload(self, source: Path, prefix: str) -> None:
        """Copy a local file (by its name) or the files of a local folder to keys below ``prefix``/."""

    def download(self, prefix: str, target: Path) -> int:
        """Copy the objects below ``prefix``/ into a local folder. Returns how many."""

    def local_path(self, key: str) -> Path | None:
        """The path of a key where the store is a local folder, else None."""
