"""The models that are kept: those of the folds together, or new ones fitted on all rows.

Bagging costs nothing after the search, and averages what chance a single split has. A refit has one model a pipeline
and all rows; it is needed where folds know nothing of the latest rows, or have no model that can be kept as plain data.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.tabular import slimming
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.lanes import Lanes, Say, can_fork
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.refitting import needs_refit, refit_growth
from automl_core.tabular.trial import TrialResult, part
from automl_core.training.problems import TrainingError


@dataclass
class Finals:
    """Members of the model.

    Attributes:
        members: documents for the scorer, each with its weight; weights sum to 1.
        kind: ``bag`` or ``refit``.
        weights: (trial number, weight) of the trials that are in it.
        notes: what was done and why, in words.
        estimators: of learners that numpy can't score, by the names that members give them.
        folds: members of the first folds alone, to be asked about rows that they have not learned from.
        of: for each member the place of its pipeline in ``weights``; empty: one member each.
    """

    members: list[dict[str, Any]]
    kind: str
    weights: list[tuple[int, float]]
    notes: list[str] = field(default_factory=list)
    estimators: dict[str, Any] = field(default_factory=dict)
    folds: list[list[dict[str, Any]]] = field(default_factory=list)
    of: list[int] = field(default_factory=list)


def finals(prepared: Prepared, chosen: Sequence[tuple[TrialResult, float]], folder: Path, deadline: Deadline) -> Finals:
    """The members of the model, from the trials that the ensemble chose.

    Args:
        prepared: the table.
        chosen: trials and their weights.
        folder: where trials lie.
        deadline: a refit that would not end in time is left, for the models of the folds.

    Raises:
        RuntimeError: none of these trials can be made a member, with the reason of each.
    """
    loaded, unread = _loaded(prepared, chosen, folder)
    plain = all(result.models and all(model is not None for model in result.models) for result, _ in loaded)
    found = None
    if needs_refit(prepared) or not plain:
        found = _refitted(prepared, loaded, deadline)
    if found is None or not found.members:
        if not plain:
            said = found.notes if found is not None else []
            raise RuntimeError("; ".join([*unread, *said]) or "no member could be fitted on all rows")
        notes = found.notes[1:] if found is not None else []
        found = bagged(prepared, loaded)
        found.notes += notes
    found.notes += unread
    if plain:
        ran = min(len(result.models) for result, _ in loaded)
        found.folds = [
            [{"weight": weight, **model} for result, weight in loaded if (model := result.models[fold]) is not None]
            for fold in range(min(ran, prepared.split.first))
        ]
    return found


def _loaded(
    prepared: Prepared, chosen: Sequence[tuple[TrialResult, float]], folder: Path
) -> tuple[list[tuple[TrialResult, float]], list[str]]:
    """Trials with their models and weights, which sum to 1; and why some can't be read."""
    loaded: list[tuple[TrialResult, float]] = []
    unread: list[str] = []
    for each, weight in chosen:
        try:
            loaded.append((TrialResult.load(folder, each.number, prepared.problem), weight))
        except TrainingError as error:
            unread.append(f"left out: {error}")
    if not loaded:
        raise RuntimeError("; ".join(unread))
    total = sum(weight for _, weight in loaded)
    return ([(each, weight / total) for each, weight in loaded] if unread else loaded), unread


def bagged(prepared: Prepared, loaded: Sequence[tuple[TrialResult, float]]) -> Finals:
    """Members made of the models of the folds, which nothing is fitted for.

    Args:
        prepared: the table.
        loaded: trials with their models, each as plain data, and their weights.
    """
    # of forward parts the last one has learned from most
    models = [
        [
            model
            for model in (result.models[-1:] if prepared.split.kind == "time" else result.models)
            if model is not None
        ]
        for result, _ in loaded
    ]
    counts = slimming.kept([[slimming.size_of(each) for each in group] for group in models], len(prepared.rows))
    members: list[dict[str, Any]] = []
    of: list[int] = []
    for place, ((_, weight), group, count) in enumerate(zip(loaded, models, counts, strict=True)):
        members += [{"weight": weight / count, **model} for model in group[:count]]
        of += [place] * len(group[:count])
    whole = sum(map(len, models))
    note = f"each pipeline answers by the mean of its {len(models[0])} models, one a fold"
    if len(models[0]) == 1:
        note = "the models of the search"
    elif len(members) < whole:
        note = (
            f"pipelines answer by the mean of models of the folds: {len(members)} of {whole}, to stay small and quick"
        )
    return Finals(members, "bag", [(result.number, weight) for result, weight in loaded], [note], of=of)


