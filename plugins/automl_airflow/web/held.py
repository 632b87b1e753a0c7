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

from automl_airflow.studies import CAPACITY, SharedStudy, shared_study
from automl_airflow.web.catalog import RunInfo
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
    """

    def __init__(self, shared: SharedStudy) -> None:
        self.shared = shared
        with shared.lock:
            self.view = ExperimentView(shared.study)
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
        state = self.shared.read(READ_EVERY)
        if state.seq < seq:
            state = self.shared.read(0.0)
        return state.seq

    def use(self, build: Callable[[ExperimentView], T]) -> T:
        """Make something of the read model while nobody else reads on."""
        with self.shared.lock:
            return build(self.view)

    def answer(self, key: Any, build: Callable[[ExperimentView], Any], *, volatile: bool = False) -> Answer:
        """An answer for the present state: made once, then handed out to everybody.

        Args:
            key: what was asked.
            build: makes the body.
            volatile: it changes with time too while something runs.
        """
        with self.shared.lock:
            seq, stamp = self._version(volatile)
            etag = f'"{seq}-{stamp}-{hash(key) & 0xFFFFFFFF:x}"'
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


_held: OrderedDict[SharedStudy, HeldRun] = OrderedDict()
_lock = threading.Lock()


def held_run(run: RunInfo) -> HeldRun:
    """The read model of a run, shared by all who look at it.

    Raises:
        LookupError: it has no journal (yet).
        StorageError: the store is away.
    """
    place = run.place
    shared = shared_study(place.storage, place.connection, place.experiment, run.run_id)
    with _lock:
        found = _held.get(shared)
        if found is None:
            found = _held[shared] = HeldRun(shared)
        _held.move_to_end(shared)
        while len(_held) > CAPACITY:
            _held.popitem(last=False)[1].view.close()
        return found
