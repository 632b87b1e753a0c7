"""Attempts that wait in a queue outside Airflow: their beginning is recorded once, when they have left it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl_airflow.studies import SharedStudy
    from automl_core.study import Binding


def waits(job: Mapping[str, Any]) -> bool:
    """Whether that an attempt has left its queue is still to be recorded, as far as its identity tells."""
    from automl_core.study.queued import QUEUE

    return QUEUE in job


def left_queue(shared: SharedStudy, binding: Binding, job: dict[str, Any], began: float) -> dict[str, Any]:
    """Record that an attempt has left its queue and trains. Blocks; called in a thread, again until it is recorded.

    Args:
        shared: the experiment.
        binding: the attempt.
        job: its identity, with the queue that it waited in.
        began: when its training began, in seconds since 1970.

    Returns:
        The identity as it is from now on: without a queue, once that is recorded.
    """
    from automl_core.storage.base import StorageError
    from automl_core.study.queued import QUEUE, is_queued

    if QUEUE not in job:
        return job
    freed = {key: value for key, value in job.items() if key != QUEUE}
    try:
        with shared.lock:
            work = shared.study.state.works.get(binding.slot)
            attempt = work.last_attempt(binding.task) if work is not None else None
            if attempt is not None and attempt.number == binding.attempt and is_queued(attempt):
                shared.study.external(binding, json.dumps(freed, sort_keys=True), began)
    except StorageError:  # the store is away: the next look tries again
        return job
    return freed
