"""What the API server holds of experiments: one read model a run, and the answers made of it, bounded in memory.

However many people look, an experiment is read once a second at most, and an answer is made, encoded and compressed
once for every state of it.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from automl_airflow.studies import CAPACITY, Key, SharedStudy, viewed_study
from automl_airflow.web.aside import PATIENCE, Unanswered
from automl_airflow.web.catalog import Place, RunInfo
from automl_airflow.web.opening import opening
from automl_airflow.web.series import LiveSeries
from automl_core.results.stages import never_concluded, stage_entries
from automl_core.spec.stages import StageName
from automl_core.study.stages import StageStudy, stages_of
from automl_core.views.importance import Model, Observations, fit, importance, observe
from automl_core.views.overview import overview
from automl_core.views.view import ExperimentView

T = TypeVar("T")

READ_EVERY = 1.0
"""Seconds between two looks at a journal, whoever asks."""

STAGES_EVERY = 5.0
"""Seconds between two looks at the journals of a run's stages, whoever asks."""

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


class Answers:
    """Answers that were made, handed out again while they are true; bounded in number and in bytes."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Any, Answer] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def known(self, key: Any, etag: str) -> Answer | None:
        """The answer to what was asked, where it was made for that state."""
        with self._lock:
            known = self._answers.get(key)
            if known is None or known.etag != etag:
                return None
            self._answers.move_to_end(key)
            return known

    def keep(self, key: Any, etag: str, body: Any) -> Answer:
        """Encode an answer, compress it, and keep it."""
        answer = Answer(etag, gzip.compress(encode(body), compresslevel=4, mtime=0))
        with self._lock:
            old = self._answers.pop(key, None)
            self._bytes += len(answer.body) - (len(old.body) if old else 0)
            self._answers[key] = answer
            while len(self._answers) > _ANSWERS or (self._bytes > _ANSWER_BYTES and len(self._answers) > 1):
                self._bytes -= len(self._answers.popitem(last=False)[1].body)
        return answer


class HeldRun:
    """One run's read model, its answers and its forest.

    Attributes:
        shared: the study, shared with all of this process.
        view: the read model; use it with `shared.lock` held.
        live: what its trials report while they run.
        asked: when somebody looked last, by the monotonic clock.
        place: where it lies.
    """

    def __init__(self, shared: SharedStudy, place: Place | None = None) -> None:
        self.shared = shared
        self.place = place or Place(shared.store.url, None, shared.study.experiment.name, ())
        with shared.lock:
            self.view = ExperimentView(shared.study)
        self.live = LiveSeries(shared.store, self.view.study.journal.prefix)
        self.asked = time.monotonic()
        self._answers = Answers()
        self._growing = threading.Lock()
        self._observations: Observations | None = None
        self._model: Model | None = None
        self._grown_at = 0.0
        self._importance: dict[str, Any] | None = None
        self._overview: tuple[tuple[int, int], dict[str, Any]] | None = None
        self._stages: dict[StageName, StageStudy] = {}
        self._staging = threading.Lock()
        self._staged = float("-inf")

    def read(self, seq: int = 0) -> int:
        """Bring the state up to date, at once where the caller knows of a later record than is held."""
        self.asked = time.monotonic()
        state = self.shared.read(READ_EVERY)
        if state.seq < seq:
            state = self.shared.read(0.0)
        return state.seq

    def use(self, build: Callable[[ExperimentView], T]) -> T:
        """Make something of the read model while nobody else reads on.

        Raises:
            Unanswered: somebody writes into the store meanwhile, and it doesn't answer.
        """
        with self._locked():
            return build(self.view)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if not self.shared.lock.acquire(timeout=PATIENCE):
            raise Unanswered(
                f"{self.place.storage} did not answer within {PATIENCE:g} s to what is being written to it"
            )
        try:
            yield
        finally:
            self.shared.lock.release()

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
        with self._locked():
            seq, moment = self._version(volatile)
            etag = f'"{seq}-{moment}-{stamp}-{hash(key) & 0xFFFFFFFF:x}"'
            known = self._answers.known(key, etag)
            if known is not None:
                return known
            body = build(self.view)
        return self._answers.keep(key, etag, body)

    def overview(self) -> dict[str, Any]:
        """How the run stands, without what differs from user to user; to be read, not changed."""
        with self._locked():
            version = self._version(volatile=True)
            if self._overview is None or self._overview[0] != version:
                self._overview = (version, overview(self.view))
            return self._overview[1]

    def stages(self, *, over: bool = False) -> list[dict[str, Any]]:
        """How prepare and conclude stand, in this order; looked at now and then, whoever asks.

        Args:
            over: whether nothing is to come any more in Airflow, so that a conclude that has not begun never will.
        """
        with self._locked():
            study = self.shared.study
            had = study.experiment.prepare or study.experiment.conclude
        if not had:
            return []
        with self._staging:
            if time.monotonic() - self._staged >= STAGES_EVERY:
                self._staged = time.monotonic()
                self._stages = stages_of(study, self._stages, store=self.shared.store)
            entries = stage_entries(self._stages)
            with self._locked():
                never = never_concluded(study.experiment, study.state, self._stages) if over else None
            if never is not None:
                entries["conclude"] = never
            return [{"name": stage, **entry} for stage, entry in entries.items()]

    def _version(self, volatile: bool) -> tuple[int, int]:
        """Changes with the journal, and while something runs with time too, where that matters."""
        moving = volatile and bool(self.view.state.running)
        return self.view.seq, int(time.monotonic() / _VOLATILE) if moving else 0

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
        shared = viewed_study(*key[:4])
        with _lock:
            found = _held.get(key)
        if found is None or found.shared is not shared:  # made without the lock that all runs share: this one may wait
            found = HeldRun(shared, run.place)
        out: list[HeldRun] = []
        with _lock:
            known = _held.get(key)
            if known is not None and known.shared is shared and known is not found:  # another was faster
                out, found = [found], known
            elif known is not found:
                out += [known] if known is not None else []
                _held[key] = found
            found.asked = time.monotonic()
            while len(_held) > CAPACITY:
                out.append(_held.pop(min(_held, key=lambda each: _held[each].asked)))
        for each in out:
            each.view.close()
        return found


def known_run(run: RunInfo) -> HeldRun | None:
    """The read model of a run where it is held already, as old as it may be. Never waits."""
    with _lock:
        return _held.get(_key(run))


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
    return (place.storage, run.connection, place.experiment, run.run_id, None)
