"""What the API server holds of experiments: one read model a run, and the answers made of it, bounded in memory.

However many people look, an experiment is read once a second at most, and an answer is made, encoded and compressed
once for every state of it.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from automl_airflow.studies import CAPACITY, Key, SharedStudy, shared_study
from automl_airflow.web.catalog import RunInfo
from automl_airflow.web.opening import opening
from automl_airflow.web.series import LiveSeries
from automl_core.states import TrialState
from automl_core.views.importance import Model, Observations, fit, importance, observe
from automl_core.views.overview import overview
from automl_core.views.view import ExperimentView

T = TypeVar("T")

READ_EVERY = 1.0
"""Seconds between two looks at a journal, whoever asks."""

_ANSWERS = 48
_ANSWER_BYTES = 6_000_000
_VOLATILE = 2.0
_REGROW = 1.1
_REGROW_SECONDS = 30.0

_encoder = msgspec.json.Encoder(order=None)


@dataclass(frozen=True, slots=True)
class Answer:
    """An encoded body, compressed, and what tells it from others."""

    etag: str
    body: bytes


def encode(body: Any) -> bytes:
    """Plain data as JSON; what is not finite becomes null."""
    return _encoder.encode(body)


class HeldRun:
    """One run's read model, its answers and its forest.

    Attributes:
        shared: the study, shared with all of this process.
        view: the read model; use it with `shared.lock` held.
        live: what its trials report while they run.
        asked: when somebody looked last, by the monotonic clock.
    """

    def __init__(self, shared: SharedStudy) -> None:
        self.shared = shared
        with shared.lock:
            self.view = ExperimentView(shared.study)
        self.live = LiveSeries(shared.store, self.view.study.journal.prefix)
        self.asked = time.monotonic()
        self._answers: OrderedDict[Any, Answer] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._growing = threading.Lock()
        self._observations: Observations | None = None
        self._model: Model | None = None
        self._grown_at = 0.0
        self._importance: dict[str, Any] | None = None
        self._overview: tuple[tuple[int, int], dict[str, Any]] | None = None

    def read(self, seq: int = 0) -> int:
        """Bring the state up to date, at once where the caller knows of a later record than is held."""
        self.asked = time.monotonic()
        state = self.shared.read(READ_EVERY)
        if state.seq < seq:
            state = self.shared.read(0.0)
        return state.seq

    def use(self, build: Callable[[ExperimentView], T]) -> T:
        """Make something of the read model while nobody else reads on."""
        with self.shared.lock:
            return build(self.view)

    def answer(
        self, key: Any, build: Callable[[ExperimentView], Any], *, volatile: bool = False, stamp: int = 0
    ) -> Answer:
        """An answer for the present state: made once, then handed out to everybody.

        Args:
            key: what was asked.
            build: makes the body.
            volatile: it changes with time too while something runs.
            stamp: version of what else it is made of.
        """
        with self.shared.lock:
            seq, moment = self._version(volatile)
            etag = f'"{seq}-{moment}-{stamp}-{hash(key) & 0xFFFFFFFF:x}"'
            with self._lock:
                known = self._answers.get(key)
                if known is not None and known.etag == etag:
                    self._answers.move_to_end(key)
                    return known
            body = build(self.view)
        answer = Answer(etag, gzip.compress(encode(body), compresslevel=4, mtime=0))
        self._keep(key, answer)
        return answer

    def overview(self) -> dict[str, Any]:
        """How the run stands, without what differs from user to user; to be read, not changed."""
        with self.shared.lock:
            version = self._version(volatile=True)
            if self._overview is None or self._overview[0] != version:
                self._overview = (version, overview(self.view))
            return self._overview[1]

    def _version(self, volatile: bool) -> tuple[int, int]:
        """Changes with the journal, and while something runs with time too, where that matters."""
        moving = volatile and any(work.state is TrialState.RUNNING for work in self.view.state.works.values())
        return self.view.seq, int(time.monotonic() / _VOLATILE) if moving else 0

    def _keep(self, key: Any, answer: Answer) -> None:
        with self._lock:
            old = self._answers.pop(key, None)
            self._bytes += len(answer.body) - (len(old.body) if old else 0)
            self._answers[key] = answer
            while len(self._answers) > _ANSWERS or (self._bytes > _ANSWER_BYTES and len(self._answers) > 1):
                self._bytes -= len(self._answers.popitem(last=False)[1].body)

    def model(self) -> tuple[Observations, Model | None]:
        """The forest over the trials so far; grown again when there is a tenth more of them, or after a while."""
        with self._growing:
            fresh = self.use(observe)
            old = self._observations
            if old is not None:
                grown = len(fresh.values) >= _REGROW * len(old.values) or fresh.names != old.names
                waited = time.monotonic() - self._grown_at >= _REGROW_SECONDS
                if fresh.seq == old.seq or not (grown or waited):
                    return old, self._model
            self._model = fit(fresh)
            self._observations, self._importance = fresh, None
            self._grown_at = time.monotonic()
            return fresh, self._model

    def importance(self) -> dict[str, Any]:
        """Importance by the forest, made once for each forest."""
        observations, model = self.model()
        found = self._importance
        if found is None or found["computed_at"] != observations.seq:
            found = self._importance = importance(observations, model)
        return found


_held: dict[Key, HeldRun] = {}
_lock = threading.Lock()

IN_USE = 60.0
"""Seconds after somebody's last look in which a run is not pushed out by a list of runs."""


def held_run(run: RunInfo) -> HeldRun:
    """The read model of a run, shared by all who look at it.

    Raises:
        LookupError: it has no journal (yet).
        StorageError: it can't be read now.
    """
    key = _key(run)
    with opening(run):
        shared = shared_study(*key)
        with _lock:
            found = _held.get(key)
            if found is None or found.shared is not shared:
                if found is not None:
                    found.view.close()
                found = _held[key] = HeldRun(shared)
            found.asked = time.monotonic()
            while len(_held) > CAPACITY:
                _held.pop(min(_held, key=lambda each: _held[each].asked)).view.close()
            return found


def held_where_there_is_room(run: RunInfo) -> HeldRun | None:
    """As `held_run`; None where others that are looked at would have to go for it.

    A list shows more runs than are held: each look at it would push out every one, and fold all journals anew.

    Raises:
        LookupError, StorageError: as `held_run`.
    """
    with _lock:
        now = time.monotonic()
        busy = sum(now - each.asked < IN_USE for each in _held.values())
        if _key(run) not in _held and busy >= CAPACITY:
            return None
    return held_run(run)


def _key(run: RunInfo) -> Key:
    place = run.place
    return (place.storage, run.connection, place.experiment, run.run_id)
