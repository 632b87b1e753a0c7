"""When a mapped instance is named while it runs: each name is a request to Airflow's API server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_airflow.slots import SlotTask
    from automl_core.study import Binding, Study

NAMED_AFTER = 3.0
"""Seconds for which a local trial's slot waits or trains before it is named after that: nobody reads a name of less.

The name that it ends with goes with the message that ends the task.
"""


@contextmanager
def announced(task: SlotTask, context: Any, study: Study, binding: Binding) -> Iterator[None]:
    """What `SlotTask.announce` does, for as long as the block trains: the name comes only once it is worth it.

    A lane is named at once, for its name would be that of the trial before.
    """
    if task.stage is not None or study.state.lanes is not None:
        task.announce(context, study, binding)
        yield
        return
    from automl_airflow.compat import name_map_index
    from automl_airflow.labels import running_label

    task.say_trial(study, binding)
    naming = Timer(NAMED_AFTER, name_map_index, (context, running_label(study, binding)))
    naming.daemon = True
    naming.start()
    try:
        yield
    finally:
        naming.cancel()
        naming.join()  # whatever name comes after the block is the last


def waiting(name: Callable[[], None]) -> Callable[[float], None]:
    """Something that sleeps for so many seconds, and names the instance once it has waited for long."""
    began, named = time.monotonic(), False

    def wait(seconds: float) -> None:
        nonlocal named
        if not named and time.monotonic() - began >= NAMED_AFTER:
            named = True
            name()
        time.sleep(seconds)

    return wait
