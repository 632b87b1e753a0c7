"""What was answered, and what a shadow said, written down: a line for each row, into the bucket a file at a time.

A line is in a file of this machine before its answer is sent, so a server that is killed loses none: what it left is
brought to the bucket by the next server that starts with the same folder. Names of objects are those of the files, so
a file that is brought twice is one object.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from automl_core.models.life.layout import MODELS
from automl_core.models.traffic.split import place_of
from automl_core.serving.following import Route
from automl_core.serving.given import Given
from automl_core.serving.wire import Answer
from automl_core.storage.base import ObjectStore, StorageError
from automl_core.study.layout import safe

log = logging.getLogger(__name__)

ANSWERS, SHADOW = "answers/", "shadow/"
"""Folders below a model's: ``ds=2026-11-29/SERVER-0001.jsonl``. What was given, and what a shadow would have said."""

OURS = frozenset({
    "request_id", "request_key", "answered_at", "model_version", "model_record", "rollout", "prediction",
    "fallen_back", "given_version", "given_prediction", "agrees", "error",
})  # fmt: skip
"""Names in a line that no column of a row may have; nor may ``probability_CLASS``."""

_LOCK, _OPEN, _CLOSED = "lock", ".part", ".jsonl"

_MOST_OPEN = 200
"""Files, one of each model, that are written to at the same time."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Rule:
    """Which answers are written down, and what of them.

    Attributes:
        share: of the requests, 0 to 1.
        columns: of the rows; all of them where it is ``all``.
    """

    share: float = 1.0
    columns: Literal["all"] | tuple[str, ...] = "all"


class NameTaken(ValueError):
    """A row's column has a name that a line has for itself: one of the two would be lost. The message says which."""


@dataclass(frozen=True, slots=True)
class Shadowed:
    """What a version said in the shadow of an answer that was given.

    Attributes:
        route: by which it was asked.
        version: who was asked.
        places: (n,) of the request's rows, for which it was.
        answer: what it said; None where it said nothing.
        classes: in the order of its probabilities.
        error: why it said nothing; empty where it did.
        same: (n,) whether it says what was given; empty where it said nothing.
    """

    route: Route
    version: int
    places: Sequence[int]
    answer: Answer | None
    classes: Sequence[str]
    error: str
    same: Sequence[bool]


