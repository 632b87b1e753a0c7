"""Waiting without a worker until people have labelled what they were sent.

Truth is the journal: labels come into it by the page, by files, or from Label Studio, which this trigger asks itself.
Each look is done in threads of that store, or of that server, alone. One that hangs keeps its own thread, and neither
the event loop nor the end of the time that people have.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow import triggers
from automl_airflow.annotation.figures import tell_figures
from automl_airflow.annotation.opening import ProjectPlace, open_project
from automl_airflow.models.roll_waiting import about
from automl_airflow.task_log import TaskLog
from automl_airflow.threads import threads_of
from automl_airflow.waiting import until_done

if TYPE_CHECKING:
    from automl_core.annotation.project import Project, ProjectState

POLL = 5.0
"""Seconds between two looks at the journal: a listing each."""

FIRST_LOOK, FIRST_LOOKS = 5.0, 12
"""Seconds that the first look has at least, which tells whether this machine's clock is ahead; and how often so many
while none has told: a store that is away for longer keeps no batch open."""

STUDIO_POLL = 30.0
"""Seconds between two looks at a Label Studio: some requests each."""

STUDIO_AWAY = 600.0
"""Seconds between two looks at one that is away, at most: they double."""

MOST_TOLD = 200
"""Lines of Label Studio's looks that are told by one trigger."""

TELL_EVERY = 300.0
"""Seconds between two lines that say how far it is, where there is news."""


def progress_of(state: ProjectState, batches: Sequence[int]) -> tuple[int, int]:
    """How many items of some batches have all the answers that were asked for, and how many there are.

    Retired ones are in neither: nobody waits for them.

    Args:
        state: the project's.
        batches: their numbers.
    """
    each = [state.progress(number) for number in batches]
    return sum(answered for answered, _ in each), sum(of for _, of in each)


