"""Who ran when: attempts on the places that trials may take at once, where they waited, and the rungs they stand on."""

from __future__ import annotations

import heapq
from typing import Any

from automl_core.results.headline import headline
from automl_core.study.state import Attempt, Work
from automl_core.views.view import ExperimentView

_NAMES = (
    "place", "slot", "lane", "trial", "task", "attempt", "started", "ended", "state", "reason", "worker", "budget",
    "rung", "waited", "wait_kind",
)  # fmt: skip


def timeline(view: ExperimentView) -> dict[str, Any]:
    """Every attempt in the order of their starts, each on a place that was free then."""
    state, tasks = view.state, view.experiment.tasks
    attempts = [(attempt, work) for work in state.works.values() for attempt in work.attempts]
    attempts.sort(key=lambda item: (item[0].started, item[1].slot, item[0].task, item[0].number))
    waits = _waits(view)
    columns: dict[str, list[Any]] = {name: [] for name in _NAMES}
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    places = 0
    left: dict[int, float] = {}  # place → when it became free
    for attempt, work in attempts:
        while busy and busy[0][0] <= attempt.started:
            ended, place = heapq.heappop(busy)
            left[place] = ended
            heapq.heappush(free, place)
        if free:
            place = heapq.heappop(free)
        else:
            place, places = places, places + 1
        heapq.heappush(busy, (attempt.ended if attempt.ended is not None else float("inf"), place))
        waited, kind = waits.get((work.slot, attempt.task, attempt.number), (None, ""))
        if waited is None and place in left:
            waited, kind = attempt.started - left[place], "start"
        name = tasks[attempt.task].name if attempt.task < len(tasks) else str(attempt.task)
        entries = (
            place, work.slot, work.lane, work.trial, name, attempt.number, attempt.started, attempt.ended,
            str(attempt.state), headline(attempt.reason), attempt.worker, work.budget, work.rung, waited, kind,
        )  # fmt: skip
        for column, entry in zip(_NAMES, entries, strict=True):
            columns[column].append(entry)
    return {
        "seq": view.seq, "created": state.created, "now": view.clock(), "places": places, "columns": columns,
    }  # fmt: skip


def _waits(view: ExperimentView) -> dict[tuple[int, int, int], tuple[float, str]]:
    """What an attempt waited for where the trial had been worked on before: (seconds, kind) by its identity."""
    found: dict[tuple[int, int, int], tuple[float, str]] = {}
    for trial in view.state.trials:
        before: tuple[Work, Attempt] | None = None
        for slot in trial.slots:
            work = view.state.works[slot]
            for attempt in work.attempts:
                if before is not None and before[1].ended is not None:
                    kind = "rung" if before[0] is not work else "place" if attempt.task > before[1].task else "retry"
                    waited = max(0.0, attempt.started - before[1].ended)
                    found[work.slot, attempt.task, attempt.number] = (waited, kind)
                before = (work, attempt)
    return found


def rungs(view: ExperimentView) -> dict[str, Any]:
    """Brackets, their rungs, and the trials on each: who went on to the next."""
    budget = view.experiment.trials.budget
    brackets: dict[int, dict[tuple[int, int], list[dict[str, Any]]]] = {}
    for work in sorted(view.state.works.values(), key=lambda work: work.slot):
        if work.budget is None:
            continue
        slots = view.state.trials[work.trial].slots
        entry = {
            "trial": work.trial, "slot": work.slot, "state": str(work.state), "value": work.counts,
            "promoted": slots[-1] != work.slot,
        }  # fmt: skip
        rung = work.rung if work.rung is not None else 0
        brackets.setdefault(work.bracket or 0, {}).setdefault((rung, work.budget), []).append(entry)
    return {
        "seq": view.seq,
        "units": budget.name if budget else None,
        "brackets": [
            {
                "bracket": bracket,
                "rungs": [
                    {"rung": rung, "budget": amount, "trials": trials}
                    for (rung, amount), trials in sorted(found.items())
                ],
            }
            for bracket, found in sorted(brackets.items())
        ],
    }
