"""A version's process as the server sees it: started, asked, ended when it hangs, started again when it has crashed."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from automl_core.serving.line import Line, started
from automl_core.serving.wire import Answer, Ready, joined

log = logging.getLogger(__name__)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Answer]).decode


class _Asked:
    """What one request asks.

    Attributes:
        part: its rows as they are sent.
        rows: how many they are.
        answer: what is waited for.
        seconds: for which that is.
        until: when they are over, on the monotonic clock.
    """

    __slots__ = ("answer", "part", "rows", "seconds", "until")

    def __init__(self, part: bytes, rows: int, answer: asyncio.Future[Answer], seconds: float, until: float) -> None:
        self.part, self.rows, self.answer, self.seconds, self.until = part, rows, answer, seconds, until


TOGETHER = 512
"""Rows of requests that are scored together at most."""

TOGETHER_BYTES = 4 * 2**20
"""Bytes of them: a request that takes all memory takes no other one's answer along."""

_MOMENT = 0.002
"""Seconds that clocks of event loops are early by at most."""

AGAIN = (0.0, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds before a process that has crashed is started again: after the first crash, the second, …"""

CALM = 300.0
"""Seconds without a crash after which crashes are counted anew."""


class Unavailable(Exception):
    """A version can't answer now: it crashed, hangs, can't be loaded, or has too much to do. The message says why."""


class NotHere(Unavailable):
    """This machine can't have a version now: no room, no store, no time. That is no fault of the version."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a version may take.

    Attributes:
        seconds: that an answer may take; then the process is ended, and started again.
        loading: seconds that it may take to load and to compare its golden rows.
        memory: bytes of its process; 0: no limit.
        waiting: requests that may wait for it; more are refused at once.
    """

    seconds: float = 10.0
    loading: float = 120.0
    memory: int = 2 * 2**30
    waiting: int = 1000


class VersionProcess:
    """One version, answering in a process of its own.

    Requests that come while it scores wait, and are scored together next: so it is asked one thing at a time, and a
    crowd costs little more than one.
    """

    def __init__(self, folder: Path, limits: Limits | None = None, *, trusted: Sequence[str] = ()) -> None:
        """Make it; nothing is started yet.

        Args:
            folder: of the model.
            limits: what it may take.
            trusted: types of estimators that the model may have.
        """
        self.folder, self.limits, self._trusted = folder, limits or Limits(), tuple(trusted)
        self.ready: Ready | None = None
        self.failed = ""
        """Why the model can't be loaded, as its process said; empty where it can, or isn't tried yet."""
        self.crashes = 0
        self.used = time.monotonic()
        self.ended = False
        """Whether it was put away; it is not started again."""
        self._waiting: deque[_Asked] = deque()
        self._asked: list[_Asked] = []
        self._since = 0.0
        """When what is asked now was asked, on the monotonic clock."""
        self._process: asyncio.subprocess.Process | None = None
        self._line: Line | None = None
        self._starting: asyncio.Task[None] | None = None
        self._failing: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._look_at = math.inf
        self._users = 0
        self._not_before = 0.0
        self._crashed = 0.0

    @property
    def pending(self) -> int:
        """Requests that it has not answered yet."""
        return len(self._waiting) + len(self._asked)

    @property
    def busy(self) -> bool:
        """Whether somebody waits for it: for its start, or for an answer."""
        return self._users > 0 or self.pending > 0

    @property
    def may_start(self) -> bool:
        """Whether another try may succeed, and isn't too soon after a crash."""
        return not self.failed and time.monotonic() >= self._not_before

    @property
    def running(self) -> bool:
        """Whether it can answer at once."""
        return self._line is not None

    @property
    def crashed(self) -> bool:
        """Whether it is not running since it has crashed, or can't be loaded: not while it is loaded at first."""
        return self._line is None and (self._failing is not None or self.crashes > 0 or bool(self.failed))

    async def start(self) -> None:
        """Load it, where that isn't done; all who ask at once wait for the same start.

        Raises:
            Unavailable: it can't be loaded, or has crashed too lately.
        """
        if self._failing is not None:
            await asyncio.wait([self._failing])  # a crash is counted before the next start
        if self.running:
            return
        if self.ended:
            raise Unavailable("it is stopped")
        if self.failed:
            raise Unavailable(f"it can't be loaded: {self.failed}")
        if time.monotonic() < self._not_before:
            raise Unavailable(f"it has crashed {self.crashes} times, and is started again in a moment")
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(_heard)
        starting = self._starting
        self._users += 1
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            if starting.cancelled():  # it was put away meanwhile; else it is the caller who gives up
                raise Unavailable("it is stopped") from None
            raise
        finally:
            self._users -= 1

    async def predict(self, rows: list[dict[str, Any]], seconds: float = math.inf) -> Answer:
        """What the version says of rows.

        Args:
            rows: each a mapping of column to value.
            seconds: that the answer may take once the version runs, those included in which it answers others; at most
                those of its limits.

        Raises:
            Unavailable: it can't answer.
        """
        now = self.used = time.monotonic()
        if self._line is None:
            await self.start()
            if self._line is None:
                raise Unavailable("it was ready, and is gone again")
            now = time.monotonic()
        if len(self._waiting) + len(self._asked) >= self.limits.waiting:
            raise Unavailable(f"{self.pending} requests wait for it already")
        try:
            part = _encode(rows)  # each request for itself: what can't be sent is the fault of its own rows alone
        except (OverflowError, ValueError) as error:
            return Answer(error=f"these rows can't be read: {error}")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        seconds = min(seconds, self.limits.seconds)
        self._waiting.append(_Asked(part, len(rows), answer, seconds, now + seconds))
        if now + seconds < self._look_at:
            self._look_again(now + seconds)
        if not self._asked:
            self._ask()
        return await answer

    async def stop(self) -> None:
        """End it for good; who waits is told."""
        self.ended = True
        tasks = [task for task in (self._starting, self._failing) if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._end("it is stopped")

    # --- its process ---------------------------------------------------------------------------

    async def _start(self) -> None:
        limits = self.limits
        command = [
            sys.executable, "-m", "automl_core.serving.worker", str(self.folder), str(limits.memory),
            ",".join(self._trusted),
        ]  # fmt: skip
        try:
            self._process, line = await started(command)
        except OSError as error:  # no process, no memory or no open file is left on this machine
            await self._end(f"its process can't be started: {error}")
            self._crash()
            raise Unavailable(f"its process can't be started: {error}") from None
        first = line.first
        try:
            ready = msgspec.msgpack.decode(await asyncio.wait_for(first, limits.loading), type=Ready)
        except asyncio.CancelledError:
            line.close()
            raise
        except (TimeoutError, OSError, EOFError, msgspec.DecodeError) as error:
            line.close()
            why = f"not loaded within {limits.loading:g} s" if isinstance(error, TimeoutError) else await self._how()
            await self._end(why)
            self._crash()
            raise Unavailable(why) from None
        if ready.error:
            line.close()
            await self._end(ready.error)
            self.failed = ready.error
            raise Unavailable(f"it can't be loaded: {ready.error}")
        self.ready, self._line = ready, line
        if line.lost:  # it said that it is ready, and was gone
            self._fail(EOFError())
        line.heard, line.gone = self._heard, self._fail

    def _ask(self) -> None:
        """Ask for what waits, as much as may be asked together, where anything does."""
        waiting, line = self._waiting, self._line
        while waiting and waiting[0].answer.done():  # who asked has given up
            waiting.popleft()
        if not waiting or line is None:
            return
        first = waiting.popleft()
        batch, size, rows = [first], len(first.part), first.rows
        while waiting:
            if waiting[0].answer.done():
                waiting.popleft()
                continue
            size, rows = size + len(waiting[0].part), rows + waiting[0].rows
            if rows > TOGETHER or size > TOGETHER_BYTES:
                break
            batch.append(waiting.popleft())
        self._asked, self._since = batch, time.monotonic()
        if self._since + self.limits.seconds < self._look_at:
            self._look_again(self._since + self.limits.seconds)
        self._send(line, [each.part for each in batch])

    def _send(self, line: Line, parts: list[bytes]) -> None:
        line.send(joined(parts))

    def _heard(self, message: bytes) -> None:
        """An answer: to what was asked last."""
        batch = self._asked
        try:
            found = _decode(message)
            if len(found) != len(batch):
                raise EOFError("other answers than were asked for")
        except Exception as error:  # nobody must wait for ever, whatever it is
            self._fail(error)
            return
        self._asked = []
        for each, answer in zip(batch, found, strict=True):
            if not each.answer.done():
                each.answer.set_result(answer)
        if self._waiting:
            self._ask()

    def _look_again(self, when: float) -> None:
        """Look at what is late at a time: once for many answers, as a clock for each would cost more than they do."""
        if self._watch is not None:
            self._watch.cancel()
        self._look_at = when
        self._watch = asyncio.get_running_loop().call_later(max(0.0, when - time.monotonic()), self._look)

    def _look(self) -> None:
        """End the process where its answer is late, and tell those who have waited for long enough."""
        self._watch, self._look_at = None, math.inf
        if self._line is None:
            return
        now = time.monotonic()
        due = self._since + self.limits.seconds if self._asked else math.inf
        if now >= due - _MOMENT:
            self._fail(TimeoutError())
            return
        for each in (*self._asked, *self._waiting):
            if each.answer.done():
                continue
            if each.until <= now + _MOMENT:
                late = f"it has not answered within {each.seconds:g} s"
                if each not in self._asked or self._since - (each.until - each.seconds) > each.seconds / 2:
                    late = (
                        f"it has too much to do: no answer within {each.seconds:g} s, most of it spent on others' rows"
                    )
                each.answer.set_exception(Unavailable(late))
            else:
                due = min(due, each.until)
        if due < math.inf:
            self._look_again(due)

    def _fail(self, error: Exception) -> None:
        """End a process that gave no answer; who waits is told."""
        line, self._line = self._line, None
        if line is None:  # that is known, or it was ended
            return
        self._waiting.extendleft(reversed(self._asked))
        self._asked = []
        self._failing = asyncio.create_task(self._failed(line, error))

    async def _failed(self, line: Line, error: Exception) -> None:
        try:
            why = await self._why(error)
            log.warning("%s: %s", self.folder, why)
            line.close()
            await self._end(why)
            self._crash()
        finally:
            self._failing = None

    async def _why(self, error: Exception) -> str:
        """Why there is no answer."""
        if isinstance(error, TimeoutError):
            return f"it has not answered within {self.limits.seconds:g} s"
        if isinstance(error, OSError | EOFError):
            return await self._how()
        return f"its answer can't be read: {type(error).__name__}: {error}"

    async def _how(self) -> str:
        """How the process has ended."""
        if self._process is None:
            return "it is not running"
        try:
            code = await asyncio.wait_for(self._process.wait(), 5.0)
        except TimeoutError:
            return "its process speaks no more"
        return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"

    def _crash(self) -> None:
        now = time.monotonic()
        self.crashes = 1 if now - self._crashed > CALM else self.crashes + 1
        self._crashed = now
        self._not_before = now + AGAIN[min(self.crashes, len(AGAIN)) - 1]

    async def _end(self, why: str) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()
        if self._watch is not None:
            self._watch.cancel()
            self._watch, self._look_at = None, math.inf
        self._waiting.extendleft(reversed(self._asked))
        self._asked = []
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
        while self._waiting:
            asked = self._waiting.popleft()
            if not asked.answer.done():
                asked.answer.set_exception(Unavailable(why))


def _heard(task: asyncio.Task[None]) -> None:
    """Take note of how a start ended, where nobody waits for it any more."""
    if not task.cancelled():
        task.exception()
