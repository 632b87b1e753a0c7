"""Live updates: one look at a journal a second while anybody listens, however many they are."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from automl_airflow.web.aside import PAGES, PATIENCE, in_store
from automl_airflow.web.held import HeldRun, encode
from automl_core.results.entries import counts, experiment_state, has_ended
from automl_core.states import ExperimentState
from automl_core.study.progress import spent
from automl_core.views.view import ExperimentView

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks."""

HEARTBEAT = 15.0
LONGEST = 600.0
"""Seconds after which a listener has to come again, and its rights are looked at anew."""

ASK_AIRFLOW = 15.0
"""Seconds between two looks at whether a run has ended in Airflow, which its journal need not know."""

MOST = 1000
"""Listeners of a process at once."""

MOST_OF_ONE = 50
"""Listeners of one user at once: a page in view is one."""

_MANY = 500


class TooMany(RuntimeError):
    """There are as many listeners as are served. The message says so."""


class Channel:
    """The listeners of one run. Belongs to one event loop."""

    def __init__(self, held: HeldRun, over: Callable[[], bool]) -> None:
        self._held, self._over = held, over
        self._was_over, self._asked = False, float("-inf")
        self._failing = False
        self._listeners = 0
        self._poller: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._events: dict[tuple[int, int], asyncio.Task[bytes]] = {}
        self.seq = 0
        self.ended = False

    @property
    def listeners(self) -> int:
        """How many listen."""
        return self._listeners

    async def listen(self, since: int) -> AsyncIterator[bytes]:
        """Events for one listener, until the run has ended or its time is over.

        Args:
            since: the last event that it has seen, 0 when it begins.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._listeners += 1
        try:
            await self._look()
            if self._poller is None or self._poller.done():
                self._poller = asyncio.create_task(self._poll())
            yield b"retry: 3000\n\n"
            first = True
            while True:
                moved = self._moved
                if first or self.seq > since:
                    seq = self.seq  # of this event: while a slow listener takes it, the next may come
                    event = await self._event(since, seq)
                    first, since = False, max(since, seq)
                    yield event
                if self.ended:
                    yield _format("ended", since, {"seq": since, "state": await self._state()})
                    return
                left = LONGEST - (loop.time() - started)
                if left <= 0:
                    return
                try:
                    await asyncio.wait_for(moved.wait(), min(HEARTBEAT, left))
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self._listeners -= 1

    async def _poll(self) -> None:
        """Look as long as anybody listens."""
        while self._listeners and not self.ended:
            await asyncio.sleep(EVERY)
            await self._look()

    async def _look(self) -> None:
        try:
            seq, ended = await in_store(self._held.place, self._read, patience=PATIENCE)
        except Exception as error:  # it is looked at again: listeners must not wait for ever for one that gave up
            if not self._failing:
                log.warning("a journal can't be read now: %s", error)
            self._failing = True
            return
        self._failing = False
        if seq != self.seq or ended != self.ended:
            self.seq, self.ended = seq, ended
            self._events.clear()
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    def _read(self) -> tuple[int, bool]:
        self._held.read()
        seq, ended = self._held.use(lambda view: (view.seq, has_ended(view.state)))
        if not ended and time.monotonic() - self._asked >= ASK_AIRFLOW:
            self._asked = time.monotonic()
            self._was_over = self._over()
        return seq, ended or self._was_over

    async def _event(self, since: int, seq: int) -> bytes:
        """What is new, made once for all who saw the same before."""
        known = self._events.get((since, seq))
        if known is None:
            known = self._events[since, seq] = asyncio.create_task(self._make(since, seq))
        return await asyncio.shield(known)  # one listener that leaves must not take it from the others

    async def _make(self, since: int, seq: int) -> bytes:
        body = await PAGES.call(self._held.use, lambda view: _news(view, since))
        return _format("changed", seq, {**body, "seq": seq})

    async def _state(self) -> str:
        return await PAGES.call(self._held.use, _last_state)


def _last_state(view: ExperimentView) -> str:
    """How a run has ended; one that its journal holds to be open was ended in Airflow."""
    return str(experiment_state(view.state) if has_ended(view.state) else ExperimentState.SYS_CANCELED)


def _news(view: ExperimentView, since: int) -> dict[str, Any]:
    state = view.state
    found = counts(state)
    done = sum(number for each, number in found.items() if each.ended)
    trials = view.changed_since(since) if since else []
    slots = int(state.plan.get("slots", 0))
    ended = len(state.works) - len(state.unended)
    ranking = view.ranking
    return {
        "state": str(experiment_state(state)),
        "done": done,
        "fraction": 1.0 if has_ended(state) else min(1.0, ended / slots) if slots else 0.0,
        "trials": trials if trials is None or len(trials) <= _MANY else None,
        "best": ranking[0][1].value if ranking else None,
        "cost": spent(state, view.experiment, view.clock()),
    }


async def only_ended(state: str) -> AsyncIterator[bytes]:
    """Events of a run that ended before there was anything to tell."""
    yield _format("ended", 0, {"seq": 0, "state": state})


def _format(event: str, seq: int, body: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (seq, event.encode(), encode(body))


class Channels:
    """The channels of one event loop, by run; one that nobody listens to is forgotten."""

    def __init__(self) -> None:
        self._channels: dict[HeldRun, Channel] = {}
        self._users: Counter[str] = Counter()

    def admit(self, user: str) -> None:
        """See that one more listener is not one too many.

        Raises:
            TooMany: it is; the message says of whom.
        """
        if self._users[user] >= MOST_OF_ONE:
            raise TooMany(f"{user} follows {MOST_OF_ONE} runs already: close some of the pages")
        if self._users.total() >= MOST:
            raise TooMany("this server's limit of pages that follow runs is reached")

    async def listen(
        self, held: HeldRun, since: int, *, user: str = "", over: Callable[[], bool] = lambda: False
    ) -> AsyncIterator[bytes]:
        """Events of a run for one listener.

        Args:
            held: the run.
            since: the last event that the listener has seen, 0 when it begins.
            user: who listens.
            over: whether Airflow holds the run to have ended.
        """
        channel = self._channels.get(held)
        if channel is None or channel.ended:  # one that has ended may have been opened again since
            channel = self._channels[held] = Channel(held, over)
        self._users[user] += 1
        try:
            async for event in channel.listen(since):
                yield event
        finally:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]
            if not channel.listeners and self._channels.get(held) is channel:
                del self._channels[held]
