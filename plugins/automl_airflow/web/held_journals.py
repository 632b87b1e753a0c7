"""What the API server holds of models and annotation projects: each one's journal, read once for all who look.

A store that hangs holds up nobody but who waits for it: what is new is fetched without the lock under which the state
is used, as with runs (`automl_airflow.studies`, `automl_airflow.web.held`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import Request

from automl_airflow.stores import viewed_store
from automl_airflow.teams import ConnectionName
from automl_airflow.web.aside import PATIENCE, Unanswered, in_store
from automl_airflow.web.catalog import Place
from automl_airflow.web.held import READ_EVERY, Answer, Answers
from automl_airflow.web.respond import STALE
from automl_core.journal import ReadAhead
from automl_core.storage.base import ObjectStore, StorageError, StorageUnavailable

log = logging.getLogger(__name__)

CAPACITY = 256
"""Journals of one sort that are held at most; the one that was not asked for the longest goes first."""

T = TypeVar("T")


class Folded(Protocol):
    """A state that records make."""

    seq: int


class Acts(Protocol):
    """A journal with its state, and what can be done to it: `ModelLife`, say."""

    name: str

    @property
    def journal(self) -> Any:
        """The journal itself."""

    @property
    def prefix(self) -> str:
        """Its folder in the store, ending with '/'."""

    @property
    def state(self) -> Any:
        """What the records say, as last read."""

    def refresh(self) -> Any:
        """Read what is new."""


class Info(Protocol):
    """A thing with a journal, as Airflow knows it."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def place(self) -> Place:
        """Where it lies."""

    @property
    def connection(self) -> ConnectionName:
        """The connection to where it lies."""


A = TypeVar("A", bound=Acts)
S = TypeVar("S", bound=Folded)
I_ = TypeVar("I_", bound=Info)
H = TypeVar("H", bound="HeldJournal[Any, Any]")


class HeldJournal(Generic[A, S]):
    """One journal's state, and the answers made of it, shared by the threads of this process.

    Attributes:
        lock: to be held while `acts` is used.
        acts: the state, and what can be done to it.
        store: where it lies; safe without the lock.
        place: whose threads it is read in.
    """

    def __init__(self, store: ObjectStore, acts: A, ahead: ReadAhead, place: Place) -> None:
        self.lock = threading.RLock()
        self.store, self.acts, self.place = store, acts, place
        self._ahead = ahead
        self._reading = threading.Lock()
        self._read = float("-inf")
        self._answers = Answers()

    @property
    def age(self) -> float:
        """Seconds since the state was known to be the newest."""
        return time.monotonic() - self._read

    def read(self, seq: int = 0, *, newest: bool = False) -> int:
        """Bring the state up to date, at once where the caller knows of a later record than is held, or acts on it.

        Not to be called with `lock` held.

        Raises:
            StorageError: the store is away.
        """
        self._read_on(0.0 if newest else READ_EVERY)
        if self.acts.state.seq < seq:
            self._read_on(0.0)
        return int(self.acts.state.seq)

    def _read_on(self, max_age: float) -> None:
        if self.age < max_age:
            return
        with self._reading:  # one at a time; who comes meanwhile waits for what it finds
            if self.age < max_age:
                return
            began = time.monotonic()
            try:
                self._ahead.look(self.acts.prefix, self.acts.state.seq)
                with self.lock:
                    self.acts.refresh()
            finally:
                self._ahead.forget()
            self._read = began

    def use(self, build: Callable[[S], T]) -> T:
        """Make something of the state while nobody else reads on.

        Raises:
            Unanswered: somebody writes into the store meanwhile, and it doesn't answer.
        """
        with self._locked():
            return build(self.acts.state)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if not self.lock.acquire(timeout=PATIENCE):
            raise Unanswered(f"{self.place.storage} did not answer within {PATIENCE:g} s to what is written to it")
        try:
            yield
        finally:
            self.lock.release()

    def answer(self, key: Any, build: Callable[[S], Any], *, stamp: int = 0) -> Answer:
        """An answer for the present state: made once, then handed out to everybody.

        Args:
            key: what was asked.
            build: makes the body.
            stamp: version of what else it is made of.
        """
        with self._locked():
            etag = f'"m{self.acts.state.seq}-{stamp}-{hash(key) & 0xFFFFFFFF:x}"'
            known = self._answers.known(key, etag)
            if known is not None:
                return known
            body = build(self.acts.state)
        return self._answers.keep(key, etag, body)

    async def free(self) -> bool:
        """Whether the state can be used soon: whoever writes it holds it, and a write may hang. Waits in no thread."""
        clock = asyncio.get_running_loop().time
        until = clock() + PATIENCE
        while not self.lock.acquire(blocking=False):
            if clock() >= until:
                return False
            await asyncio.sleep(0.02)
        self.lock.release()
        return True