class AnswerLog:
    """The log of one server. Lines are taken in its event loop; files are brought to the bucket in a thread."""

    def __init__(
        self, store: ObjectStore, folder: Path, rule: Rule | None = None, *, every: float = 10.0,
        most: int = 2**30, server: str | None = None, where: str = ANSWERS,
    ) -> None:  # fmt: skip
        """Open it; nothing is read yet.

        Args:
            store: the model storage path.
            folder: of this machine, for files that are not in the bucket yet; servers of one machine may share it.
            rule: what is written down.
            every: seconds after which a file is brought.
            most: bytes on this machine at most, where the store is away for long; what comes then is counted, and lost.
            server: names it in the names of files; made up where it is None.
            where: folder below a model's.
        """
        self.store, self.folder, self.rule, self.every, self.most = store, folder, rule or Rule(), every, most
        self.server, self.where = server or server_name(), where
        self.lost = 0
        """Rows that found no place on this machine."""
        self._own = folder / self.server
        self._files: dict[str, Any] = {}
        self._opened: dict[str, float] = {}
        self._number = 0
        self._bytes = 0
        self._clock = _Clock()
        self._taken: dict[tuple[Any, ...], frozenset[str]] = {}
        self._task: asyncio.Task[None] | None = None
        self._lock: Any = None
        self._bringing = threading.Lock()  # of the thread: a task that is cancelled leaves its thread at work

    def start(self) -> None:
        """Take the place of this server on the machine, and bring what others left behind, from now on."""
        self._own.mkdir(parents=True, exist_ok=True)
        self._lock = (self._own / f"{_LOCK}-taken").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self._own / f"{_LOCK}-taken").rename(self._own / _LOCK)  # nobody sees it before it is locked
        self._task = asyncio.create_task(self._bring_now_and_then())

    async def stop(self, patience: float = 30.0) -> int:
        """Bring what is left. Returns the number of files that stay on this machine, as the store is away.

        Args:
            patience: seconds for which that is tried.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._close(0.0)
        until = time.monotonic() + patience
        while (left_for := until - time.monotonic()) > 0:
            bringing = asyncio.create_task(self._bring(self._own))
            await asyncio.wait([bringing], timeout=left_for)  # the store may keep its thread for longer than that
            if not bringing.done() or bringing.result():
                break
            await asyncio.sleep(min(0.5, left_for))
        left = len(list(self._own.rglob(f"*{_CLOSED}")))
        if left:
            log.error("%d files with answers stay in %s: the next server brings them", left, self._own)
        else:
            shutil.rmtree(self._own, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
        return left

    def takes(self, request: str) -> bool:
        """Whether the answers of a request are written down."""
        return self.rule.share >= 1 or (self.rule.share > 0 and place_of(request, "", "answers") < self.rule.share)

    def check(self, rows: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> None:
        """See that no column of a row has a name that its line has for itself. For each request, written down or not.

        Args:
            rows: as they were sent.
            classes: of the answer.

        Raises:
            NameTaken: one has.
        """
        columns = self.rule.columns
        taken = self._taken.get((columns, *classes))
        if taken is None:
            taken = OURS.union(f"probability_{each}" for each in classes)
            taken = taken if columns == "all" else taken.intersection(columns)
            self._taken[columns, *classes] = taken
        for place, row in enumerate(rows):
            if not taken.isdisjoint(row):
                name = min(taken.intersection(row))
                raise NameTaken(
                    f"row {place}: the column {name!r} has the name of one that the log of answers writes itself; "
                    f"rename it, or have the server write no such column (automl serve --columns a,b)"
                )

    def add(
        self, model: str, given: Given, rows: Sequence[Mapping[str, Any]], keys: Sequence[str], request: str
    ) -> None:
        """Write down what was answered, before it is sent.

        Args:
            model: its name.
            given: the answer.
            rows: as they were sent.
            keys: (n,) by which each row's version was chosen.
            request: the request's id.
        """
        now = self._clock()
        lines = bytearray()
        names = [f"probability_{name}" for name in given.classes]
        for place in range(len(rows)):
            line = self._begun(rows, keys, request, place, now)
            line["model_version"], line["model_record"] = given.versions[place], given.record
            line["prediction"] = given.predictions[place]
            if given.rollout is not None:
                line["rollout"] = given.rollout
            if given.probabilities is not None:
                line.update(zip(names, given.probabilities[place], strict=True))
            if given.fallen_back is not None:
                line["fallen_back"] = given.fallen_back
            lines += _encode(line) + b"\n"
        self._take(model, lines, len(rows))

    def add_shadow(
        self, said: Shadowed, given: Given, rows: Sequence[Mapping[str, Any]], keys: Sequence[str], request: str
    ) -> None:
        """Write down what a shadow said, beside what was given.

        Args:
            said: by the shadow.
            given: the answer that was given.
            rows, keys, request: as `add`.
        """
        now = self._clock()
        lines = bytearray()
        for at, place in enumerate(said.places):
            line = self._begun(rows, keys, request, place, now)
            line |= {
                "model_version": said.version, "model_record": said.route.record, "rollout": said.route.rollout,
                "given_version": given.versions[place], "given_prediction": given.predictions[place],
            }  # fmt: skip
            if said.answer is None or said.error:
                line["error"] = said.error
            else:
                line |= {"prediction": said.answer.predictions[at], "agrees": said.same[at]}
                if said.answer.probabilities is not None:
                    chances = zip(said.classes, said.answer.probabilities[at], strict=True)
                    line |= {f"probability_{name}": chance for name, chance in chances}
            lines += _encode(line) + b"\n"
        self._take(said.route.model, lines, len(said.places))

    def _begun(
        self, rows: Sequence[Mapping[str, Any]], keys: Sequence[str], request: str, place: int, now: str
    ) -> dict[str, Any]:
        row = rows[place]
        columns = row if self.rule.columns == "all" else {n: row[n] for n in self.rule.columns if n in row}
        return {
            **columns, "request_id": request if len(rows) == 1 else f"{request}/{place}",
            "request_key": keys[place], "answered_at": now,
        }  # fmt: skip

    def _take(self, model: str, lines: bytearray, count: int) -> None:
        why = "the store is away for too long" if self._bytes + len(lines) > self.most else self._write(model, lines)
        if why:
            if not self.lost:
                log.error("%s takes no more, and answers are not written down: %s", self.folder, why)
            self.lost += count
            return
        self._bytes += len(lines)

    # --- files -----------------------------------------------------------------------------------

    def _write(self, model: str, lines: bytearray) -> str:
        """Write whole lines or nothing. Returns why that can't be done, empty where it is."""
        try:
            file = self._file(model)
            done = file.write(lines)
            if done == len(lines):
                return ""
            os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - done)  # no torn line before the next one
        except OSError as error:
            return str(error)
        return "the disk is full"

    def _file(self, model: str) -> Any:
        if model not in self._files and len(self._files) >= _MOST_OPEN:
            self._close(0.0)  # thousands of models must not take all open files of a process
        if model not in self._files:
            self._number += 1
            folder = self._own / safe(model) / f"ds={datetime.now(UTC):%Y-%m-%d}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{self.server}-{self._number:06d}{_OPEN}"
            self._files[model] = path.open("ab", buffering=0)  # in the machine's hands before the answer is sent
            self._opened[model] = time.monotonic()
        return self._files[model]

    def _close(self, older: float) -> None:
        """Close files that are older than some seconds: they can be brought then."""
        now = time.monotonic()
        for model in [each for each, opened in self._opened.items() if now - opened >= older]:
            file = self._files.pop(model)
            del self._opened[model]
            file.close()
            path = Path(file.name)
            path.rename(path.with_suffix(_CLOSED))

    async def _bring_now_and_then(self) -> None:
        try:
            await self._bring_what_others_left()
        except OSError as error:
            log.error("what other servers of this machine have left in %s can't be brought: %s", self.folder, error)
        while True:
            await asyncio.sleep(self.every / 2)
            try:
                self._close(self.every / 2)
            except OSError as error:
                log.error("files with answers in %s can't be closed: %s", self._own, error)
            await self._bring(self._own)

    async def _bring(self, folder: Path) -> bool:
        """Bring the closed files of a server. Returns whether none is left."""
        try:
            brought = await asyncio.to_thread(self._brought, folder)
        except StorageError as error:
            log.warning("answers stay on this machine for now: %s", error)
            return False
        except Exception:  # the next try may find it better, and there must be one
            log.exception("answers stay on this machine for now")
            return False
        if folder == self._own:
            self._bytes = max(0, self._bytes - brought)
        return True

    def _brought(self, folder: Path) -> int:
        found = 0
        with self._bringing:
            for path in sorted(folder.glob(f"*/ds=*/*{_CLOSED}")):
                model, day = path.parent.parent.name, path.parent.name
                size = path.stat().st_size
                self.store.upload_file(path, f"{MODELS}{model}/{self.where}{day}/{path.name}")
                path.unlink()
                found += size
        return found

    async def _bring_what_others_left(self) -> None:
        for folder in _deserted(self.folder, self._own):
            for path in folder.rglob(f"*{_OPEN}"):
                _mend(path)
            if await self._bring(folder):
                shutil.rmtree(folder, ignore_errors=True)
                log.info("what %s had left was brought", folder.name)


