"""Waiting without a worker until runs of other DAGs have ended, or are there no more; for as long as may be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow import triggers
from automl_airflow.compat import count_runs
from automl_airflow.models.roll_waiting import about
from automl_airflow.task_log import TaskLog
from automl_airflow.waiting import Trouble

POLL = 3.0
"""Seconds between two looks: two short questions to Airflow's database for each run that goes on."""

ENDED = ("success", "failed")


class RunsTrigger(BaseTrigger):
    """Fires once none of the runs goes on any more, or it is time to look at what a trigger can't see.

    Airflow's own (`DagStateTrigger`) waits for ever for a run that was deleted. Whether a DAG is paused no trigger can
    ask, only a task.
    """

    def __init__(self, *, runs: Mapping[str, str], poll: float = POLL, until: float | None = None) -> None:
        """State which ones.

        Args:
            runs: id of a DAG → id of its run.
            poll: seconds between two looks.
            until: when it fires whatever goes on, seconds since 1970; None: never.
        """
        super().__init__()
        self.runs, self.poll, self.until = dict(runs), poll, until

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments."""
        return (
            "automl_airflow.annotation.runs_trigger.RunsTrigger",
            {"runs": self.runs, "poll": self.poll, "until": self.until},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until all have ended, or it is time. What Airflow can't say now is asked again."""
        lines = TaskLog(self.log)
        trouble, waited = Trouble(lines), dict(self.runs)
        await asyncio.sleep(triggers.LEAST_WAIT)
        while True:
            try:
                for dag, run in list(waited.items()):
                    if await self._is_over(dag, run):
                        del waited[dag]
            except Exception as error:  # the database may be away for a while, and nobody else waits for these
                trouble.is_there(f"runs can't be asked for now, and are again: {type(error).__name__}: {error}")
            else:
                trouble.is_over("runs can be asked for again")
            left = float("inf") if self.until is None else self.until - time.time()
            if not waited or left <= 0:
                break
            await asyncio.sleep(min(about(self.poll), left))
        await lines.close()
        yield TriggerEvent({"runs": self.runs})

    async def _is_over(self, dag: str, run: str) -> bool:
        if await count_runs(dag, run, ENDED):
            return True
        return not await count_runs(dag, run)
