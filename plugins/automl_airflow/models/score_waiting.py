"""Waiting without a worker until a partition is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow.task_log import TaskLog
from automl_airflow.threads import threads_of
from automl_airflow.triggers import LEAST_WAIT
from automl_airflow.waiting import Trouble

POLL = 60.0
"""Seconds between two looks: a listing each."""


class PartitionTrigger(BaseTrigger):
    """Fires once there is something at a place of data."""

    def __init__(
        self, place: str, connection: str | None, format: str | None = None, poll: float = POLL
    ) -> None:  # fmt: skip
        super().__init__()
        self.place, self.connection, self.format, self.poll = place, connection, format, poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, without any credentials."""
        return (
            "automl_airflow.models.score_waiting.PartitionTrigger",
            {"place": self.place, "connection": self.connection, "format": self.format, "poll": self.poll},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until it is there. What can't be asked now is asked again."""
        lines = TaskLog(self.log)
        trouble = Trouble(lines)
        await asyncio.sleep(LEAST_WAIT)
        threads = threads_of(_store_of(self.place), self.connection, "partitions")
        while True:
            try:
                if await threads.call(_is_there, self.place, self.connection):
                    break
            except Exception as error:  # a store or its connection may be mended while one waits
                trouble.is_there(f"{self.place} can't be looked at now: {error}")
            else:
                trouble.is_over(f"{self.place} can be looked at again")
            await asyncio.sleep(self.poll)
        await lines.close()
        yield TriggerEvent({"there": self.place})


def _store_of(place: str) -> str:
    """Whose threads look at a place of data: those of its bucket or project. One that hangs holds up no other."""
    scheme, separator, rest = place.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if separator else "file://"


def _is_there(text: str, connection: str | None) -> bool:
    from automl_airflow.data_access import FromConnections
    from automl_airflow.session import home
    from automl_core.data.access import DataError
    from automl_core.models.batch.order import Place
    from automl_core.models.batch.scoring import look

    try:
        look(Place(text, connection), home(), FromConnections())
    except DataError:
        return False
    return True
