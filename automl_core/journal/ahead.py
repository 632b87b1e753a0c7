"""What a journal is about to read, read before: so that whoever guards its state need not hold the guard meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from automl_core.journal.journal import JOURNAL
from automl_core.journal.records import key_of
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.storage.wrapper import StoreWrapper

T = TypeVar("T")


class ReadAhead(StoreWrapper):
    """A journal's store that has the answers to its next `refresh` ready, once `look` was called in the same thread.

    A refresh is one listing and one read nearly always; what else it needs, or what another thread asks meanwhile, goes
    to the store as ever. An answer is given once.
    """

    def __init__(self, inner: ObjectStore) -> None:
        super().__init__(inner)
        self._lists: dict[tuple[str, str], list[str]] = {}
        self._bodies: dict[str, bytes] = {}
        self._thread = 0

    def look(self, prefix: str, seq: int) -> bool:
        """Read what is new in the journal of a prefix. Returns whether anything is.

        Args:
            prefix: the folder of the journal, as it was opened with.
            seq: the newest record that is known.

        Raises:
            StorageError: the store is away.
        """
        folder = prefix + JOURNAL
        after = folder + key_of(seq)
        keys = self._inner.list(folder, start_after=after)
        bodies = {}
        if keys:
            with suppress(NotFound):  # shown before its bytes, or removed: the journal finds out by itself
                bodies[keys[-1]] = self._inner.get(keys[-1])
        self._thread, self._lists, self._bodies = threading.get_ident(), {(folder, after): keys}, bodies
        return bool(keys)

    def forget(self) -> None:
        """Let go of what was read."""
        self._lists, self._bodies = {}, {}

    def get(self, key: str) -> bytes:
        """See `ObjectStore.get`."""
        found = self._bodies.pop(key, None) if threading.get_ident() == self._thread else None
        return self._inner.get(key) if found is None else found

    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        """See `ObjectStore.list`."""
        mine = limit is None and threading.get_ident() == self._thread
        found = self._lists.pop((prefix, start_after), None) if mine else None
        return self._inner.list(prefix, start_after, limit) if found is None else found

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        return call()
