"""A project's journal, and acts on it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from automl_core.annotation.items import Catalog, HeldParts
from automl_core.annotation.project.layout import ITEMS, annotation_prefix
from automl_core.annotation.project.rules import RULES
from automl_core.annotation.project.state import ProjectState
from automl_core.journal import Acting as JournalActing
from automl_core.journal import Person, Record, Refused
from automl_core.journal.clock import SharedClock
from automl_core.journal.persons import by_json
from automl_core.storage.base import ObjectStore

__all__ = ["Acting", "Person", "Refused", "by_json", "plain"]

LARGEST = 65_536
"""Bytes of evidence, reasons and outcomes in a record: what is larger is an object of its own, with its digest here."""


class Acting(JournalActing[ProjectState]):
    """A project's journal, and acts on it. Not shared between threads: each opens its own."""

    RULES = RULES

    def __init__(
        self,
        store: ObjectStore,
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        held: HeldParts | None = None,
    ) -> None:
        """Open a project; reads nothing yet.

        Args:
            store: the storage path.
            name: of the project.
            clock: seconds since 1970; simulated in tests.
            sleep: how to wait between two tries; simulated in tests.
            held: where contents of items are held in memory; shared by all projects of a process that has many.

        Raises:
            ValueError: that is no name of a project.
        """
        self.shared = SharedClock(store, annotation_prefix(name), clock)
        """The time by which leases are judged, and that records bear: the store's, where this machine's is ahead."""
        super().__init__(store, annotation_prefix(name), ProjectState, clock=self.shared.now, sleep=sleep)
        self.name = name
        self.catalog = Catalog(store, self.prefix + ITEMS, lambda: self.state.parts, held)
        """The items of the state as it was read last, by number and by id."""

    def right_now(self) -> float:
        """The time as `now` has it, once the store was asked where this machine's clock may be ahead.

        By the state as it was read last.
        """
        self.shared.ask(self.state.updated)
        return self.now()

    def _act(
        self, kind: str, data: dict[str, Any], *, done: Callable[[ProjectState], bool] | None = None,
        fill: Callable[[ProjectState], None] | None = None,
    ) -> Record | None:  # fmt: skip
        """See `automl_core.journal.Acting`. What is written bears a time that others believe, so it is asked before."""
        self.shared.ask(self.state.updated)
        return super()._act(kind, data, done=done, fill=fill)

    def numbers_of(self, ids: Iterable[str]) -> list[int]:
        """The numbers of items, each once, in the order asked for.

        Raises:
            NoSuchItem: there is none of an id.
        """
        return list(dict.fromkeys(self.catalog.number_of(id) for id in ids))


def plain(what: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as it stands in a record.

    Args:
        what: it is, for the message.
        value: anything that JSON knows, dataclasses and msgspec's structs among it.

    Raises:
        ValueError: it is no plain JSON, or larger than a record should be.
    """
    try:
        body = msgspec.to_builtins(dict(value), str_keys=True)
        size = len(json.dumps(body, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} is no plain JSON: {error}") from None
    if size > LARGEST:
        raise ValueError(
            f"{what} has {size} bytes, where {LARGEST} are the most: keep it in an object, and its digest here"
        )
    assert isinstance(body, dict)
    return body
