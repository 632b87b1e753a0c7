"""Experiments that many callers of one process read: triggers of its trials, viewers of its page.

Each experiment is read once for all of them, and only what is new since the last time; the triggerer
and the API server hold a bounded number of them.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from automl_airflow.teams import ConnectionName
    from automl_core.journal import ReadAhead
    from automl_core.running.watch import Watch
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Study
    from automl_core.study.state import State

Key: TypeAlias = "tuple[str, ConnectionName, str, str, str | None]"
"""Model storage path, its connection (as a team has it, where a team is named), the experiment's name, the run's id;
the stage, where it is not the whole."""

CAPACITY = 64
"""Experiments held at most; the one that was not asked for the longest goes first."""


class SharedStudy:
    """One experiment's study, shared between the threads of a process.

    What is new is fetched without the lock: while a store hangs over that, others can use the state as it is.

    Attributes:
        lock: to be held while `study` is used; a study is made for one thread at a time.
        study: the study itself.
        store: its model storage path; safe without the lock.
        watches: by trial, the watches of this process, for rules that compare running trials.
    """

    def __init__(self, store: ObjectStore, study: Study, ahead: ReadAhead | None = None) -> None:
        """Share a study that was just read.

        Args:
            store: its model storage path.
            study: the study.
            ahead: the store of its journal, where what is new is to be fetched before the lock is taken.
        """
        self.lock = threading.RLock()
        self.store, self.study = store, study
        self.watches: dict[int, Watch] = {}
        self._ahead = ahead
        self._reading = threading.Lock()
        self._read = time.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the state was known to be the newest."""
        return time.monotonic() - self._read

    def read(self, max_age: float = 1.0) -> State:
        """The experiment's state, at most so many seconds old. Reads only the records that are new.

        Not to be called with `lock` held. The state changes in place as others read on: take what is needed from it
        while holding `lock`.

        Raises:
            StorageError: the store is away.
        """
        if self.age >= max_age:
            with self._reading:  # one at a time; who comes meanwhile waits for what it finds
                if self.age >= max_age:
                    began = time.monotonic()
                    self._fetch()
                    self._read = began
        return self.study.state

    def _fetch(self) -> None:
        try:
            if self._ahead is not None:
                self._ahead.look(self.study.journal.prefix, self.study.state.seq)
            with self.lock:
                self.study.refresh()
        finally:
            if self._ahead is not None:
                self._ahead.forget()


class SharedStudies:
    """The experiments of one process, by where they lie."""

    def __init__(self, open_study: Callable[[Key], SharedStudy], capacity: int = CAPACITY) -> None:
        """Hold none yet.

        Args:
            open_study: opens one; may raise.
            capacity: experiments held at most.
        """
        self._open, self._capacity = open_study, capacity
        self._lock = threading.Lock()
        self._held: OrderedDict[Key, SharedStudy] = OrderedDict()
        self._opening: dict[Key, threading.Lock] = {}

    def get(self, key: Key) -> SharedStudy:
        """The experiment at a place, opened when it is not held. Never opened twice at once.

        Raises:
            LookupError: there is none.
            StorageError: the store is away.
        """
        with self._lock:
            held = self._held.get(key)
            if held is not None:
                self._held.move_to_end(key)
                return held
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            with self._lock:
                held = self._held.get(key)
            if held is None:
                held = self._open(key)
                with self._lock:
                    self._held[key] = held
                    self._drop_idle()
            with self._lock:
                self._opening.pop(key, None)
            return held

    def _drop_idle(self) -> None:
        for key in list(self._held):
            if len(self._held) <= self._capacity:
                return
            if not self._held[key].watches:  # trials that are watched here need theirs
                del self._held[key]


def _open(key: Key) -> SharedStudy:
    from automl_airflow import journal_watch
    from automl_airflow.stores import shared_store

    shared = _shared(key, shared_store(key[0], key[1]))
    shared.study.journal.observers.append(lambda record: journal_watch.tell(key, record.seq))
    return shared


def _open_viewed(key: Key) -> SharedStudy:
    from automl_airflow.stores import viewed_store

    return _shared(key, viewed_store(key[0], key[1]))


def _shared(key: Key, store: ObjectStore) -> SharedStudy:
    from automl_airflow.reporting import report
    from automl_airflow.session import open_journal
    from automl_core.journal import ReadAhead
    from automl_core.study.stages import open_study

    ahead = ReadAhead(store)
    _, journal = open_journal(*key, store=ahead)
    journal.paced = False  # many wait for what is read here, and few of them write
    study = open_study(journal)
    return SharedStudy(store, study if key[4] else report(study, aside=True), ahead)


_studies = SharedStudies(_open)
_viewed = SharedStudies(_open_viewed)


def shared_study(
    storage: str, connection: ConnectionName, experiment: str, run: str, stage: str | None = None
) -> SharedStudy:
    """The study of a DAG run, or of a stage of it, shared by all of this process.

    Raises:
        LookupError: it has no journal (yet).
        StorageError: the store is away.
    """
    return _studies.get((storage, connection, experiment, run, stage))


def viewed_study(storage: str, connection: ConnectionName, experiment: str, run: str) -> SharedStudy:
    """As `shared_study`, for people who wait for a page: a store that hangs is given up soon.

    Raises:
        LookupError: it has no journal (yet).
        StorageError: the store is away.
    """
    return _viewed.get((storage, connection, experiment, run, None))