Key = tuple[str, ConnectionName, str]


class HeldJournals(Generic[I_, H]):
    """All of one sort that are held in this process.

    Attributes:
        capacity: how many at most.
    """

    def __init__(
        self, sort: str, make: Callable[[ObjectStore, ReadAhead, I_], H], capacity: int = CAPACITY,
        weigh: Callable[[H], int] | None = None, most: int = 0,
    ) -> None:  # fmt: skip
        """Hold none yet.

        Args:
            sort: what they are, for messages: "model", say.
            make: opens one: given its store, the same store read ahead, and what Airflow knows of it.
            capacity: how many are held at most.
            weigh: how much one takes, where they are unlike.
            most: of that, all together; the one that is looked at is held whatever it takes.
        """
        self.capacity, self._weigh, self._most = capacity, weigh, most
        self._sort, self._make = sort, make
        self._held: OrderedDict[Key, H] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._held)

    def known(self, info: I_) -> H | None:
        """One that is held already, as old as it may be. Never waits."""
        with self._lock:
            return self._held.get(_key(info))

    def get(self, info: I_) -> H:
        """One that is shared by all who look at it. To be called in one of its store's threads.

        Raises:
            StorageError: it can't be read now.
        """
        key = _key(info)
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
                self._let_go()  # they grow
                return found
        made = self._opened(info)
        with self._lock:
            found = self._held.setdefault(key, made)  # another may have been faster
            self._let_go()
        return found

    def _let_go(self) -> None:
        """Hold no more than may be; what somebody uses just now goes when they have done."""
        while len(self._held) > self.capacity:
            self._held.popitem(last=False)
        if self._weigh is not None:
            weight = sum(map(self._weigh, self._held.values()))
            while weight > self._most and len(self._held) > 1:
                weight -= self._weigh(self._held.popitem(last=False)[1])

    def read(self, info: I_, seq: int = 0, *, newest: bool = False) -> H:
        """One that is no older than a record, or the newest there is; in a thread of its store."""
        held = self.get(info)
        held.read(seq, newest=newest)
        return held

    async def shown(self, request: Request, info: I_, seq: int) -> H:
        """One for a page: up to date; as it was, and marked so, where its store hangs."""
        known = self.known(info)
        try:
            return await in_store(info.place, self.read, info, seq, patience=None if known is None else PATIENCE)
        except StorageUnavailable as error:
            if known is None or not await known.free():
                raise
            request.scope[STALE] = (known.age, str(error))
            return known

    async def fresh(self, info: I_) -> H:
        """One for what needs the store itself, and for acts: an answer of a while ago would not do."""
        return await in_store(info.place, partial(self.read, newest=True), info)

    def _opened(self, info: I_) -> H:
        place = info.place
        try:
            store = viewed_store(place.storage, info.connection)
            made = self._make(store, ReadAhead(store), info)
            made.acts.journal.paced = False  # many wait for what is read here, and few of them write
            return made
        except StorageError:
            raise
        except AirflowNotFoundException:
            whose = f" for the team {place.team} (nor for everybody)" if place.team is not None else ""
            raise StorageError(
                f"the connection {place.connection!r}, which output.connection names, is not defined in Airflow{whose}"
            ) from None
        except Exception as error:  # its text may hold what the store's client was configured with
            log.exception("the journal of the %s %s can't be opened", self._sort, info.name)
            what = f"{type(error).__name__}; the API server's log has more"
            raise StorageError(f"the journal of the {self._sort} {info.name} can't be opened: {what}") from None


def _key(info: Info) -> Key:
    return (info.place.storage, info.connection, info.name)
