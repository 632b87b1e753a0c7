"""Claims on statements that run once, as objects in the store that are created only if absent."""

from __future__ import annotations

import json
import time
from typing import Any

from automl_core.backends.maxcompute.once import Turn
from automl_core.backends.remote import Unreachable
from automl_core.storage.base import NotFound, ObjectStore, StorageError

FOLDER = "once/"
"""Where the claims of a run lie, below its folder."""


class StoredBoard:
    """The claims of one run (see `automl_core.backends.maxcompute.once.Board`)."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        """Read nothing yet.

        Args:
            store: the model storage path.
            prefix: the run's folder in it.
        """
        self._store, self._folder = store, f"{prefix}{FOLDER}"

    def latest(self, digest: str) -> Turn | None:
        """The newest try at a statement.

        Raises:
            Unreachable: the store is away.
        """
        try:
            numbers = [self._number(key) for key in self._store.list(f"{self._folder}{digest}/")]
        except StorageError as error:
            raise Unreachable(f"the store can't be asked: {error}") from error
        number = max(numbers, default=0)
        if number == 0:
            return None
        claim = self._read(digest, number, "claim")
        return Turn(number, str(claim.get("owner", "")), float(claim.get("time", 0)), self._instance(digest, number))

    def claim(self, digest: str, number: int, owner: str) -> bool:
        """Claim a try; False where another was faster.

        Raises:
            Unreachable: the store is away.
        """
        return self._create(digest, number, "claim", {"owner": owner, "time": time.time()})

    def submitted(self, digest: str, number: int, instance: str) -> str:
        """Tell the instance of a try; returns the one that stands.

        Raises:
            Unreachable: the store is away.
        """
        if self._create(digest, number, "instance", {"instance": instance}):
            return instance
        return self._instance(digest, number) or instance

    def instances(self) -> list[str]:
        """The instances of all tries, for the sweep at the end.

        Raises:
            StorageError, Unreachable: the store is away.
        """
        names = [key.removeprefix(self._folder).split("/") for key in self._store.list(self._folder)]
        told = {(name[0], self._number(name[1])) for name in names if len(name) == 2 and ".instance." in name[1]}
        found = (self._instance(digest, number) for digest, number in sorted(told))
        return [instance for instance in found if instance]

    def _instance(self, digest: str, number: int) -> str | None:
        found = self._read(digest, number, "instance").get("instance")
        return str(found) if found else None

    def _read(self, digest: str, number: int, what: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._store.get(self._key(digest, number, what))))
        except NotFound:
            return {}
        except StorageError as error:
            raise Unreachable(f"the store can't be asked: {error}") from error
        except (ValueError, TypeError):  # torn or foreign: as if it were not there
            return {}

    def _create(self, digest: str, number: int, what: str, body: dict[str, Any]) -> bool:
        try:
            return self._store.create(self._key(digest, number, what), json.dumps(body, sort_keys=True).encode())
        except StorageError as error:
            raise Unreachable(f"the store can't be asked: {error}") from error

    def _key(self, digest: str, number: int, what: str) -> str:
        return f"{self._folder}{digest}/{number:04d}.{what}.json"

    @staticmethod
    def _number(key: str) -> int:
        number = key.rpartition("/")[2].partition(".")[0]
        return int(number) if number.isdigit() else 0
