"""Watching a rollout without a worker: one trigger each, hundreds in one triggerer.

The guard (`automl_core.models.rollout`) looks about every second, and what it decides stands in the model's journal at
once: whoever answers follows that, not this trigger. Whatever becomes of the triggerer, the same trigger begins again
somewhere and goes on from the guard's checkpoint. Two that look at one rollout at once do no harm either: each tally
counts once, and each act is one record of the journal.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow import triggers
from automl_airflow.models.alerts import tell_by
from automl_airflow.models.opening import ModelPlace, open_life
from automl_airflow.models.roll_news import News, news_of
from automl_airflow.models.roll_waiting import about
from automl_airflow.stores import forget_store
from automl_airflow.task_log import TaskLog
from automl_airflow.threads import Threads, look_threads, threads_of

if TYPE_CHECKING:
    from automl_core.models.life import ModelLife
    from automl_core.models.rollout.guard import Guard

EVERY = 1.0
"""Seconds from the beginning of one look to that of the next."""

LEAST_PAUSE = 0.2
"""Seconds between two looks, where one takes longer than `EVERY`."""

LONGEST_PAUSE = 10.0
"""Seconds between two tries while something is wrong: they double. A safeguard that comes back late is none."""

SLOW = 3.0
"""Seconds of one look from which on the next one gets a thread of those for slow ones: it holds up no quick one."""

TOLD_WITHIN = 20.0
"""Seconds that a trigger waits at its end for alerts; Airflow gives 30 to one that is ended by a person."""

TELL_EVERY = 300.0
"""Seconds between two lines that say that something is wrong; people are told after the first such time."""


class RolloutGone(LookupError):
    """The journal has no such rollout: somebody has emptied the model's folder."""


