"""An object store in a dictionary, for tests that need none of a disk."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

from automl_core.storage.base import Entries, Entry, NotFound, Parts, Unfinished
from automl_core.storage.keys import check_key, check_prefix
from automl_core.storage.transfers import FolderTransfers


class MemoryStore(FolderTransfers):
    """Objects in memory, with the promises of `ObjectStore`; as in a bucket there are no local paths."""

    def __init__(self, name: str = "test", clock: Callable[[], float] = lambda: 0.0) -> None:
        self.objects: dict[str, bytes] = {}
        self.times: dict[str, float] = {}
        """Key → when it was written, by the store's clock; 1970 where a test has none."""
        self._clock = clock
        self.parts: Parts = []
        self.ranges: list[int] = []
        """Bytes of each part that was read alone."""
        self._name = name
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"memory://{self._name}"

    def get(self, key: str) -> bytes:
        try:
            return self.objects[check_key(key)]
        except KeyError:
            raise NotFound(f"Cannot read {key} in {self.url}: there is no such object") from None

    def get_range(self, key: str, start: int, length: int) -> bytes:
        found = self.get(key)[start : start + length]
        self.ranges.append(len(found))
        return found

    def put(self, key: str, data: bytes) -> None:
        with self._lock:
            self._write(check_key(key), data)

    def _write(self, key: str, data: bytes) -> None:
        self.objects[key] = bytes(data)
        if now := self._clock():
            self.times[key] = now

    def create(self, key: str, data: bytes) -> bool:
        with self._lock:
            if check_key(key) in self.objects:
                return False
            self._write(key, data)
            return True

    def overwrites_because(self) -> str:
        return ""

    def list(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> list[str]:
        check_prefix(prefix)
        with self._lock:
            keys = sorted(key for key in self.objects if key.startswith(prefix) and key > start_after)
        return keys[:limit]

    def entries(self, prefix: str = "", start_after: str = "", limit: int | None = None) -> Entries:
        found = []
        for key in self.list(prefix, start_after, limit):
            data = self.objects.get(key)
            if data is not None:
                etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
                found.append(Entry(key, len(data), self.times.get(key, 0.0), etag))
        return found

    def unfinished(self, prefix: str = "") -> Parts:
        return sorted((each for each in self.parts if each.key.startswith(prefix)), key=lambda each: each.key)

    def discard(self, part: Unfinished) -> bool:
        if part in self.parts:
            self.parts.remove(part)
            return True
        return not any((each.key, each.upload) == (part.key, part.upload) for each in self.parts)

    def delete(self, key: str) -> None:
        with self._lock:
            self.objects.pop(check_key(key), None)

    def delete_prefix(self, prefix: str) -> None:
        check_prefix(prefix)
        with self._lock:
            for key in [key for key in self.objects if key.startswith(prefix)]:
                del self.objects[key]

    def copy_file(self, source: str, target: str) -> None:
        self.put(target, self.get(source))

    def upload_file(self, source: Path, key: str) -> None:
        self.put(key, source.read_bytes())

    def download_file(self, key: str, target: Path) -> None:
        data = self.get(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def local_path(self, key: str) -> Path | None:
        return None
