"""How an act becomes true: judged on the newest state, written as the next record, judged again where others won."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from automl_core.journal import Journal, Record
from automl_core.models.life import news
from automl_core.models.life.entities import Person
from automl_core.models.life.layout import model_prefix
from automl_core.models.life.life import Life
from automl_core.models.life.refusals import NoSuchVersion, Refused
from automl_core.models.life.rules import RULES
from automl_core.storage.base import ObjectStore


class Acting:
    """A model's journal, and acts on it. Not shared between threads: each opens its own."""

    def __init__(
        self,
        store: ObjectStore,
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a model; reads nothing yet.

        Args:
            store: the model storage path.
            name: of the model.
            clock: seconds since 1970; simulated in tests.
            sleep: how to wait between two tries; simulated in tests.
        """
        self.store, self.name, self.clock = store, name, clock
        self.journal: Journal[Life] = Journal(store, model_prefix(name), Life, clock=clock, sleep=sleep)

    @property
    def prefix(self) -> str:
        """The model's folder in the store, ending with '/'."""
        return self.journal.prefix

    @property
    def state(self) -> Life:
        """What the records say, as last read."""
        return self.journal.state

    def refresh(self) -> Life:
        """Read what is new: one listing, and one read when there is news.

        Raises:
            StorageError: the store refuses or is away.
        """
        return self.journal.refresh()

    def now(self) -> float:
        """This machine's time, or that of the newest record where its writer's clock was ahead."""
        return max(self.clock(), self.state.updated)

    def _act(
        self, kind: str, data: dict[str, Any], *, done: Callable[[Life], bool] | None = None,
        fill: Callable[[Life], None] | None = None,
    ) -> Record | None:  # fmt: skip
        """Write a record if its rule holds on the newest state.

        Args:
            kind: of the record.
            data: what it tells; plain JSON.
            done: whether the very same act stands already: nothing is written, and the answer is the same.
            fill: completes ``data`` by the state that the try is judged on (the next number, say).

        Returns:
            The record; None where the act stood already.

        Raises:
            Refused: the act is not possible, or not any more.
            NoSuchVersion: it is about a version that isn't there.
            LaterRelease: a later release writes this journal.
            StorageError: the store refuses or is away. Whether the act stands is then open: acting again tells.
        """
        problem: Refused | NoSuchVersion | None = None
        stands = False
        self.refresh()

        def valid(life: Life) -> bool:
            nonlocal problem, stands
            problem, stands = None, False
            if done is not None and done(life):
                stands = True
                return False
            if fill is not None:
                fill(life)
            try:
                if kind in RULES:
                    RULES[kind](life, data)
            except (Refused, NoSuchVersion) as refused:
                problem = refused
                return False
            return True

        record = self.journal.append(kind, data, valid=valid)
        if record is None:
            if problem is not None:
                raise problem
            assert stands
            if kind in news.CHANGING:  # whoever wrote it may have died before it told
                news.tell(self.store, self.name, self.state.seq)
            return None
        if kind in news.CHANGING:
            news.tell(self.store, self.name, record.seq)
        skipped = self.state.skipped.get(record.seq)
        if skipped is not None:  # rules and changes disagree: a fault of this code, told rather than hidden
            raise Refused(f"record {record.seq} was written and is not valid: {skipped}")
        return record


def by_json(by: Person) -> dict[str, str]:
    """A person in a record."""
    return {"name": by.name, "how": by.how}
