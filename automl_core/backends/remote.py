"""Jobs that run elsewhere and are watched without a worker: by a trigger, many at once in one process.

Where `Job` blocks for a moment, a `RemoteJob` awaits; otherwise they are told the same things.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from automl_core.backends.base import BackendError, Exit


class Unreachable(BackendError):
    """The cluster or service can't be asked for now; the job may well run on. Ask again later."""


class NotYet(BackendError):
    """The job can't be started for now (a quota is used up, say); nothing of it runs. Try again later."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is new of a job.

    Attributes:
        lines: of its output, without line ends; each line once, in order; one that carriage returns draw again whole.
        notes: what people should know (why it waits, say), each once.
        running: whether it has begun to do its work.
        exit: how it ended, once it has and all its lines were handed over.
        current: whether, but for what came within this call, all was handed over that had been printed; not yet, while
            a watcher that has started anew reads what was printed before.
        began: when its training began, in seconds since 1970, of one that was put into a queue before; None until then.
    """

    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    running: bool = True
    exit: Exit | None = None
    current: bool = True
    began: float | None = None


class RemoteJob(ABC):
    """One attempt at a training task that was started elsewhere, from now to its end."""

    @abstractmethod
    async def poll(self) -> Report:
        """What is new since the last call; after a restart of the watcher, all from the beginning.

        Raises:
            Unreachable: it can't be asked now.
        """

    @abstractmethod
    async def end(self, grace: float) -> None:
        """Ask for its end; `poll` tells when it is over, with the cause TERMINATED. No error when it is over.

        Args:
            grace: seconds that it has to end by itself.

        Raises:
            Unreachable: it can't be asked now.
        """

    async def wait(self, seconds: float) -> None:
        """Wait for the next look: so many seconds, or less where it is known before that something has changed."""
        await asyncio.sleep(seconds)

    async def remove(self) -> None:
        """Remove what is left of it, once its end is recorded. Nothing is left to remove by default."""
        return

    async def close(self) -> None:
        """Let go of what is held for it here; the job itself goes on."""
        return
