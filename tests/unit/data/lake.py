"""A bucket in memory and what opens it, for tests of data sets."""

from __future__ import annotations

from typing import Any

from automl_core.data.access import DataError
from automl_core.storage.base import ObjectStore
from automl_core.storage.testing import CountingStore
from tests.support.memory_store import MemoryStore


class Lake:
    """An `Access` with one bucket in memory, ``lake``; it notes which connections were asked for."""

    def __init__(self) -> None:
        self.inner = MemoryStore("lake")
        self.bucket = CountingStore(self.inner)
        self.connections: list[str | None] = []

    def put(self, **objects: str) -> None:
        for key, text in objects.items():
            self.inner.put(key, text.encode())

    def store(self, url: str, connection: str | None) -> ObjectStore:
        self.connections.append(connection)
        if not url.endswith("://lake"):
            raise DataError(f"there is no {url}")
        return self.bucket

    def tables(self, project: str, connection: str | None) -> Any:
        raise DataError(f"odps://{project}: there are no tables here")
