"""How fast two models answer, and how large they are: in one process, by turns, so that a busy machine hits both."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
    found: dict[str, Any] = {subject.role: None for subject in subjects}
    if not own or not rows.n:
        return found | {"how": "a program is not timed row by row"}
    began = clock()
    places = np.unique(np.linspace(0, rows.n - 1, SINGLE).astype(np.int64))
    singles = {each.role: [_row(rows, each.columns, int(place)) for place in places] for each in own}
    for each in own:
        for row in singles[each.role][:WARM]:
            each.one(row)
    took: dict[str, list[float]] = {each.role: [] for each in own}
    for k in range(len(places)):
        for each in own if k % 2 else reversed(own):  # nobody is always first
            start = clock()
            each.one(singles[each.role][k])
            took[each.role].append(clock() - start)
        if clock() - began > LONGEST / 2:
            break
    batch = rows.take(np.arange(min(rows.n, BATCH)))
    together: dict[str, list[float]] = {each.role: [] for each in own}
    for turn in range(TURNS):
        for each in own if turn % 2 else reversed(own):
            start = clock()
            each.say(batch)
            together[each.role].append(clock() - start)
        if clock() - began > LONGEST:
            break
    for each in own:
        middle = float(np.median(together[each.role]))
        found[each.role] = {
            "single_ms": {
                "median": float(np.median(took[each.role])) * 1e3,
                "p95": float(np.quantile(took[each.role], 0.95)) * 1e3,
            },
            "batch": {"rows": batch.n, "rows_per_second": batch.n / middle if middle > 0 else None},
        }
    return found | {"how": HOW.format(batch=batch.n)}


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


def _row(rows: Rows, columns: Sequence[str], place: int) -> dict[str, Any]:
    return {name: rows.value(name, place) for name in columns}
