"""How fast two models answer, and how large they are: in one process, by turns, so that a busy machine hits both."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.models.evaluation.rows import Rows

SINGLE = 100
"""Rows that are scored one by one."""

BATCH = 10_000
"""Rows that are scored together at most."""

TURNS = 5
"""Turns of the batch and of opening."""

LONGEST = 20.0
"""Seconds after which no further turn begins."""

WARM = 3
"""Rows that are scored before the clock runs."""

HOW = (
    "one process, one row or {batch:,} rows at a time, the two models by turns; reading the values is in it, reading a "
    "file is not"
)


def latency(subjects: Sequence[Any], rows: Rows, clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Measure models' speed.

    Args:
        subjects: models that are scored in this process; others have none.
        rows: that both can score.
        clock: in seconds.

    Returns:
        As evidence has it.
    """
    own = [subject for subject in subjects if hasattr(subject, "one")]
    if not own or not rows.n:
        return {subject.role: None for subject in subjects} | {"how": "a program is not timed row by row"}
    places = np.unique(np.linspace(0, rows.n - 1, SINGLE).astype(np.int64)).tolist()
    batch = rows.take(np.arange(min(rows.n, BATCH)))
    singles = {
        each.role: [partial(each.one, {name: rows.value(name, place) for name in each.columns}) for place in places]
        for each in own
    }
    found = by_turns(singles, {each.role: partial(each.say, batch) for each in own}, batch.n, clock)
    return {subject.role: None for subject in subjects} | found | {"how": HOW.format(batch=batch.n)}


def by_turns(
    singles: Mapping[str, Sequence[Callable[[], Any]]],
    batches: Mapping[str, Callable[[], Any]],
    batch: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Time calls of several models, now the one first and now the other.

    Args:
        singles: role → calls that score one row each, as many of each role.
        batches: role → a call that scores many.
        batch: how many.
        clock: in seconds.

    Returns:
        role → ``single_ms`` and ``batch``.
    """
    began, roles = clock(), list(singles)
    for role in roles:
        for call in singles[role][:WARM]:
            call()
    took: dict[str, list[float]] = {role: [] for role in roles}
    for k in range(len(singles[roles[0]])):
        for role in roles if k % 2 else reversed(roles):  # nobody is always first
            start = clock()
            singles[role][k]()
            took[role].append(clock() - start)
        if clock() - began > LONGEST / 2:
            break
    together: dict[str, list[float]] = {role: [] for role in roles}
    for turn in range(TURNS):
        for role in roles if turn % 2 else reversed(roles):
            start = clock()
            batches[role]()
            together[role].append(clock() - start)
        if clock() - began > LONGEST:
            break
    found = {}
    for role in roles:
        middle = float(np.median(together[role]))
        found[role] = {
            "single_ms": {
                "median": float(np.median(took[role])) * 1e3, "p95": float(np.quantile(took[role], 0.95)) * 1e3
            },
            "batch": {"rows": batch, "rows_per_second": batch / middle if middle > 0 else None},
        }  # fmt: skip
    return found


def size(subjects: Sequence[Any], clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """How large models are, and how long opening them takes once libraries are imported: by turns, the median."""
    took: dict[str, list[float]] = {subject.role: [] for subject in subjects}
    began = clock()
    for turn in range(TURNS):
        for each in subjects if turn % 2 else list(reversed(subjects)):
            if hasattr(each, "reopened"):
                start = clock()
                each.reopened()
                took[each.role].append(clock() - start)
        if clock() - began > LONGEST:
            break
    found = {}
    for each in subjects:
        files = [path for path in Path(each.folder).rglob("*") if path.is_file()]
        spent = took[each.role]
        found[each.role] = {
            "bytes": sum(path.stat().st_size for path in files), "files": len(files),
            "open_ms": float(np.median(spent)) * 1e3 if spent else None,
        }  # fmt: skip
    return found
