"""What the versions of open rollouts answered here, counted and brought to the bucket, where the safeguard reads it.

A task of its own takes what is due and a thread writes it: a request waits for neither. Where the store is away,
tallies wait in memory, and neighbours of the same step are put together: what is held stays small, and nothing that was
counted is lost. At the end (SIGTERM) what is left is written. Of a server that is killed the last tally is lost, about
a second of counts, and those that waited for the store; lines of answers are not (`automl_core.serving.answers`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from automl_core.models.rollout.tallies import Outbox, Tally, Tallying
from automl_core.serving.following import Route
from automl_core.storage.base import ObjectStore, StorageError

log = logging.getLogger(__name__)

EVERY = 0.25
"""Seconds between two looks at what is due. A tally covers half a second at least: two a second are written at most."""

_THREADS = 4
"""Of all models: a store that is slow for one rollout must not keep the others' tallies."""

_MOST = 200
"""Tallies of a model that wait in memory while its thread writes; then neighbours are put together."""


@dataclass
class _Rollout:
    """What is counted of one rollout."""

    counting: Tallying
    outbox: Outbox
    taken: list[Tally] = field(default_factory=list)
    writing: asyncio.Task[None] | None = None
    since: float | None = None
    """When the store was first found away, on the monotonic clock; None while it is there."""

    @property
    def waiting(self) -> int:
        return len(self.taken) + len(self.outbox)


class Tallies:
    """The tallies of one server. Everything is for one event loop."""

    def __init__(self, store: ObjectStore, server: str, *, every: float = EVERY) -> None:
        """Count nothing yet.

        Args:
            store: the model storage path.
            server: names this start of this server; another start must have another name.
            every: seconds between two looks at what is due.
        """
        self.store, self.server, self.every = store, server, every
        self._rollouts: dict[str, _Rollout] = {}
        self._open: dict[str, int | None] = {}
        self._thread = ThreadPoolExecutor(_THREADS, "tallies")
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Bring what is due, from now on."""
        self._task = asyncio.create_task(self._now_and_then())

    async def stop(self, patience: float = 10.0) -> int:
        """Write what is left. Returns the number of tallies that are lost, as the store is away.

        Args:
            patience: seconds for which that is tried.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        until = time.monotonic() + patience
        for each in self._rollouts.values():
            self._take(each)
        while self.waiting and (left := until - time.monotonic()) > 0:
            writing = [self._write(name, each) for name, each in self._rollouts.items() if each.waiting]
            await asyncio.wait(writing, timeout=left)
            if self.waiting:
                await asyncio.sleep(min(0.2, max(0.0, until - time.monotonic())))
        if self.waiting:
            log.error("%d tallies of open rollouts are lost: the store is away", self.waiting)
        self._thread.shutdown(wait=False, cancel_futures=True)
        return self.waiting

    def moved(self, route: Route) -> None:
        """Go on by another route: a step closes the tally, and a rollout that has ended is counted no more."""
        self._open[route.model] = route.rollout
        found = self._rollouts.get(route.model)
        if found is None:
            return
        if found.counting.rollout != route.rollout:
            del self._rollouts[route.model]  # whoever reads them has decided, or somebody else has
        elif found.counting.step != route.step:
            taken = found.counting.moved(route.step, time.time(), alone=_alone(route))
            if taken is not None:
                found.taken.append(taken)

    def add(
        self, route: Route, version: int, seconds: float, *, error: bool = False, shadow: bool = False,
        agreed: bool | None = None,
    ) -> None:  # fmt: skip
        """Count what one request got from one version; nothing where no rollout is open.

        Args:
            route: by which the version was chosen.
            version: who was asked, also where another one has answered instead.
            seconds: from the request to the answer, or until it was given up.
            error: whether the version has given none.
            shadow: whether another version's answer was given.
            agreed: of a shadow's answer, whether it says the same as the one that was given; None: not compared.
        """
        if route.rollout is None or route.rollout != self._open.get(route.model, route.rollout):
            return  # or it was asked in a rollout that has ended since
        found = self._rollouts.get(route.model)
        if found is None:
            counting = Tallying(
                route.model, route.rollout, route.step, self.server, route.p99, alone=_alone(route), now=time.time()
            )
            found = self._rollouts[route.model] = _Rollout(counting, Outbox(self.store, route.model))
        found.counting.add(version, seconds, error=error, shadow=shadow, agreed=agreed)

    # --- for figures -------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Tallies that are not in the bucket yet."""
        return sum(each.waiting for each in self._rollouts.values())

    @property
    def behind(self) -> float:
        """Seconds for which tallies can't be written; 0 while they can."""
        since = [each.since for each in self._rollouts.values() if each.since is not None]
        return time.monotonic() - min(since) if since else 0.0

    # --- writing -------------------------------------------------------------------------------------

    async def _now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self.every)
            for name, each in list(self._rollouts.items()):
                now = time.time()
                if each.counting.due(now):
                    each.taken.append(each.counting.take(now))
                if each.waiting:
                    each.taken = _few(each.taken)
                    self._write(name, each)

    def _take(self, rollout: _Rollout) -> None:
        counting = rollout.counting
        taken = counting.moved(counting.step, time.time(), alone=counting.alone)
        if taken is not None:
            rollout.taken.append(taken)

    def _write(self, name: str, rollout: _Rollout) -> asyncio.Task[None]:
        if rollout.writing is None or rollout.writing.done():
            rollout.writing = asyncio.create_task(self._written(name, rollout))
        return rollout.writing

    async def _written(self, name: str, rollout: _Rollout) -> None:
        taken, rollout.taken = rollout.taken, []

        def write() -> None:
            for each in taken:
                rollout.outbox.add(each)
            rollout.outbox.flush()

        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, write)
        except StorageError as error:
            if rollout.since is None:
                rollout.since = time.monotonic()
                log.warning("%s: what its versions answered can't be brought, and waits: %s", name, error)
        except Exception:
            log.exception("%s: what its versions answered can't be brought, and waits", name)
        else:
            if rollout.since is not None:
                log.info("%s: what its versions answered is brought again", name)
            rollout.since = None


def _alone(route: Route) -> bool:
    """Whether one version is asked alone, so that no other one is waited for."""
    return sum(share > 0 for share in route.shares.values()) < 2 and not any(route.shadow.values())


def _few(tallies: list[Tally]) -> list[Tally]:
    """Tallies with neighbours of the same step put together, where there are too many."""
    if len(tallies) <= _MOST:
        return tallies
    found: list[Tally] = []
    single = False
    for each in tallies:
        single = not (single and found[-1].step == each.step)
        if single:
            found.append(each)
        else:
            found[-1] = found[-1].joined(each)
    return found
