"""Metrics over the steps of trials: curves from the journal, and those of running trials from their metrics files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from automl_core.metrics.points import Step
from automl_core.metrics.series import Series
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.study.layout import METRICS_FILE, trial_prefix
from automl_core.views.fit import fits
from automl_core.views.view import ExperimentView

Curve: TypeAlias = Sequence[tuple[Step, float]]
"""(step, value) pairs in order of step."""

MAX_CURVES = 500
"""Curves of one plot at most."""


def read_series(store: ObjectStore, prefix: str, trial: int) -> Series | None:
    """A trial's metrics as its writer published them last, None where there are none that can be read.

    Args:
        store: the model storage path.
        prefix: the run's folder in it.
        trial: number of the trial.

    Raises:
        StorageError: the store is away.
    """
    try:
        body = json.loads(store.get(prefix + trial_prefix(trial) + METRICS_FILE))
        return Series.from_json(body["points"])
    except (NotFound, ValueError, KeyError, TypeError):
        return None


def thin(curve: Curve, points: int) -> Curve:
    """At most so many points of a curve, evenly spread, the first and the last among them."""
    if len(curve) <= max(2, points):
        return curve
    last = len(curve) - 1
    return [curve[round(k * last / (points - 1))] for k in range(points)]


def chosen(view: ExperimentView, top: int, trials: Iterable[int] | None = None) -> list[int]:
    """Trials whose curves are shown: those named, else those that run and the best."""
    known = len(view.rows)
    if trials is not None:
        return [number for number in dict.fromkeys(trials) if 0 <= number < known][:MAX_CURVES]
    wanted = dict.fromkeys(running(view))
    for trial, _ in view.ranking:
        if len(wanted) >= min(top, MAX_CURVES):
            break
        wanted[trial.number] = None
    return sorted(wanted)


def running(view: ExperimentView) -> list[int]:
    """Trials that run now."""
    return sorted({work.trial for work in view.state.running})


def curves(
    view: ExperimentView, numbers: Sequence[int], points: int, live: Callable[[int], Curve | None] | Mapping[int, Curve]
) -> dict[str, Any]:
    """Curves of the goal's value.

    Args:
        view: the experiment.
        numbers: which trials.
        points: of each curve at most.
        live: the curves of running trials, from their metrics files.
    """
    state, goal = view.state, view.experiment.goal
    read = live if callable(live) else live.get
    entries = []
    for number in numbers:
        work, row = state.latest(state.trials[number]), view.rows[number]
        alive = not work.state.ended
        curve = (read(number) or work.points) if alive else work.points
        curve = thin(curve, points)
        if not curve:
            continue
        steps, values = zip(*curve, strict=True)
        entries.append(
            {
                "trial": number, "state": row.state, "rank": row.rank, "budget": work.budget, "steps": steps,
                "values": values, "live": alive,
            }
        )  # fmt: skip
    return {
        "seq": view.seq, "metric": goal.label, "direction": goal.first.direction, "total": len(view.rows),
        "curves": entries,
    }  # fmt: skip


def trial_curve(view: ExperimentView, number: int, series: Series | None, points: int) -> dict[str, Any]:
    """Every metric of one trial over its steps.

    Args:
        view: the experiment.
        number: which trial.
        series: from its metrics file; without one there is the goal's value from the journal.
        points: of each metric at most.
    """
    work, goal = view.state.latest(view.state.trials[number]), view.experiment.goal
    known: dict[str, list[tuple[Step, float]]] = {}
    for point in series or ():
        for name, value in point.values.items():
            known.setdefault(name, []).append((point.step, value))
    if goal.label not in known and work.points:
        known = {goal.label: list(work.points), **known}
    return {
        "seq": view.seq,
        "trial": number,
        "goal": goal.label,
        "live": not work.state.ended,
        "fits": fits(known, goal),
        "series": {
            name: {"steps": [step for step, _ in shown], "values": [value for _, value in shown]}
            for name, curve in known.items()
            if (shown := thin(curve, points))
        },
    }