class RolloutTrigger(BaseTrigger):
    """Looks at one rollout until it has ended, whoever ended it."""

    def __init__(
        self, *, storage: str, connection: str | None, model: str, rollout: int, version: int, rules: dict[str, Any],
        alerts: dict[str, Any] | None = None, every: float = EVERY,
    ) -> None:  # fmt: skip
        """State which one.

        Args:
            storage, connection, model: where the model lies.
            rollout, version: numbers of the rollout and of the version that it rolls out.
            rules: by which the guard decides, as plain JSON without secrets.
            alerts: the group of the model's file, as plain JSON.
            every: seconds between two looks.
        """
        super().__init__()
        self.storage, self.connection, self.model = storage, connection, model
        self.rollout, self.version, self.rules, self.alerts, self.every = rollout, version, rules, alerts, every
        self._guard: Guard | None = None
        self._before: Mapping[str, Any] | None = None
        self._took = 0.0
        self._said = False  # whether people were told that nobody looks
        self._lines: TaskLog | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, without any credentials."""
        return (
            "automl_airflow.models.roll_trigger.RolloutTrigger",
            {
                "storage": self.storage, "connection": self.connection, "model": self.model, "rollout": self.rollout,
                "version": self.version, "rules": self.rules, "alerts": self.alerts, "every": self.every,
            },
        )  # fmt: skip

    @property
    def lines(self) -> TaskLog:
        """The task's log; never waited for. To be asked for in the trigger's own task first."""
        if self._lines is None:
            self._lines = TaskLog(self.log)
        return self._lines

    @property
    def threads(self) -> Threads:
        """Where the next look is done: those of this store's rollouts, the slow ones apart."""
        return look_threads(self.storage, self.connection, slow=self._took > SLOW)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look to the end; yields one event."""
        clock = asyncio.get_running_loop().time
        started = clock()
        self.lines.info(f"looking at rollout {self.rollout}, of version {self.version}, about every {self.every:g} s")
        await asyncio.sleep(about(self.every, 1.0))  # those of one triggerer begin at once
        while True:
            began = clock()
            try:
                view = await self._look()
            except RolloutGone as gone:
                event = {"rollout": self.rollout, "gone": str(gone)}
                break
            if view.get("outcome"):
                event = {"rollout": self.rollout, "outcome": view["outcome"], "why": view.get("why") or ""}
                break
            pause = about(self.every) - (clock() - began)
            await asyncio.sleep(max(LEAST_PAUSE * self.every, pause))
        await asyncio.sleep(max(0.0, triggers.LEAST_WAIT - (clock() - started)))
        await self._told()
        yield TriggerEvent(event)

    async def _look(self) -> Mapping[str, Any]:
        """One look, and what is new told. What is wrong is tried again until it isn't: nobody else guards."""
        clock = asyncio.get_running_loop().time
        began, told, pause, self._said = clock(), float("-inf"), self.every, False
        while True:
            try:
                view, news = await self._look_in_thread(began)
            except RolloutGone:
                raise
            except Exception as error:  # whatever it is, it may be mended while this goes on
                self._let_go()
                away = clock() - began
                if clock() - told >= TELL_EVERY:
                    told = clock()
                    forget_store(self.storage, self.connection)  # its connection may have been mended since
                    words = f"{type(error).__name__}: {error}"
                    self.lines.warning(f"the rollout can't be looked at now, and is tried again until it can: {words}")
                if away >= TELL_EVERY:
                    self._tell_of_silence(away, str(error))
                await asyncio.sleep(about(pause))
                pause = min(LONGEST_PAUSE * self.every, pause * 2)
                continue
            if told > float("-inf"):
                self.lines.info(f"it is looked at again, after {clock() - began:.0f} s")
            for each in news:
                self.lines.say(each.text, each.level)
            self._tell(news)
            return view

    async def _look_in_thread(self, began: float) -> tuple[Mapping[str, Any], list[News]]:
        """One try. A storage that takes a connection and says nothing raises nothing: people are told of that as well.

        Args:
            began: since when nobody has looked, by the loop's clock.
        """
        clock = asyncio.get_running_loop().time
        job = asyncio.ensure_future(self.threads.call(self._look_once))
        try:
            left = max(0.0, began + TELL_EVERY - clock())
            done, _ = await asyncio.wait({job}, timeout=None if self._said else left)
            if not done:
                self._tell_of_silence(clock() - began, f"{self.storage} does not answer")
            return await job
        finally:
            job.cancel()

    def _tell_of_silence(self, away: float, why: str) -> None:
        """Tell people that a rollout is guarded by nobody now, once each time."""
        if not self._said:
            self._said = True
            text = f"nobody has looked at the rollout of version {self.version} for {away:.0f} s: {why}"
            self._tell([News(text, on="waiting")])

    async def cleanup(self) -> None:
        """Let go of what is held here: another triggerer may be looking at it already."""
        self._let_go()

    def _let_go(self) -> None:
        """Forget the guard: all that counts of what it knows is written, and it may be in the midst of something."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.close()

    async def on_kill(self) -> None:
        """A person cleared or marked the task, or the DAG has it no more, and which of these Airflow doesn't say."""
        text = (
            f"`roll` of version {self.version} was cleared or marked in Airflow, or the file names no servers any "
            "more. Cleared, it goes on at once. Else nobody looks at the rollout any more, and it stays where it is: "
            "clear the task, or take the version back"
        )
        self.lines.warning(text)
        self._tell([News(text, on="waiting")])
        await self._told()

    def _tell(self, news: list[News]) -> None:
        """Tell people what concerns them; no look waits for that, since it is somebody else's server that is told."""
        wanted = [each for each in news if each.on is not None]
        if wanted and self.alerts is not None:
            telling = asyncio.create_task(threads_of("alerts", None).call(self._send, wanted))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    async def _told(self) -> None:
        """Wait for what is being told, as long as that makes sense."""
        if self._telling:
            await asyncio.wait(self._telling, timeout=TOLD_WITHIN)
        await self.lines.close()

    def _send(self, news: list[News]) -> None:
        from automl_core.models.file.alerts import ModelAlerts

        alerts = ModelAlerts.model_validate(self.alerts)
        for each in news:
            if each.on is not None:
                facts = {"rollout": self.rollout, "version": self.version, **each.facts}
                tell_by(alerts, self.model, each.on, each.text, **facts)

    # --- in a thread --------------------------------------------------------------------------------

    def _look_once(self) -> tuple[Mapping[str, Any], list[News]]:
        """Have the guard look."""
        began = time.monotonic()
        try:
            if self._guard is None:
                self._guard = self._begin()
            view = self._guard.look().to_json()
        finally:
            self._took = time.monotonic() - began
        before, self._before = self._before, view
        return view, news_of(before, view)

    def _begin(self) -> Guard:
        """A guard that knows what the ones before it have written."""
        import msgspec

        from automl_airflow.models.late_labels import late_of
        from automl_airflow.stores import shared_store
        from automl_core.models.rollout import read_view
        from automl_core.models.rollout.guard import Guard
        from automl_core.models.rollout.rules import Rules

        store = shared_store(self.storage, self.connection)
        life = open_life(ModelPlace(self.storage, self.connection, self.model), store=store)
        self._see_that_it_is_there(life)
        if self._before is None:
            self._before = read_view(store, self.model, self.rollout)
        rules = msgspec.convert(self.rules, Rules)
        return Guard(life, self.rollout, rules, clock=time.time, late=late_of(life, rules))

    def _see_that_it_is_there(self, life: ModelLife) -> None:
        found = life.state.rollouts.get(self.rollout)
        if found is None or found.version != self.version:  # emptied, and begun anew with another version
            raise RolloutGone(
                f"the journal of {self.model} has no rollout {self.rollout} of version {self.version} (any more)"
            )
