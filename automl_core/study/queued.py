"""Attempts that wait in a queue outside Airflow: that time is none of the trial's.

No field of the state's own: an attempt's identity names the queue for as long as it waits, and the record that takes
the queue out of it says when the training began, which is when the attempt is held to have started.
"""

from __future__ import annotations

import json

from automl_core.states import NEVER_BEGAN
from automl_core.study.entities import Attempt

QUEUE = "queue"
"""Key of an attempt's identity (`Study.external`): the queue in which it waits for its turn."""


def is_queued(attempt: Attempt) -> bool:
    """Whether an attempt waits in a queue, or did so to its end."""
    if f'"{QUEUE}"' not in attempt.external:
        return False
    try:
        identity = json.loads(attempt.external)
    except ValueError:
        return False
    return isinstance(identity, dict) and bool(identity.get(QUEUE))


def never_began(attempt: Attempt) -> bool:
    """Whether it is known of an ended attempt that nothing of its training ever ran."""
    return attempt.ended is not None and (attempt.kind == NEVER_BEGAN or is_queued(attempt))


def seconds_of(attempt: Attempt, now: float) -> float:
    """Seconds that an attempt has run: from its start to a moment, without what it waited in a queue."""
    return 0.0 if is_queued(attempt) else max(0.0, now - attempt.started)