class LabelsTrigger(BaseTrigger):
    """Fires once what was sent has labels enough, or its time is over.

    Its event says ``why``: ``all`` (everything is answered), ``enough``, ``time``, or ``gone`` (the journal has no such
    batch: somebody has emptied the project's folder).
    """

    def __init__(
        self, *, storage: str, connection: str | None, annotation: str, batches: Sequence[int], enough: float = 1.0,
        until: float | None = None, studio: Mapping[str, Any] | None = None, poll: float = POLL,
        studio_poll: float = STUDIO_POLL,
    ) -> None:  # fmt: skip
        """State which one.

        Args:
            storage, connection, annotation: where the project lies.
            batches: numbers of what was sent together.
            enough: share of it that has to be answered.
            until: when its time is over, seconds since 1970; None: never.
            studio: the project's file as plain JSON, where Label Studio is asked for labels; it holds no secret.
            poll, studio_poll: seconds between two looks.
        """
        super().__init__()
        self.storage, self.connection, self.annotation = storage, connection, annotation
        self.batches, self.enough, self.until = list(batches), enough, until
        self.studio, self.poll, self.studio_poll = studio, poll, studio_poll
        self._project: Project | None = None
        self._lines: TaskLog | None = None
        self._seen = -1
        self._since: float | None = None
        self._ahead: float | None = None
        self._told: set[str] = set()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, without any credentials."""
        return (
            "automl_airflow.annotation.labels_trigger.LabelsTrigger",
            {
                "storage": self.storage, "connection": self.connection, "annotation": self.annotation,
                "batches": self.batches, "enough": self.enough, "until": self.until, "studio": self.studio,
                "poll": self.poll, "studio_poll": self.studio_poll,
            },
        )  # fmt: skip

    @property
    def lines(self) -> TaskLog:
        """The task's log; never waited for. To be asked for in the trigger's own task first."""
        if self._lines is None:
            self._lines = TaskLog(self.log)
        return self._lines

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there are labels enough, or the time is over; yields one event."""
        lines = self.lines
        await asyncio.sleep(triggers.LEAST_WAIT)
        asking = asyncio.create_task(self._ask_studio()) if self.studio is not None else None
        try:
            event = await self._look_in_time()
        finally:
            if asking is not None:
                asking.cancel()
        lines.info(f"nobody is waited for any more: {event['why']}")
        await lines.close()
        yield TriggerEvent(event)

    async def _look_in_time(self) -> dict[str, Any]:
        """The end of the time is told by the store's clock, once a look has told how far this one is ahead of it."""
        looks = FIRST_LOOKS
        while True:
            first = FIRST_LOOK if self._ahead is None else 0.0
            left = None if self.until is None else max(first, self._left(self.until))
            try:
                return await asyncio.wait_for(self._look_until_enough(), left)
            except TimeoutError:
                looks -= 1
                told = self._ahead is not None or looks <= 0
                if told and self.until is not None and self._left(self.until) <= 0:
                    return {"why": "time"}

    def _left(self, until: float) -> float:
        return until - (time.time() - (self._ahead or 0.0))

    async def _look_until_enough(self) -> dict[str, Any]:
        threads = threads_of(self.storage, self.connection)
        told = (-1, float("-inf"))
        clock = asyncio.get_running_loop().time
        while True:
            found = await until_done(self._look, log=self.lines, threads=threads)
            if found is None:
                return {"why": "gone"}
            answered, of = found
            if answered >= self.enough * of:
                return {"why": "all" if answered >= of else "enough", "answered": answered, "of": of}
            if answered != told[0] and clock() - told[1] >= TELL_EVERY:
                told = (answered, clock())
                self.lines.info(f"{answered} of {of} items are answered")
            await asyncio.sleep(about(self.poll))  # nobody's looks come all at once

    async def _ask_studio(self) -> None:
        """Bring labels from Label Studio into the journal, again and again. What goes wrong with it is tried again."""
        assert self.studio is not None
        threads = threads_of(self.storage, self.connection, "label studio")
        failed, told, clock = 0, float("-inf"), asyncio.get_running_loop().time
        while True:
            try:
                await threads.call(self._collect)
            except Exception as error:  # a server, its connection or a token may be mended while one waits
                failed += 1
                if clock() - told >= TELL_EVERY:
                    told = clock()
                    words = f"{type(error).__name__}: {error}"
                    self.lines.warning(f"Label Studio can't be asked now, and is again: {words}")
            else:
                if told > float("-inf"):
                    self.lines.info("Label Studio answers again")
                failed, told = 0, float("-inf")
            pause = self.studio_poll * 2.0 ** min(failed, 10)
            await asyncio.sleep(about(min(max(self.studio_poll, STUDIO_AWAY), pause)))

    # --- in a thread --------------------------------------------------------------------------------

    @property
    def place(self) -> ProjectPlace:
        """Where the project lies."""
        return ProjectPlace(self.storage, self.connection, self.annotation)

    def _look(self) -> tuple[int, int] | None:
        """How many items are answered, and how many there are; None where the journal has no such batch (any more)."""
        if self._project is None:
            from automl_airflow.stores import shared_store

            self._project = open_project(self.place, store=shared_store(self.storage, self.connection))
        else:
            self._project.refresh()
        self._project.right_now()
        self._ahead = self._project.shared.ahead
        state = self._project.state
        if state.seq != self._seen:
            self._seen = state.seq
            tell_figures(self.annotation, state)
        return None if any(each not in state.batches for each in self.batches) else progress_of(state, self.batches)

    def _collect(self) -> None:
        """Take labels from Label Studio into the journal: a client and a project of its own, for one thread."""
        from automl_airflow.annotation.studio import collect_from_studio

        self._since = collect_from_studio(self.place, self.studio or {}, self._say, self._since)

    def _say(self, line: str) -> None:
        """A line of a look, once each: the next look tells the same again."""
        if line not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(line)
            self.lines.info(line)
