"""The trial table: one row a trial, made again only for trials that changed."""

from __future__ import annotations

from dataclasses import dataclass

from automl_core.results.headline import headline
from automl_core.space import Params
from automl_core.spec.models import Experiment
from automl_core.study.labels import NO_LABEL
from automl_core.study.points import point_of
from automl_core.study.state import State, Trial


@dataclass(slots=True)
class Row:
    """A trial as the table shows it.

    Value, step, budget and metrics are those of the work that counts (with budgets: at the highest budget that was
    finished); without such work the metrics last seen, and no value.

    Attributes:
        number, params, state, reason, value, step, budget, rung, bracket, note, parent: of the trial.
        metrics: raw metrics.
        started, ended: seconds since 1970.
        seconds: of training, over all attempts.
        cost: in the currency of the prices.
        attempts: attempts at its training tasks.
        feasible: whether it satisfies the goal's constraints; None without constraints, or without a value.
        cancel: who asked for its end.
        rank: its place among the trials whose value counts, from 1.
        front: whether it is on the Pareto front; always False with one goal.
        headline: the line of the reason that says most.
        name, tags, comment: what people call it, and have written of it.
    """

    number: int
    params: Params
    state: str
    reason: str
    value: float | None
    step: float | None
    budget: int | None
    rung: int | None
    bracket: int | None
    metrics: dict[str, float]
    started: float
    ended: float | None
    seconds: float
    cost: float
    attempts: int
    note: str
    parent: int | None
    feasible: bool | None
    cancel: str
    rank: int | None = None
    front: bool = False
    headline: str = ""
    name: str = ""
    tags: tuple[str, ...] = ()
    comment: str = ""


COLUMNS = (
    "number", "state", "reason", "value", "rank", "step", "budget", "rung", "bracket", "started", "ended", "seconds",
    "cost", "attempts", "note", "parent", "feasible", "front", "cancel", "headline", "name", "tags", "comment",
)  # fmt: skip
"""Columns of every table; those of parameters and metrics come on top."""


def row_of(experiment: Experiment, state: State, trial: Trial) -> Row:
    """One trial's row, without its rank."""
    works = [state.works[slot] for slot in trial.slots]
    latest, counted = works[-1], state.counted(trial)
    shown = counted or latest
    label = state.labels.get(trial.number, NO_LABEL)
    feasible = None
    if experiment.goal.constraints and counted is not None:
        point = point_of(experiment, counted)
        feasible = point is not None and point.feasible
    return Row(
        number=trial.number, params=trial.params, state=str(latest.state), reason=latest.reason,
        value=counted.value if counted else None, step=shown.step, budget=shown.budget, rung=shown.rung,
        bracket=shown.bracket, metrics=shown.metrics, started=works[0].bound, ended=latest.ended,
        seconds=round(sum(work.seconds for work in works), 3), cost=round(sum(work.cost for work in works), 6),
        attempts=sum(len(work.attempts) for work in works), note=trial.note, parent=trial.parent, feasible=feasible,
        cancel=trial.cancel, headline=headline(latest.reason), name=label.name, tags=label.tags, comment=label.comment,
    )  # fmt: skip
