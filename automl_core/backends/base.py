"""The one interface of every backend: start one training task, watch it, end it.

A backend knows nothing of studies, metrics or Airflow. Its verbs block for at most the time they
are given, so a worker calls them as they are and a trigger calls them in a thread.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

from automl_core.spec.errors import did_you_mean

if TYPE_CHECKING:
    from automl_core.backends.contract import TrialContext
    from automl_core.spec.tasks import TaskBase

Identity: TypeAlias = dict[str, str | int]
"""Where a running training task is to be found again; plain JSON, to be stored beside the attempt."""


class BackendError(Exception):
    """A backend could not do what it was asked. The message says what, where and why."""


class StartError(BackendError):
    """The training task did not start: nothing of it runs.

    Attributes:
        systematic: whether it lies in the file or in the deployment (a program that isn't there, a right that is
            missing), so that other trials would not start either.
    """

    def __init__(self, message: str, *, systematic: bool = False) -> None:
        super().__init__(message)
        self.systematic = systematic


class Cause(StrEnum):
    """Who ended a training task."""

    EXITED = "exited"
    """It ended by itself, well or badly: the exit code says which."""
    KILLED = "killed"
    """A signal that this backend did not send (a crash, or the kernel out of memory)."""
    TIMEOUT = "timeout"
    """It was ended at its time limit."""
    TERMINATED = "terminated"
    """It was ended because `Job.terminate` asked for it, or because its worker was gone."""
    UNSTARTED = "unstarted"
    """It never ran, because `Job.start` failed."""
    LOST = "lost"
    """It could not be watched to its end; nothing of it runs any more as far as can be known."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a training task ended.

    Attributes:
        cause: who ended it.
        code: exit code; 128 + the signal's number when a signal ended it, as a shell reports it; -1 when unknown.
        signal: number of the signal that ended it, else None.
        reason: the whole story in one sentence for people.
        seconds: from its start to its end.
        cpu_seconds: user and system time of all its processes, None when unknown.
        peak_memory_bytes: largest resident set of any one of its processes, None when unknown.
        kind: the kind of failure in one word, where a backend can tell (``oom``, ``evicted``, ``throttled``);
            `automl_core.states.NEVER_BEGAN` of one that was ended on request before it had begun.
        blameless: whether the failure is none of the training's (its node was lost, say): another attempt is
            made and not counted.
        final: whether another attempt would fail in the same way.
        error: digest of the error, the same for the same error; empty where the backend knows of none.
        systematic: whether it lies in the file or in the deployment, as with `StartError`.
    """

    cause: Cause
    code: int
    signal: int | None
    reason: str
    seconds: float = 0.0
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    kind: str = ""
    blameless: bool = False
    final: bool = False
    error: str = ""
    systematic: bool = False

    @property
    def retryable(self) -> bool:
        """Whether another attempt may do better."""
        return not self.final and self.cause is not Cause.TIMEOUT

    @property
    def ok(self) -> bool:
        """Whether the training task did all it had to do."""
        return self.cause is Cause.EXITED and self.code == 0

    @property
    def out_of_memory(self) -> bool:
        """Whether it was probably killed for its memory: by SIGKILL, from nobody who is known."""
        return self.cause in (Cause.EXITED, Cause.KILLED) and self.code == 137


class Job(ABC):
    """One attempt at one training task, from its start to its end.

    Used as ``with``, so that nothing outlives the block::

        with create_job(task, context) as job:
            job.start()
            for lines in job.follow(interval=1.0):
                ...  # hand on the lines; `job.terminate(grace)` where it has to end early
            exit = job.poll()
    """

    backend: ClassVar[str]

    @abstractmethod
    def __init__(self, task: TaskBase, context: TrialContext, *, timeout: float | None = None) -> None:
        """Prepare, without starting anything.

        Args:
            task: the training task, of the model that this backend belongs to.
            context: the trial it is part of.
            timeout: time limit in seconds on top of the task's own; the shorter one holds. The backend
                keeps it by itself, also while nobody asks.

        Raises:
            PlaceholderError: a ``${…}`` of the task can't be substituted.
        """

    @abstractmethod
    def start(self) -> None:
        """Start it, and return once it runs and `identity` is known, or at once when it was terminated before.

        Raises:
            StartError: it can't be started; the message says why.
        """

    @property
    @abstractmethod
    def identity(self) -> Identity:
        """What `end_stale` needs to find it again from another process, once started."""

    @abstractmethod
    def read(self, timeout: float) -> list[str]:
        """Lines of output that came since the last call, without line ends; standard error included, in order.

        A line that carriage returns draw again may come in pieces, as it is drawn: each but the last ends with its
        carriage return.

        Args:
            timeout: wait at most so many seconds for a first line; an empty list after that, or at once
                when it has ended and everything is read.
        """

    @abstractmethod
    def poll(self) -> Exit | None:
        """How it ended, or None while any of it runs. Lines may be left to `read` then."""

    @abstractmethod
    def terminate(self, grace: float) -> None:
        """Ask for its end and return at once; `poll` tells when it is over.

        May be called at any time, from any thread or signal handler, and more than once: before the
        start (`start` will start nothing), while starting, and after the end (nothing happens).

        Args:
            grace: seconds between asking the processes to end and killing them.
        """

    @abstractmethod
    def close(self) -> None:
        """End it at once if it still runs, and let go of everything held for it. May be called again."""

    @classmethod
    @abstractmethod
    def end_stale(cls, identity: Mapping[str, object], grace: float = 5.0) -> bool:
        """End what an earlier attempt has left running, if it is still there and really the same.

        Args:
            identity: `identity` of the earlier attempt, as it was stored.
            grace: as in `terminate`.

        Returns:
            Whether something ran and was ended; when this returns, nothing of it runs.

        Raises:
            BackendError: the identity is none, or what it names could not be ended.
        """

    def follow(self, interval: float) -> Iterator[list[str]]:
        """Yield the lines as they come until it has ended and all are read; `poll` is not None after that.

        Args:
            interval: seconds after which an empty list is yielded when nothing was printed, so that the
                caller gets to its other duties.
        """
        while True:
            ended = self.poll() is not None
            lines = self.read(0 if ended else interval)
            if ended and not lines:
                return
            yield lines

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


BACKENDS: Mapping[str, str] = {
    "local": "automl_core.backends.local:LocalProcess",
}
"""``backend`` of a training task → where its `Job` class lives; a module is imported when first needed."""


def job_class(backend: str) -> type[Job]:
    """The `Job` class of a backend.

    Raises:
        BackendError: there is no backend of that name.
    """
    try:
        module, _, name = BACKENDS[backend].partition(":")
    except KeyError:
        hint = did_you_mean(backend, BACKENDS)
        raise BackendError(f"there is no backend {backend!r}. {hint} Known: {', '.join(sorted(BACKENDS))}") from None
    found: type[Job] = getattr(importlib.import_module(module), name)
    return found


def create_job(task: TaskBase, context: TrialContext, *, timeout: float | None = None) -> Job:
    """A job for a training task, on the backend that the task names (see `Job.__init__`)."""
    backend: str = task.backend  # type: ignore[attr-defined]  # each task model has it as its discriminator
    return job_class(backend)(task, context, timeout=timeout)
