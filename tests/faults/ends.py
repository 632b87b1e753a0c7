"""Ends of tries that Airflow's scheduler has thrown away: what stands still then is no fault of ours, and said so.

Airflow 3.3.2 keeps one try number for each task whose ends it reads in one look, that of the last
(`SchedulerJobRunner.process_executor_events`, findings/airflow-end-of-an-earlier-try-hides-the-later-ones.sh). A run
that stands still fails its case whosever fault it is; this tells which it was.
"""

from __future__ import annotations

import re

_SEVERAL = re.compile(
    r"Multiple executor events for same TI with different try_numbers! "
    r"primary_key=\('(?P<dag>[^']*)', '(?P<task>[^']*)', '[^']*', (?P<index>-?\d+)\) "
    r"existing_try_number=(?P<before>\d+) new_try_number=(?P<after>\d+) "
)


def hidden_ends(log: str, dag: str) -> set[tuple[str, int, int]]:
    """Tries whose end an earlier try's has hidden.

    Args:
        log: of the scheduler.
        dag: whose tasks.

    Returns:
        Task, map index, number of the try.
    """
    seen = [found for found in _SEVERAL.finditer(log) if found["dag"] == dag]
    return {
        (found["task"], int(found["index"]), int(found["before"]))
        for found in seen
        if int(found["after"]) < int(found["before"])
    }
