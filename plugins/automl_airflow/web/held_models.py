"""What the API server holds of models: each one's journal, read once for all who look, bounded in number.

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
from typing import Annotated, Any, TypeVar

from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import Depends, Query, Request

from automl_airflow.stores import viewed_store
from automl_airflow.teams import ConnectionName
from automl_airflow.web.access import ModelName
from automl_airflow.web.aside import PATIENCE, Unanswered, in_store
from automl_airflow.web.catalog import Place, reading
from automl_airflow.web.held import READ_EVERY, Answer, Answers
from automl_airflow.web.held_views import HeldViews
from automl_airflow.web.model_catalog import ModelInfo, find_model
from automl_airflow.web.respond import STALE
from automl_core.journal import ReadAhead
from automl_core.models.life import Life, ModelLife
from automl_core.storage.base import ObjectStore, StorageError, StorageUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")

CAPACITY = 256
"""Models held at most; the one that was not asked for the longest goes first."""

Key = tuple[str, ConnectionName, str]


class HeldModel:
    """One model's life, and the answers made of it, shared by the threads of this process.

    Attributes:
        lock: to be held while `acts` is used.
        acts: the life, and what can be done to it.
        store: where it lies; safe without the lock.
        place: whose threads it is read in.
        views: what the guards of its rollouts show.
    """

    def __init__(self, store: ObjectStore, acts: ModelLife, ahead: ReadAhead, place: Place) -> None:
        self.lock = threading.RLock()
        self.store, self.acts, self.place = store, acts, place
        self.views = HeldViews(store, acts.name)
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
        return self.acts.state.seq

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

    def use(self, build: Callable[[Life], T]) -> T:
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

    def answer(self, key: Any, build: Callable[[Life], Any], *, stamp: int = 0) -> Answer:
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


_held: OrderedDict[Key, HeldModel] = OrderedDict()
_lock = threading.Lock()


def _key(model: ModelInfo) -> Key:
    return (model.place.storage, model.connection, model.name)


def known_model(model: ModelInfo) -> HeldModel | None:
    """A model that is held already, as old as it may be. Never waits."""
    with _lock:
        return _held.get(_key(model))


def held_model(model: ModelInfo) -> HeldModel:
    """A model's life, shared by all who look at it. To be called in one of its store's threads.

    Raises:
        StorageError: it can't be read now.
    """
    key = _key(model)
    with _lock:
        found = _held.get(key)
        if found is not None:
            _held.move_to_end(key)
            return found
    made = _opened(model)
    with _lock:
        found = _held.setdefault(key, made)  # another may have been faster
        while len(_held) > CAPACITY:
            _held.popitem(last=False)
    return found


def _opened(model: ModelInfo) -> HeldModel:
    place = model.place
    try:
        store = viewed_store(place.storage, model.connection)
        ahead = ReadAhead(store)
        acts = ModelLife.open(ahead, model.name)
        acts.journal.paced = False  # many wait for what is read here, and few of them write
        return HeldModel(store, acts, ahead, place)
    except StorageError:
        raise
    except AirflowNotFoundException:
        whose = f" for the team {place.team} (nor for everybody)" if place.team is not None else ""
        raise StorageError(
            f"the connection {place.connection!r}, which output.connection names, is not defined in Airflow{whose}"
        ) from None
    except Exception as error:  # its text may hold what the store's client was configured with
        log.exception("the journal of the model %s can't be opened", model.name)
        what = f"{type(error).__name__}; the API server's log has more"
        raise StorageError(f"the journal of the model {model.name} can't be opened: {what}") from None


def read_model(model: ModelInfo, seq: int = 0, *, newest: bool = False) -> HeldModel:
    """A model's life, no older than a record, or the newest there is; in a thread of its store."""
    held = held_model(model)
    held.read(seq, newest=newest)
    return held


def the_model(model: ModelName) -> ModelInfo:
    """The model that a path names, 404 where there is none."""
    with reading() as session:
        return find_model(session, model)


TheModel = Annotated[ModelInfo, Depends(the_model)]

Seq = Annotated[int, Query(ge=0, description="Answer with a state no older than this record of the journal.")]


async def the_held_model(request: Request, info: TheModel, seq: Seq = 0) -> HeldModel:
    """The life of the model that a path names, up to date; as it was, and marked so, where its store hangs."""
    known = known_model(info)
    try:
        return await in_store(info.place, read_model, info, seq, patience=None if known is None else PATIENCE)
    except StorageUnavailable as error:
        if known is None or not await known.free():
            raise
        request.scope[STALE] = (known.age, str(error))
        return known


async def the_fresh_model(info: TheModel) -> HeldModel:
    """The same for what needs the store itself, and for acts: an answer of a while ago would not do."""
    return await in_store(info.place, partial(read_model, newest=True), info)


Held = Annotated[HeldModel, Depends(the_held_model)]
Fresh = Annotated[HeldModel, Depends(the_fresh_model)]
