"""The journal of an experiment: a `automl_core.journal.Journal` that is folded into a `State`."""

from __future__ import annotations

import time
from collections.abc import Callable

from automl_core.journal import Journal
from automl_core.storage.base import ObjectStore
from automl_core.study.state import State


class StudyJournal(Journal[State]):
    """Reads and writes one experiment's journal, and holds the state folded from it."""

    def __init__(
        self,
        store: ObjectStore,
        prefix: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open the journal of one experiment; see `automl_core.journal.Journal`."""
        super().__init__(store, prefix, State, clock=clock, sleep=sleep)