def server_name() -> str:
    """What names one start of one server on this machine."""
    return f"{safe(os.uname().nodename, 40)}-{uuid.uuid4().hex[:8]}"


def check_columns(columns: Sequence[str]) -> None:
    """See that columns that are to be written are none that a line has for itself.

    Raises:
        NameTaken: one is.
    """
    wrong = next((each for each in columns if each in OURS), None)
    if wrong is not None:
        raise NameTaken(f"{wrong!r} is the name of a column that the log of answers writes itself")


class _Clock:
    """The time as ISO 8601 in milliseconds, UTC. A second's text is made once: for each answer it would cost more."""

    def __init__(self) -> None:
        self._second, self._text = -1, ""

    def __call__(self) -> str:
        """Now."""
        now = time.time_ns() // 1_000_000
        second, thousandths = divmod(now, 1000)
        if second != self._second:
            self._second, self._text = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._text}.{thousandths:03d}+00:00"


def _deserted(folder: Path, own: Path) -> Iterator[Path]:
    """Folders of servers that are gone: nobody holds their lock."""
    for each in sorted(folder.iterdir()):
        if each == own or not (each / _LOCK).is_file():
            continue
        with contextlib.ExitStack() as held:
            try:
                lock = held.enter_context((each / _LOCK).open("a"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:  # its server is there, or another one brings what it left
                continue
            yield each


def _mend(path: Path) -> None:
    """Take the end off a file whose server died within a line, and close it."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        path.write_bytes(whole)
    path.rename(path.with_suffix(_CLOSED)) if whole else path.unlink()
