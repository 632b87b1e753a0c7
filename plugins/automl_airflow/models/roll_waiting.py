"""Waiting without a worker until another version's rollout has ended."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow import triggers
from automl_airflow.models.opening import ModelPlace, open_life
from automl_airflow.task_log import TaskLog
from automl_airflow.threads import threads_of
from automl_airflow.waiting import until_done

if TYPE_CHECKING:
    from automl_core.models.life import ModelLife

_CHANCE = random.Random()

POLL = 5.0
"""Seconds between two looks at the journal: a listing each."""


def about(seconds: float, by: float = 0.1) -> float:
    """A time near another one, so that many who wait as long don't all come at once.

    Args:
        seconds: the time.
        by: how far off it is at most, as a share.
    """
    return seconds * _CHANCE.uniform(1 - by, 1 + by)


class RolloutOverTrigger(BaseTrigger):
    """Fires once a rollout has ended, whoever ended it, or is in the journal no more."""

    def __init__(
        self, *, storage: str, connection: str | None, model: str, rollout: int, poll: float = POLL
    ) -> None:  # fmt: skip
        """State which one.

        Args:
            storage, connection, model: where the model lies.
            rollout: number of the rollout.
            poll: seconds between two looks.
        """
        super().__init__()
        self.storage, self.connection, self.model = storage, connection, model
        self.rollout, self.poll = rollout, poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, without any credentials."""
        return (
            "automl_airflow.models.roll_waiting.RolloutOverTrigger",
            {
                "storage": self.storage, "connection": self.connection, "model": self.model, "rollout": self.rollout,
                "poll": self.poll,
            },
        )  # fmt: skip

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it has ended. A store that is away is asked again, however long."""
        lines = TaskLog(self.log)
        await asyncio.sleep(triggers.LEAST_WAIT)
        threads = threads_of(self.storage, self.connection)
        life: ModelLife = await until_done(self._open, log=lines, threads=threads)
        while await until_done(self._goes_on, life, log=lines, threads=threads):
            await asyncio.sleep(about(self.poll))  # nobody's looks come all at once
        await lines.close()
        yield TriggerEvent({"rollout": self.rollout})

    def _open(self) -> ModelLife:
        from automl_airflow.stores import shared_store

        store = shared_store(self.storage, self.connection)
        return open_life(ModelPlace(self.storage, self.connection, self.model), store=store)

    def _goes_on(self, life: ModelLife) -> bool:
        found = life.refresh().rollouts.get(self.rollout)
        return found is not None and found.ended is None
