"""Which of Airflow's tries ran an attempt: its log is kept by the number of the try.

The journal counts attempts at a training task. Airflow counts on where a worker died before it had bound anything, and
with lanes one try runs trial after trial; so the two numbers differ, and what tells is when each try began.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from automl_airflow.compat.metadata import TaskInstance, TaskInstanceHistory
from automl_airflow.web.catalog import RunInfo
from automl_core.study.state import Attempt, Work

_SLACK = 0.5
"""Seconds by which an attempt may seem to begin before its try: the journal's times have milliseconds only."""


class Tries:
    """The tries of some task instances of a run, by step and map index.

    Attributes:
        known: (step, map index) → (beginning in seconds since 1970, number of the try), in the order of beginnings.
    """

    def __init__(self, known: dict[tuple[str, int], list[tuple[float, int]]]) -> None:
        self.known = known

    def of(self, run: RunInfo, work: Work, attempt: Attempt) -> int:
        """The number of the try that ran an attempt; the attempt's own where Airflow knows of none."""
        place = place_of(run, work, attempt)
        tries = self.known.get(place, []) if place is not None else []
        index = bisect_right(tries, (attempt.started + _SLACK, float("inf"))) - 1
        if index >= 0:
            return tries[index][1]
        return tries[0][1] if tries else attempt.number


def place_of(run: RunInfo, work: Work, attempt: Attempt) -> tuple[str, int] | None:
    """The task and the map index that ran an attempt; None where the task is not known any more."""
    if attempt.task >= len(run.place.steps):
        return None
    if work.lane is not None:
        return run.place.steps[0], work.lane
    return run.place.steps[attempt.task], work.slot


def tries_of(session: Session, run: RunInfo, works: Iterable[Work]) -> Tries:
    """The tries of all task instances that worked on some slots: two queries."""
    wanted = {place_of(run, work, attempt) for work in works for attempt in work.attempts} - {None}
    indexes = sorted({place[1] for place in wanted if place is not None})
    known: dict[tuple[str, int], list[tuple[float, int]]] = {}
    for table in (TaskInstance, TaskInstanceHistory):
        rows = session.execute(
            select(table.task_id, table.map_index, table.start_date, table.try_number).where(
                table.dag_id == run.dag_id, table.run_id == run.run_id, table.map_index.in_(indexes),
                table.task_id.in_(run.place.steps), table.start_date.is_not(None),
            )
        )  # fmt: skip
        for task, index, started, number in rows:
            if (task, index) in wanted and number and started is not None:
                known.setdefault((task, index), []).append((started.timestamp(), number))
    for tries in known.values():
        tries.sort()
    return Tries(known)
