"""Lanes: processes forked from one that has its imports and the table in memory, each running trial after trial.

Importing the usual libraries costs seconds of CPU a process; a fork has them for nothing, and shares the table's
pages. The parent must not have started threads of OpenMP, BLAS or Arrow that a child would wait for: it fits nothing
itself while lanes live, and each lane is told to use its own number of threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

Say = Callable[[Any], Any]
"""In a lane: tells the parent something, waits for its answer and gives it back."""
Work = Callable[[Any, Say], Any]

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Event:
    """Something that a lane told, or that happened to it.

    Attributes:
        lane: its position.
        kind: ``said`` (waits for `Lanes.answer`), ``done``, ``raised`` or ``died``.
        payload: what was said or returned; the error's text; why it died, in words.
    """

    lane: int
    kind: str
    payload: Any


class Lanes:
    """A number of forked processes that each run one piece of work at a time."""

    def __init__(self, work: Work, count: int, threads: int = 1) -> None:
        """Plan them; each is forked when it is given its first work.

        Args:
            work: runs in a lane; given a task and a way to talk to the parent.
            count: of lanes.
            threads: that each may use.
        """
        self._work, self._threads = work, threads
        self._context = multiprocessing.get_context("fork")
        self._lanes: list[tuple[Any, Connection] | None] = [None] * count
        self.busy: list[bool] = [False] * count

    def _start(self, lane: int) -> None:
        ours, theirs = self._context.Pipe()
        others = [held[1] for held in self._lanes if held is not None]
        process = self._context.Process(
            target=_run, args=(theirs, [ours, *others], self._work, self._threads, os.getpid()), daemon=True
        )
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()  # a fork would write what is not written yet a second time
        with warnings.catch_warnings():
            # Python 3.12 warns of any thread of the parent; which ones matter is said above
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        self._lanes[lane] = (process, ours)
        self.busy[lane] = False

    @property
    def free(self) -> list[int]:
        """Lanes without work."""
        return [lane for lane, busy in enumerate(self.busy) if not busy]

    def submit(self, lane: int, task: Any) -> None:
        """Give a free lane its work; a lane that has died is started anew."""
        held = self._lanes[lane]
        if held is None or not held[0].is_alive():
            self._start(lane)
            held = self._lanes[lane]
        assert held is not None
        self.busy[lane] = True
        with contextlib.suppress(OSError):  # it died just now: `events` says so
            held[1].send(task)

    def answer(self, lane: int, reply: Any) -> None:
        """Answer what a lane has said."""
        held = self._lanes[lane]
        if held is not None:
            with contextlib.suppress(OSError):
                held[1].send(reply)

    def events(self, timeout: float) -> Iterator[Event]:
        """What lanes with work told within some seconds; nothing where none did."""
        waited = {held[1]: lane for lane, held in enumerate(self._lanes) if held is not None and self.busy[lane]}
        if not waited:
            time.sleep(min(max(timeout, 0.0), 0.05))
            return
        for ready in wait(list(waited), max(timeout, 0.0)):
            assert isinstance(ready, Connection)
            lane = waited[ready]
            try:
                kind, payload = ready.recv()
            except (EOFError, OSError):
                kind, payload = "died", self._buried(lane)
            if kind != "said":
                self.busy[lane] = False
            yield Event(lane, kind, payload)

    def _buried(self, lane: int) -> str:
        held = self._lanes[lane]
        self._lanes[lane] = None
        if held is None:
            return "its process has ended"
        process, connection = held
        connection.close()
        process.join(5)
        code = process.exitcode
        if code == -signal.SIGKILL:
            return "its process was killed: most likely it needed more memory than there is"
        return f"its process ended with {signal.Signals(-code).name if code and code < 0 else f'status {code}'}"

    def renew(self, lane: int) -> None:
        """Have a free lane forked anew when it is given work: with what this process has imported since."""
        if not self.busy[lane]:
            self.kill(lane)

    def kill(self, lane: int) -> None:
        """End a lane at once, whatever it does."""
        held, self._lanes[lane] = self._lanes[lane], None
        self.busy[lane] = False
        if held is not None:
            held[0].kill()
            held[1].close()
            held[0].join(5)

    def close(self) -> None:
        """End all lanes."""
        for lane in range(len(self._lanes)):
            self.kill(lane)

    def __enter__(self) -> Lanes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def can_fork() -> bool:
    """Whether lanes can be forked here."""
    return "fork" in multiprocessing.get_all_start_methods() and sys.platform == "linux"


def _run(connection: Connection, others: list[Connection], work: Work, threads: int, parent: int) -> None:
    """A lane: until the parent is gone."""
    for each in others:
        each.close()  # else the parent's end would stay open in here, and its death unseen
    _prepare(threads, parent)

    def say(message: Any) -> Any:
        connection.send(("said", message))
        return connection.recv()

    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            reply = ("done", work(task, say))
        except (EOFError, BrokenPipeError):
            return
        except MemoryError:
            reply = ("raised", "it needs more memory than there is")
        except BaseException as error:
            reply = ("raised", f"{type(error).__name__}: {error}")
        try:
            connection.send(reply)
        except OSError:
            return


def _prepare(threads: int, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a person's Ctrl-C is the parent's to handle
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the line above
        os._exit(0)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("500")  # where memory runs out, a trial goes, never the search
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    warnings.simplefilter("ignore")
    with contextlib.suppress(Exception):
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
