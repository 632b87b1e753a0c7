"""Stores that a process opens once for all of its callers: a client of a bucket costs a tenth of a second of a core.

One that is given up on (its connection may have been mended since) is opened anew by the next who asks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from automl_airflow.teams import ConnectionName
    from automl_core.storage.base import ObjectStore

Where: TypeAlias = "tuple[str, ConnectionName]"
"""Model storage path and its connection."""

KEPT = 64
"""Stores kept at most; the one that was not asked for the longest goes first."""


class Stores:
    """The stores of one process, by where they lie.

    Args:
        open_one: opens a store; may raise anything, and may hang: only who wants that very store waits for it.
    """

    def __init__(self, open_one: Callable[[str, ConnectionName], ObjectStore]) -> None:
        self._open_one = open_one
        self._lock = threading.Lock()
        self._known: OrderedDict[Where, ObjectStore] = OrderedDict()
        self._opening: dict[Where, threading.Lock] = {}

    def of(self, storage: str, connection: ConnectionName) -> ObjectStore:
        """The store of a model storage path. To be called in one of the store's threads.

        Raises:
            StorageError: it can't be opened.
        """
        if storage.partition("://")[0] in ("file", storage):  # a folder costs nothing to open
            return self._open_one(storage, connection)
        key = (storage, connection)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            with self._lock:
                if key in self._known:
                    return self._known[key]
            store = self._open_one(storage, connection)
            with self._lock:
                self._known[key] = store
                self._opening.pop(key, None)
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
            return store

    def forget(self, storage: str, connection: ConnectionName) -> None:
        """Open a store anew the next time."""
        with self._lock:
            self._known.pop((storage, connection), None)


def _open(storage: str, connection: ConnectionName) -> ObjectStore:
    from automl_airflow import session

    return session.open_experiment_store(storage, connection)


def _open_viewed(storage: str, connection: ConnectionName) -> ObjectStore:
    from automl_airflow import session

    return session.open_viewed_store(storage, connection)


_stores = Stores(_open)
_viewed = Stores(_open_viewed)


def shared_store(storage: str, connection: ConnectionName) -> ObjectStore:
    """A store as all triggers of this process share it. To be called in one of the store's threads.

    Raises:
        StorageError: it can't be opened.
    """
    return _stores.of(storage, connection)


def viewed_store(storage: str, connection: ConnectionName) -> ObjectStore:
    """A store as all viewers of this process share it: what hangs is given up soon. In one of the store's threads.

    Raises:
        StorageError: it can't be opened.
    """
    return _viewed.of(storage, connection)


def forget_store(storage: str, connection: ConnectionName) -> None:
    """Open a store anew the next time."""
    _stores.forget(storage, connection)