def _refitted(prepared: Prepared, loaded: Sequence[tuple[TrialResult, float]], deadline: Deadline) -> Finals:
    """New models on all rows, in lanes where there are several and all have documents."""
    found: dict[int, Any] = {}
    notes: list[str] = []
    tasks = [(place, result) for place, (result, _) in enumerate(loaded)]
    rows = prepared.rows if prepared.split.kind != "own" else np.r_[prepared.rows, prepared.split.folds[0].valid]
    held = part(prepared, prepared.learned(rows))

    def fit(result: TrialResult) -> Any:
        from automl_core.tabular.pipeline import Pipeline

        pipeline = Pipeline(
            prepared.problem, prepared.schema, settled(prepared, result), seed=result.seed,
            threads=prepared.options.threads, extra=tuple(prepared.options.learners),
        )  # fmt: skip
        frame, y, weights = held
        until = None if deadline.end is None else time.monotonic() + max(deadline.left_for_all() * 0.7, 0.1)
        return pipeline.fit(frame, y, weights, deadline=until)

    def work(result: TrialResult, say: Say) -> Any:
        del say
        return fit(result).document()

    plain = all(model is not None for result, _ in loaded for model in result.models)
    workers = min(prepared.options.workers or 1, len(tasks))
    if plain and workers > 0 and can_fork():
        _in_lanes(work, tasks, workers, prepared, deadline, found, notes)
    else:
        for place, result in tasks:
            try:
                found[place] = fit(result)
            except Exception as error:
                notes.append(f"trial {result.number} could not be fitted on all rows: {type(error).__name__}: {error}")
    total = sum(loaded[place][1] for place in found)
    members: list[dict[str, Any]] = []
    estimators: dict[str, Any] = {}
    for place in sorted(found):
        document = found[place] if isinstance(found[place], dict) else found[place].document()
        if document is None:
            document, estimator = _by_library(found[place], f"trial_{loaded[place][0].number}")
            estimators |= estimator
        members.append({"weight": loaded[place][1] / total, **document})
    used = [(loaded[place][0].number, loaded[place][1] / total) for place in sorted(found)]
    notes.insert(0, f"each pipeline was fitted anew on all {len(rows):,} rows")
    if estimators:
        named = ", ".join(sorted({loaded[place][0].learner for place in found if _no_document(found[place])}))
        notes.append(
            f"there is no predict.py beside this model: what {named} has learned is an object of its library, which "
            "numpy alone can't score; `automl predict` and the server do"
        )
    return Finals(members, "refit", used, notes, estimators)


def _by_library(fitted: Any, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A member whose model is an estimator of a library: (its document, the estimator by the name that it is given)."""
    estimator = next(iter(fitted.estimators().values()), None)
    if estimator is None:
        raise RuntimeError(f"{name}: the learner {fitted.pipeline.learner.name} leaves nothing that can be kept")
    model = {"type": "estimator", "name": name}
    return {"features": fitted.states, "model": model, "link": fitted.link}, {name: estimator}


def _no_document(fitted: Any) -> bool:
    """Whether what was fitted has no form as plain data."""
    return not isinstance(fitted, dict) and fitted.document() is None


def _in_lanes(
    work: Any, tasks: list[tuple[int, TrialResult]], workers: int, prepared: Prepared, deadline: Deadline,
    found: dict[int, Any], notes: list[str],
) -> None:  # fmt: skip
    waiting = list(tasks)
    running: dict[int, tuple[int, int]] = {}
    with Lanes(work, workers, prepared.options.threads) as lanes:
        while waiting or running:
            for lane in lanes.free:
                if waiting:
                    place, result = waiting.pop(0)
                    running[lane] = (place, result.number)
                    lanes.submit(lane, result)
            for event in lanes.events(min(max(deadline.left_for_all(), 0.01), 1.0)):
                place, number = running.pop(event.lane)
                if event.kind == "done" and event.payload is not None:
                    found[place] = event.payload
                else:
                    notes.append(f"trial {number} could not be fitted on all rows: {event.payload}")
            if deadline.left_for_all() <= 0 and running:
                notes.append("the deadline: not every pipeline could be fitted on all rows")
                return


def settled(prepared: Prepared, result: TrialResult) -> dict[str, Any]:
    """Parameters for a fit without rows to stop by: as many steps as the folds' models took, more for more rows."""
    from automl_core.tabular.learners import registry
    from automl_core.tabular.plan import said

    params = {**said(prepared.options.featurization), **result.params}
    steps = [each for each in result.iterations if each]
    learner = registry.find(result.learner, tuple(prepared.options.learners))
    if not steps or learner.steps is None:
        return params
    middle = float(np.median(steps))
    if prepared.split.kind == "time":
        middle = float(np.median(steps[-2:]))  # those that learned from most
    grow = refit_growth(prepared) ** 0.5
    params[f"{learner.name}.{learner.steps}"] = max(1, round(middle * grow))
    return params
