"""How an act becomes true: judged on the newest state, written as the next record, judged again where others won.

What an act is allowed to be is said by rules, one function a kind of record, which look at the state and at what the
record would tell, at nothing else. So whoever acts and whoever reads the journal later judge alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from automl_core.journal.fold import Fold
from automl_core.journal.journal import Journal
from automl_core.journal.persons import Person
from automl_core.journal.records import Record
from automl_core.storage.base import ObjectStore


class Refused(Exception):
    """An act that is not possible, or not any more. The message says why; where somebody was faster, who and when.

    Attributes:
        why: in words.
        by: who decided otherwise, None where nobody did.
        when: when they did, seconds since 1970; None where nobody did.
    """

    def __init__(self, why: str, by: Person | None = None, when: float | None = None) -> None:
        super().__init__(why)
        self.why, self.by, self.when = why, by, when


class ActedOn(Fold, Protocol):
    """A state that acts are judged on.

    Attributes:
        updated: the time of the last record that was not skipped.
        skipped: places that hold no usable record → why.
    """

    updated: float
    skipped: dict[int, str]


S = TypeVar("S", bound=ActedOn)


class Acting(Generic[S]):
    """A journal, and acts on it. Not shared between threads: each opens its own.

    Attributes:
        RULES: what may come next, by the kind of record; a kind without a rule may always come.
        REFUSALS: what rules raise where it may not.
    """

    RULES: ClassVar[Mapping[str, Callable[[Any, dict[str, Any]], None]]] = {}
    REFUSALS: ClassVar[tuple[type[Exception], ...]] = (Refused,)

    def __init__(
        self,
        store: ObjectStore,
        prefix: str,
        fold: type[S],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a journal; reads nothing yet.

        Args:
            store: where it lies.
            prefix: its folder in the store, ending with '/'.
            fold: what its records make.
            clock: seconds since 1970; simulated in tests.
            sleep: how to wait between two tries; simulated in tests.
        """
        self.store, self.clock = store, clock
        self.journal: Journal[S] = Journal(store, prefix, fold, clock=clock, sleep=sleep)

    @property
    def prefix(self) -> str:
        """Its folder in the store, ending with '/'."""
        return self.journal.prefix

    @property
    def state(self) -> S:
        """What the records say, as last read."""
        return self.journal.state

    def refresh(self) -> S:
        """Read what is new: one listing, and one read when there is news.

        Raises:
            StorageError: the store refuses or is away.
        """
        return self.journal.refresh()

    def now(self) -> float:
        """This machine's time, or that of the newest record where its writer's clock was ahead."""
        return max(self.clock(), self.state.updated)

    def stands(self, kind: str, seq: int) -> None:
        """Called once an act stands, also where it stood already: for what has to be told elsewhere.

        Args:
            kind: of the record.
            seq: its place, or the newest that is known where it stood already.
        """

    def _act(
        self, kind: str, data: dict[str, Any], *, done: Callable[[S], bool] | None = None,
        fill: Callable[[S], None] | None = None,
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
            Refused: the act is not possible, or not any more; or another of `REFUSALS`.
            LaterRelease: a later release writes this journal.
            StorageError: the store refuses or is away. Whether the act stands is then open: acting again tells.
        """
        problem: Exception | None = None
        stood = False
        self.refresh()

        def valid(state: S) -> bool:
            nonlocal problem, stood
            problem, stood = None, False
            if done is not None and done(state):
                stood = True
                return False
            try:
                if fill is not None:
                    fill(state)
                if kind in self.RULES:
                    self.RULES[kind](state, data)
            except self.REFUSALS as refused:
                problem = refused
                return False
            return True

        record = self.journal.append(kind, data, valid=valid)
        if record is None:
            if problem is not None:
                raise problem
            assert stood
            self.stands(kind, self.state.seq)  # whoever wrote it may have died before it told
            return None
        self.stands(kind, record.seq)
        skipped = self.state.skipped.get(record.seq)
        if skipped is not None:  # rules and changes disagree: a fault of this code, told rather than hidden
            raise Refused(f"record {record.seq} was written and is not valid: {skipped}")
        return record
