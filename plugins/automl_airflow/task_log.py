"""What trainings print, on its way into Airflow's task log: at a bounded rate, and never waited for.

A triggerer's process writes each line of its triggers' logs into one socket, and whoever writes waits when it is
full: threads and the event loop alike. Its supervisor takes at most 4,096 bytes out of it in each of its rounds, which
ask the database in between (Airflow 3.3.2: ``run_once`` of ``jobs/triggerer_job_runner.py``,
``make_buffered_socket_reader`` of ``sdk/execution_time/supervisor.py``): 55 to 90 KB a second on a quiet machine. So
lines go by a thread of their own, no faster than `RATE`, the trials in turns; what is too much is left out and said,
and stands in the trial's log.txt alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

RATE = 30_000.0
"""Bytes a second into the socket, of all trials together: about half of what the supervisor takes out at least."""

BURST = 40_000.0
"""Bytes at once after a pause. The socket holds 167 lines, however short (Linux's default): these are 100 at most."""

AROUND = 400
"""Bytes that Airflow puts around each line: its time, its level, and which task instance it is of."""

HELD = 16_384
"""Bytes of one trial's lines that wait for their turn; what comes then is left out until half of them have gone."""

HELD_OF_ALL = 2_000_000
"""Bytes of all trials' lines that wait; beyond it each may hold `LAST` only. What waits longer than a minute at `RATE`
is of no use to anybody, and a thousand trials' lines would be memory that every triggerer has to have."""

LAST = 2_048
"""Bytes of the newest lines that are still written when a trial ends, of those that wait."""

CLOSING = 2.0
"""Seconds that a trigger waits at its end for what it has to say itself."""

SLOW = 0.1
"""Seconds of one write from which on the socket is taken to be full: the rate is halved then."""

LEAST_RATE = 2_000.0
_PAUSE = 2.0
_GROWTH = 1.05
"""Of the rate, in each second in which nothing was held up, until it is `RATE` again."""


@dataclass(slots=True)
class _Entry:
    level: str
    text: str
    own: bool

    @property
    def size(self) -> int:
        return len(self.text) + AROUND


@dataclass(slots=True)
class _Gap:
    """Lines that were left out, as one entry among the others: it is said where they would have stood."""

    lines: int = 0
    bytes: int = 0
    rest: str = "only in log.txt"

    level, own, size = "info", True, 60 + AROUND

    @property
    def text(self) -> str:
        lines = "1 line" if self.lines == 1 else f"{self.lines:,} lines"
        verb = "is" if self.lines == 1 else "are"
        return f"[{lines} ({_readable(self.bytes)}) {verb} {self.rest}]"


class Pump:
    """The one thread of a process that writes lines of trainings into Airflow's log.

    Args:
        rate: bytes a second.
        burst: bytes at once after a pause.
        clock: seconds.
    """

    def __init__(self, rate: float = RATE, burst: float = BURST, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._burst, self._clock = rate, burst, clock
        self.rate = rate
        self._tokens, self._filled = burst, clock()
        self._turn = threading.Condition()
        self._counting = threading.Lock()
        self.held = 0
        """Bytes of all logs that wait for their turn."""
        self._ready: deque[TaskLog] = deque()
        self._closing: deque[TaskLog] = deque()
        self._thread: threading.Thread | None = None

    def wake(self, log: TaskLog) -> None:
        """Give a log its turn; called with its lock held."""
        with self._turn:
            (self._closing if log.closing else self._ready).append(log)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="automl task logs", daemon=True)
                self._thread.start()
            self._turn.notify()

    def count(self, size: int) -> None:
        """So many bytes more (or less) wait in a log."""
        with self._counting:
            self.held += size

    def _run(self) -> None:
        while True:
            with self._turn:
                while (wait := self._wait()) != 0:
                    self._turn.wait(wait)
                log = (self._closing or self._ready).popleft()
            self.write_one(log)

    def _wait(self) -> float | None:
        """Seconds until a line may be written: none, or None where none waits."""
        if not self._closing and not self._ready:
            return None
        debt = self._burst if self._closing else 0.0  # little, and a trigger's end waits for it: others pay for it
        missing = -debt - self.fill()
        return max(missing / self.rate, 0.001) if missing >= 0 else 0

    def fill(self) -> float:
        """Bytes that may be written now."""
        now = self._clock()
        passed = now - self._filled
        self._tokens = min(self._burst, self._tokens + passed * self.rate)
        self.rate = min(self._most, self.rate * _GROWTH ** min(passed, 600.0))
        self._filled = now
        return self._tokens

    def write_one(self, log: TaskLog) -> None:
        """Write a log's next line, and put it behind the others where it has more."""
        entry = log.take()
        if entry is None:
            log.written(self)
            return
        self.fill()
        began = self._clock()
        log.write(entry.level, entry.text)
        took = self._clock() - began
        self._tokens -= entry.size
        if took > SLOW:  # the socket was full: whoever else writes into it waits as well
            self.rate = max(LEAST_RATE, self.rate / 2)
            self._tokens, self._filled = -self.rate * _PAUSE, self._clock()
        log.written(self)


class TaskLog:
    """The lines of one trial on their way into its task's log. Safe from any thread; never blocks.

    Created in the trigger's own task: which task instance a line is of stands in its context variables.

    Args:
        log: Airflow's logger of the trigger.
        pump: writes; the process's own when left out.
        held: bytes that wait for their turn.
        rest: where lines are that are left out, in words.
    """

    def __init__(
        self, log: Any, pump: Pump | None = None, held: int = HELD, rest: str = "only in log.txt"
    ) -> None:  # fmt: skip
        self._rest = rest
        self._log, self._pump, self._most = log, pump or the_pump(), held
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._entries: deque[_Entry | _Gap] = deque()
        self._held = 0
        self._has_turn = False
        self._empty: list[Callable[[], object]] = []
        self.closing = False

    def line(self, text: str) -> None:
        """Hand on what a training printed; left out where it prints too much."""
        with self._lock:
            last = self._entries[-1] if self._entries else None
            most = self._most if self._pump.held < HELD_OF_ALL else LAST
            full = self._held + len(text) + AROUND > most
            if self.closing or full or (isinstance(last, _Gap) and self._held > most / 2):
                self._leave_out(len(text) + 1)
            else:
                self._put(_Entry("info", text, own=False))

    def say(self, text: str, level: str = "info") -> None:
        """Say something of our own: it is never left out, and stands where it was said."""
        with self._lock:
            self._put(_Entry(level, text, own=True))

    def info(self, text: str, *args: object) -> None:
        """As of a logger."""
        self.say(text % args if args else text)

    def warning(self, text: str, *args: object) -> None:
        """As of a logger."""
        self.say(text % args if args else text, "warning")

    def error(self, text: str, *args: object) -> None:
        """As of a logger."""
        self.say(text % args if args else text, "error")

    async def close(self) -> None:
        """Say what is left to say, and how much was left out. Waits a few seconds for it at most."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._shorten()
            self.closing = True
            if not self._entries and not self._has_turn:
                return
            self._empty.append(partial(_tell, loop, done))
            if self._entries:
                self._pump.wake(self)
                self._has_turn = True
        try:
            await asyncio.wait_for(done.wait(), CLOSING)
        except TimeoutError:
            return

    def take(self) -> _Entry | _Gap | None:
        """The next line, for the pump."""
        with self._lock:
            if not self._entries:
                self._has_turn = False
                return None
            entry = self._entries.popleft()
            if isinstance(entry, _Entry):
                self._count(-entry.size)
            return entry

    def write(self, level: str, text: str) -> None:
        """Write a line into Airflow's log; for the pump."""
        try:
            self._context.run(getattr(self._log, level), text)
        except Exception:  # a log that can't be written is no reason to stop those of the others
            return

    def written(self, pump: Pump) -> None:
        """Ask for another turn where there is more; for the pump."""
        with self._lock:
            if self._entries:
                pump.wake(self)
                return
            self._has_turn = False
            waiting, self._empty = self._empty, []
        for tell in waiting:
            tell()

    def _put(self, entry: _Entry | _Gap) -> None:
        self._entries.append(entry)
        if isinstance(entry, _Entry):
            self._count(entry.size)
        if not self._has_turn:
            self._has_turn = True
            self._pump.wake(self)

    def _count(self, size: int) -> None:
        self._held += size
        self._pump.count(size)

    def _leave_out(self, size: int) -> None:
        last = self._entries[-1] if self._entries else None
        if not isinstance(last, _Gap):
            last = _Gap(rest=self._rest)
            self._put(last)
        last.lines += 1
        last.bytes += size

    def _shorten(self) -> None:
        """Of the lines that wait, keep the newest and what is our own; the rest becomes gaps where it stood."""
        kept: deque[_Entry | _Gap] = deque()
        room = LAST
        for entry in reversed(self._entries):
            if isinstance(entry, _Entry) and not entry.own:
                room -= entry.size
                if room < 0:
                    self._count(-entry.size)
                    entry = _Gap(1, len(entry.text) + 1, self._rest)  # in the line's place
            before = kept[0] if kept else None
            if isinstance(entry, _Gap) and isinstance(before, _Gap):
                before.lines, before.bytes = before.lines + entry.lines, before.bytes + entry.bytes
            else:
                kept.appendleft(entry)
        self._entries = kept


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    try:
        loop.call_soon_threadsafe(done.set)
    except RuntimeError:  # the loop has ended meanwhile
        return


def _readable(size: int) -> str:
    for unit, over in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= over:
            return f"{size / over:.1f} {unit}"
    return f"{size} bytes"


_pump: list[Pump] = []
_making = threading.Lock()


def the_pump() -> Pump:
    """The pump of this process; ``[automl] task_log_rate`` states its bytes a second."""
    with _making:
        if not _pump:
            from airflow.configuration import conf

            _pump.append(Pump(conf.getfloat("automl", "task_log_rate", fallback=RATE)))
        return _pump[0]
