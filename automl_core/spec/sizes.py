"""How much an experiment file may hold: whoever may look can have one checked, in a process that everybody shares.

Looked at before anything else is made of the data, by counting: what is checked, explained and searched afterwards
takes a time that grows with these numbers. docs/experiment-file.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from automl_core.spec.errors import Path, Problem

TASK_LISTS = ("tasks", "prepare", "conclude")
"""The lists of training tasks in an experiment file."""

PARAMETERS = 1_000
"""Parameters of a space, those of nested choices included."""

CHOICES = 10_000
"""Values of all choices of a space together, and as many that its conditions name."""

DEEP = 50
"""Parameters one behind the other, each with a condition or bound that names the one before."""

PROBLEMS = 100
"""Problems of a file that are told at once."""

OTHERWISE = 10_000
"""Entries of every other list or mapping."""

TASKS_HOLD = 20_000
"""Entries of all lists and mappings of all training tasks together: each may name parameters, and is read often."""

LIMITS: dict[tuple[str, ...], tuple[int, str]] = {
    ("tags",): (100, "tags"),
    ("data",): (100, "data sets"),
    ("columns",): (100, "roles of columns"),
    ("schedule", "assets"): (100, "assets"),
    ("goal", "metric"): (100, "weighted metrics"),
    ("goal", "constraints"): (50, "constraints"),
    ("search", "warm_start"): (1_000, "combinations"),
    ("alerts", "on"): (100, "occasions"),
}
"""Place of a list or mapping (``*``: any index) → how many entries it may have, and what they are."""

for _tasks in TASK_LISTS:
    LIMITS |= {
        (_tasks,): (100, "training tasks"),
        (_tasks, "*", "env"): (1_000, "variables"),
        (_tasks, "*", "command"): (5_000, "arguments"),
        (_tasks, "*", "metrics", "patterns"): (50, "patterns"),
    }


def size_problems(
    data: Mapping[str, Any], limits: Mapping[tuple[str, ...], tuple[int, str]] | None = None
) -> list[Problem]:
    """What of a file is too much, from its plain data, whatever else is wrong with it.

    Args:
        data: what the file holds.
        limits: as `LIMITS`, which are an experiment file's.

    Returns:
        Problems without file and line; empty when all is well. Where there are any, look no further.
    """
    limits = LIMITS if limits is None else limits
    found = list(_space(data.get("space")))
    pending: list[tuple[Path, tuple[str, ...], Any]] = [
        ((key,), (key,), value) for key, value in data.items() if key != "space"
    ]
    held = 0
    while pending:
        path, place, value = pending.pop()
        if not isinstance(value, dict | list):
            continue
        held += len(value) if place[0] in TASK_LISTS else 0
        most, what = limits.get(place, (OTHERWISE, "entries"))
        if len(value) > most:
            found.append(_too_many(path, len(value), most, what))
        elif isinstance(value, dict):
            pending += [((*path, key), (*place, str(key)), each) for key, each in value.items()]
        else:
            pending += [((*path, index), (*place, "*"), each) for index, each in enumerate(value)]
    if held > TASKS_HOLD and not found:
        found.append(_too_many(("tasks",), held, TASKS_HOLD, "entries of all training tasks together"))
    return found


def _space(space: Any) -> Iterator[Problem]:
    """Counts what stands in a space; looks no further than the limits."""
    parameters = choices = 0
    pending = [space]
    conditioned = 0
    while pending:
        group = pending.pop()
        if not isinstance(group, dict):
            continue
        parameters += len(group)
        if parameters > PARAMETERS:
            yield Problem(
                f"the space has more than {PARAMETERS:,} parameters", ("space",), found=f"{parameters:,}",
                allowed=(f"at most {PARAMETERS:,} parameters, those of nested choices included",),
            )  # fmt: skip
            return
        for parameter in group.values():
            if not isinstance(parameter, dict):
                continue
            when = parameter.get("when")
            named = when.values() if isinstance(when, dict) else ()
            conditioned += sum(len(values) if isinstance(values, list) else 1 for values in named)
            values = parameter.get("values")
            if isinstance(values, list):
                choices += len(values)
                if choices <= CHOICES:
                    pending += [value.get("space") for value in values if isinstance(value, dict)]
    if choices > CHOICES:
        yield _too_many(("space",), choices, CHOICES, "values of choices, counted over all parameters")
    if conditioned > CHOICES:
        yield _too_many(("space",), conditioned, CHOICES, "values that conditions name, counted over all parameters")


def _too_many(path: Path, found: int, most: int, what: str) -> Problem:
    return Problem(f"{found:,} {what} are too many", path, found=f"{found:,}", allowed=(f"at most {most:,}",))
