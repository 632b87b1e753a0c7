"""An annotation project: its journal, and all acts on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from automl_core.annotation.items import HeldParts
from automl_core.annotation.project.acting import Person, by_json, plain
from automl_core.annotation.project.adding import Adding
from automl_core.annotation.project.looping import Looping
from automl_core.annotation.project.people import People
from automl_core.storage.base import ObjectStore


class Project(Adding, People, Looping):
    """What is known of a project, and acts on it: judged on the newest state, each told again at no cost.

    An act whose answer was lost is simply done again. Not shared between threads: each opens its own.
    """

    @classmethod
    def open(
        cls,
        store: ObjectStore,
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        held: HeldParts | None = None,
    ) -> Self:
        """Open a project of a storage and read its state; one that isn't there yet is empty.

        Args:
            store: the storage path.
            name: of the project.
            clock: seconds since 1970; simulated in tests.
            sleep: how to wait between two tries; simulated in tests.
            held: where contents of items are held in memory; shared by all projects of a process that has many.

        Raises:
            ValueError: that is no name of a project.
            StorageError: the store refuses or is away.
        """
        project = cls(store, name, clock=clock, sleep=sleep, held=held)
        project.refresh()
        return project

    def configure(self, document: Mapping[str, Any], by: Person) -> bool:
        """Record what the project's file says, where that is new. Returns whether it was.

        Args:
            document: plain JSON, without any secret.
            by: whose act; the DAG that read the file, say.

        Raises:
            ValueError: it is no plain JSON, or too large for a record.
        """
        body = plain("the file", document)
        data = {"document": body, "by": by_json(by)}
        return self._act("configured", data, done=lambda state: state.document == body) is not None
