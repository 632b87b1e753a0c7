"""Slots that wait ahead of their places: who is ready takes a place in the moment in which it becomes free.

Airflow needs seconds from a trial's end to the next task's start (the triggerer's and the scheduler's loops, a fork,
a parse). So it is let start a few more slots than there are places, and the study counts the places. A slot ahead is
bound only when it has a place, to what the algorithm makes of every result until then. Where a place is expected soon,
its worker waits alive and looks at the journal; where none is, it gives the worker back to a trigger, which wakes it in
time (`places`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from automl_core.spec.custom_resource import CustomResourceTask
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.maxcompute import MaxComputeTask

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment
    from automl_core.study import Answer, NotNow, Study

_ELSEWHERE = (KubernetesTask, CustomResourceTask, MaxComputeTask)

EVERYBODYS_POOL = "default_pool"
"""Airflow's pool of all tasks that name none."""

MOST = 6
"""Slots of an experiment that wait ahead of their places at most, unless ``[automl] slots_ahead`` says otherwise."""

STAY = 20.0
"""Seconds: a worker waits alive for a place that is expected within this time."""

LONGEST_STAY = 30.0
"""Seconds that a worker waits alive at most for an end that is expected and does not come."""

LOOK, RAREST_LOOK = 0.1, 0.5
"""Seconds between two looks at the journal, by how long a look takes: a folder is asked more often than a bucket."""

FIRST_LOOK = 0.02
"""Seconds between two looks of the one who has the first claim on the next place."""

_SHARE = 20.0
"""A look may take so small a part of the time between two."""

AFTER_YOU = 0.7
"""Seconds for which a free place is left to each of those who come first: they may be gone."""

CHECK_FIRST, CHECK_LAST = 60.0, 600.0
"""Seconds after which a slot without a worker asks in any case: those it waits for may have lost theirs."""


def slots_ahead(experiment: Experiment) -> int:
    """How many slots beyond its places an experiment lets Airflow start.

    As many as its places, since trials that began together end together; but few in all, since each may hold a
    worker. None with several training tasks, whose limits Airflow counts one by one. None in a pool that the file
    names: experiments share with it what trains (eight GPUs, say), and who only waits would take places from those of
    others that could train. For a trial that trains in the worker itself see `_spare_workers`.
    """
    if len(experiment.tasks) != 1:
        return 0
    task = experiment.tasks[0]
    place = task.airflow.arguments(under=experiment.airflow)
    if place.get("pool", EVERYBODYS_POOL) != EVERYBODYS_POOL:
        return 0
    from airflow.configuration import conf

    most = min(max(0, conf.getint("automl", "slots_ahead", fallback=MOST)), experiment.trials.concurrency)
    if isinstance(task, _ELSEWHERE):
        return most
    named = "queue" in place or "executor" in place
    return 0 if named else min(most, _spare_workers(experiment.trials.concurrency))


def _spare_workers(training: int) -> int:
    """Half of the worker processes that local trials leave free; the others are left to other experiments and DAGs.

    None but LocalExecutor's, which is given no more tasks than it has processes. In Celery's queue, a slot that finds
    every process training is taken for stuck after ten minutes, and failed the third time (``[scheduler]
    task_queued_timeout``): its trial would be lost. KubernetesExecutor would make a pod of it that asks for all that a
    training needs. So would a queue or an executor that the file names have workers that are there to train.

    Args:
        training: trials of the experiment that run at once.
    """
    from airflow.configuration import conf

    first = conf.get("core", "executor", fallback="").split(",")[0]
    if first.split(".")[-1].split(":")[-1] != "LocalExecutor":
        return 0
    return max(0, (_of_local_executor() - training) // 2)


def _of_local_executor() -> int:
    from airflow.configuration import conf

    return conf.getint("core", "parallelism", fallback=32) or 32


def lanes_ahead(experiment: Experiment) -> int:
    """How many lanes beyond its places: a lane that trains in its own worker goes from trial to trial by itself."""
    return slots_ahead(experiment) if isinstance(experiment.tasks[0], _ELSEWHERE) else 0


def seats() -> int:
    """Workers of one machine that may wait alive at once: half of those that Airflow starts there, for all experiments.

    The others are left to whoever has work for them.
    """
    from airflow.configuration import conf

    if "celery" in conf.get("core", "executor", fallback="").lower():
        return max(1, (conf.getint("celery", "worker_concurrency", fallback=16) or 16) // 2)
    return max(1, _of_local_executor() // 2)


def stay(
    study: Study,
    answer: NotNow,
    ask: Callable[[], Answer],
    *,
    slot: int | None,
    lane: int | None,
    wanted: Callable[[], bool],
    alive: bool = True,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Wait for a place while one is expected soon.

    Args:
        study: of the experiment.
        answer: that there is no place.
        ask: asks the study again.
        slot: number of the slot that waits, None for a lane.
        lane: number of the lane that waits, None for a slot.
        wanted: whether to go on.
        alive: whether to wait at all; else it is asked only where a place is free.
        wait: sleeps for so many seconds.
        clock: seconds from any moment.

    Returns:
        What the study said at last: `NotNow` where no place is expected soon.

    Raises:
        StorageError: the store is away.
    """
    from automl_core.study import NotNow
    from automl_core.study.places import UNKNOWN, free_places, is_due, waiting_before
    from automl_core.study.progress import exhausted_by

    began, opened, ended = clock(), None, len(study.state.order)
    last: Answer = answer
    while isinstance(last, NotNow) and last.full and wanted():
        state = study.state
        before, free = waiting_before(state, slot, lane), free_places(state, study.experiment)
        opened = (opened if opened is not None else clock()) if free > 0 else None
        if state.stop is not None or exhausted_by(state, study.experiment):
            return ask()
        if len(state.order) != ended:
            began, ended = clock(), len(state.order)
        longest = LONGEST_STAY if ended else max(LONGEST_STAY, UNKNOWN)
        if opened is not None and clock() - opened >= AFTER_YOU * max(0, before - free + 1):
            last, opened = ask(), None
            continue
        if (
            not alive
            or clock() - began > longest
            or not is_due(state, study.experiment, study.journal.clock(), STAY, before)
        ):
            return ask() if free > 0 else last  # those before may never come: a person can mark them
        looked, seen = clock(), state.seq
        if study.journal.moved():
            study.refresh()
        if study.state.seq == seen:
            least = LOOK if before > 0 else FIRST_LOOK
            wait(min(RAREST_LOOK, max(least, _SHARE * (clock() - looked))))
    return last


def patience_of(study: Study) -> float:
    """Seconds after which a slot without a worker asks in any case: the more, the longer the running trials run."""
    from automl_core.study.places import youngest

    return min(CHECK_LAST, max(CHECK_FIRST, youngest(study.state, study.journal.clock())))
