"""One combination tried here, without Airflow: bound, run, watched and judged as a trial is, and told in full.

Nothing is done here a second time: the study, `LocalRun`, the metric sources and the watch are those of a trial; only
the experiment is one of a single trial, and its journal lies in a folder of its own.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from automl_core.backends.base import Cause
from automl_core.backends.contract import substitute
from automl_core.data.inputs import DataOfRun
from automl_core.metrics.points import Step
from automl_core.metrics.series import Series
from automl_core.running.local import LocalRun
from automl_core.space import Params
from automl_core.spec.bundles import in_bundle
from automl_core.spec.code import CWD
from automl_core.spec.dates import run_dates
from automl_core.spec.models import Experiment, Search, Stop
from automl_core.spec.tasks import LocalTask, TaskBase
from automl_core.spec.units import format_duration
from automl_core.states import TrialState
from automl_core.storage.base import ObjectStore
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.study.binder import binding_of
from automl_core.study.layout import MODEL_FOLDER, experiment_prefix, trial_prefix
from automl_core.study.reasons import headline
from automl_core.study.stages import DATA, begin_stage

RUN = "try"
"""Id of the run that a try stands for."""

ELSEWHERE = {
    "kubernetes": "in a pod", "custom_resource": "in a custom resource of a cluster", "maxcompute": "in MaxCompute"
}  # fmt: skip
"""Where the training tasks of a backend run that are no processes of this machine."""

_POINTS = 200


@dataclass(frozen=True, slots=True)
class MetricSeen:
    """What one metric was reported to be.

    Attributes:
        name: as reported.
        count: reported values.
        first_step, last_step: of these.
        first, last: the values there.
        wanted: whether the goal is made of it.
    """

    name: str
    count: int
    first_step: Step
    last_step: Step
    first: float
    last: float
    wanted: bool


@dataclass(frozen=True, slots=True)
class TaskTried:
    """One training task as it ran.

    Attributes:
        name: of the training task.
        command: as it was started, values filled in; a list, or text that `/bin/sh` ran.
        cwd: the folder in which it ran.
        program: the file that was started, None where none was found.
        started: whether it ran at all.
        exit_code: -1 where there was none.
        ended: how it ended, in words.
        seconds, peak_memory_bytes: what it took; None where that is not known.
        lines: of output.
        metrics: what was seen.
        points: step → metrics, at most 200 steps.
        state: SUCCEEDED, FAILED, …
        reason: why, whole; empty where all went well.
    """

    name: str
    command: list[str] | str
    cwd: str
    program: str | None
    started: bool
    exit_code: int
    ended: str
    seconds: float
    peak_memory_bytes: int | None
    lines: int
    metrics: tuple[MetricSeen, ...]
    points: tuple[tuple[Step, dict[str, float]], ...]
    state: TrialState
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What a trial like this one would be judged by.

    Attributes:
        label, direction, final: the goal's.
        value, step: the trial's value and its step; None without one.
        constraints: each in words, and whether it holds (None: its metric was not reported).
        rule: the early-stopping rule, None without one.
        asked_at: reported steps at which that rule would be asked.
        target: whether ``stop.target`` is reached; None without one.
    """

    label: str
    direction: str
    final: str
    value: float | None
    step: Step | None
    constraints: tuple[tuple[str, bool | None], ...] = ()
    rule: str | None = None
    asked_at: tuple[Step, ...] = ()
    target: bool | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What a try has shown.

    Attributes:
        experiment: its name.
        params: the combination.
        chosen: where the combination comes from, in words.
        budget: how far it was to train, None without budgets.
        tasks: the training tasks that were begun, in order.
        judged: by what.
        seconds: in all.
        model_files: what the training left in ``${model_dir}``: name → bytes.
        notes: what is otherwise than in a trial.
        bundle: folder that stands for the DAG bundle of the experiment file; ``home`` where there is none.
        problem: what is wrong, in one line; empty where nothing is.
    """

    experiment: str
    params: Params
    chosen: str
    budget: int | None
    tasks: tuple[TaskTried, ...]
    judged: Judged
    seconds: float
    model_files: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether a trial like this one has a value."""
        return not self.problem

    def to_json(self) -> dict[str, Any]:
        """The whole as plain JSON; a number that is not finite, which JSON has none of, is None."""
        body = asdict(self)
        for task in body["tasks"]:
            task["points"] = [{"step": step, "metrics": metrics} for step, metrics in task["points"]]
        constraints = [{"constraint": text, "holds": holds} for text, holds in self.judged.constraints]
        body["judged"] = body["judged"] | {"constraints": constraints}
        plain: dict[str, Any] = _finite({"ok": self.ok, **body})
        return plain


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(child) for key, child in value.items()}
    return [_finite(child) for child in value] if isinstance(value, list | tuple) else value


def try_out(
    experiment: Experiment, params: Params, store: ObjectStore, *, home: Path, emit: Callable[[str], None],
    budget: int | None = None, chosen: str = "", limit: float | None = None, notes: tuple[str, ...] = (),
    bundle: Path | None = None, dates: Mapping[str, str] | None = None,
) -> Tried:  # fmt: skip
    """Run one combination to its end.

    Args:
        experiment: its file; all its training tasks are local ones.
        params: the combination.
        store: a folder for the journal, the log and the model.
        home: folder to which a task's ``cwd`` is relative (AUTOML_HOME).
        emit: takes each line of output.
        budget: how far to train, None without budgets.
        chosen: where the combination comes from, in words.
        limit: seconds after which the training is ended, and what was seen until then is told.
        notes: what is otherwise than in a trial.
        bundle: folder that stands for the DAG bundle of the experiment file; ``home`` where there is none.
        dates: what would be recorded of a run's dates (`automl_core.spec.dates`).

    Raises:
        TypeError: a training task is no local one.
        StorageError: the folder can't be written to, or a data set is not there.
    """
    if experiment.conclude:
        notes = (*notes, "conclude runs after the last trial of an experiment, and is not tried")
    study = _alone(experiment, store, dates or {}, home, bundle)
    seen = {"slot": 0, "lane": None, "worker": "here", "seen": study.state.seq, "budget": budget, "bracket": None,
            "rung": None, "note": chosen, "trial": 0, "params": params, "parent": None}  # fmt: skip
    study.journal.append("bound", seen)
    binding: Binding = binding_of(study.state, 0, 0)
    began, tasks = study.journal.clock(), []

    def through(study: Study, binding: Binding, prefix: str = "") -> tuple[Outcome, LocalRun]:
        """Run all training tasks of a study's one trial, as long as they end well."""
        while True:
            run = LocalRun(study, store, binding, home=home, bundle=bundle, emit=emit)
            left = None if limit is None else max(0.1, limit - (study.journal.clock() - began))
            outcome = _run(run, left, limit)
            tasks.append(_told(experiment, run, outcome, prefix))
            if outcome.state is not TrialState.SUCCEEDED or binding.task + 1 == len(study.experiment.tasks):
                return outcome, run
            answer = study.resume(0, binding.task + 1, worker="here")
            assert isinstance(answer, Binding), answer
            binding = answer

    outcome = None
    if experiment.prepare:
        stage = begin_stage(study, "prepare")
        first = stage.ask(0, worker="here")
        assert isinstance(first, Binding), first
        outcome, run = through(stage, first, "prepare.")
    if outcome is None or outcome.state is TrialState.SUCCEEDED:
        outcome, run = through(study, binding)
    watch = run.watch
    model = store.local_path(study.journal.prefix + trial_prefix(0) + MODEL_FOLDER.rstrip("/"))
    files = (
        {}
        if model is None
        else {str(f.relative_to(model)): f.stat().st_size for f in sorted(model.rglob("*")) if f.is_file()}
    )
    return Tried(
        experiment=experiment.name, params=params, chosen=chosen, budget=budget, tasks=tuple(tasks),
        judged=_judged(experiment, outcome, watch.series), seconds=study.journal.clock() - began, model_files=files,
        notes=notes, problem="" if outcome.state.has_value and outcome.value is not None else headline(outcome.reason),
    )  # fmt: skip


def _alone(
    experiment: Experiment, store: ObjectStore, dates: Mapping[str, str], home: Path, bundle: Path | None
) -> Study:
    """The study of an experiment of which one trial is all there is.

    Raises:
        StorageError: a data set is not there.
    """
    trials = experiment.trials.model_copy(
        update={"max": 1, "concurrency": 1, "retries": 0, "budget": None, "max_failed": None}
    )
    alone = experiment.model_copy(
        update={"search": Search(algorithm="random"), "trials": trials, "stop": Stop(), "alerts": None, "conclude": []}
    )
    inputs = {DATA: DataOfRun(alone, run_dates(dates), home, bundle).take()} if alone.data else {}
    journal = StudyJournal(store, experiment_prefix(experiment.name, RUN))
    return Study.create(journal, alone, RUN, [], dates, inputs=inputs)


def _run(run: LocalRun, left: float | None, limit: float | None) -> Outcome:
    if left is None or limit is None:
        return run.run()[0]
    reason = f"ended after {format_duration(limit)}, as asked"
    timer = threading.Timer(left, lambda: run.kill(TrialState.EARLY_STOPPED, reason))
    timer.daemon = True
    timer.start()
    try:
        return run.run()[0]
    finally:
        timer.cancel()


def _told(experiment: Experiment, run: LocalRun, outcome: Outcome, prefix: str) -> TaskTried:
    job, status, series = run.job, run.status, run.watch.series
    command: list[str] | str = list(job.arguments) if job is not None else run.task.command
    if isinstance(run.task.command, str) and job is not None and run.context is not None:
        command = substitute(run.task.command, run.context)  # as people wrote it, not as the shell is given it
    started = status is not None
    return TaskTried(
        name=f"{prefix}{run.task.name}", command=command, cwd=str(job.cwd) if job is not None else str(run.home),
        program=job.program if job is not None else None, started=started,
        exit_code=status.code if status is not None else -1,
        ended=headline(outcome.reason) if status is None or status.cause is Cause.TERMINATED else status.reason,
        seconds=status.seconds if status is not None else 0.0,
        peak_memory_bytes=status.peak_memory_bytes if status is not None else None, lines=run.lines,
        metrics=_metrics(series, experiment.goal.metrics),
        points=tuple((point.step, dict(point.values)) for point in series.thin(_POINTS)),
        state=outcome.state, reason=outcome.reason,
    )  # fmt: skip


def _metrics(series: Series, wanted: tuple[str, ...]) -> tuple[MetricSeen, ...]:
    found = []
    for name in sorted(series.names, key=lambda name: (name not in wanted, name)):
        values = [(point.step, point.values[name]) for point in series if name in point.values]
        (first_step, first), (last_step, last) = values[0], values[-1]
        found.append(MetricSeen(name, len(values), first_step, last_step, first, last, name in wanted))
    return tuple(found)


def _judged(experiment: Experiment, outcome: Outcome, series: Series) -> Judged:
    goal, rule, target = experiment.goal, experiment.trials.early_stopping, experiment.stop.target
    steps = [step for step, _ in series.curve(goal)]
    asked: tuple[Step, ...] = ()
    if rule is not None:
        asked = tuple(steps[(rule.delay or rule.interval) - 1 :: rule.interval])
    limits = []
    for constraint in goal.constraints:
        value = outcome.metrics.get(constraint.metric)
        limits.append((str(constraint), None if value is None else constraint.excess(value) <= 0))
    reached = None
    if target is not None and outcome.value is not None:
        reached = outcome.value >= target if goal.direction == "maximize" else outcome.value <= target
    return Judged(
        label=goal.label, direction=goal.first.direction, final=goal.final, value=outcome.value, step=outcome.step,
        constraints=tuple(limits), rule=rule.rule if rule is not None else None, asked_at=asked, target=reached,
    )  # fmt: skip


def here(task: TaskBase, home: Path, bundle: Path | None = None) -> tuple[LocalTask | None, str]:
    """A training task of another backend as a process of this machine, as far as that is possible.

    Args:
        task: any training task.
        home: AUTOML_HOME.
        bundle: folder that stands for the DAG bundle of the experiment file; ``home`` where there is none.

    Returns:
        The local task and what is otherwise than in its own place; or None and why it can't be.
    """
    if isinstance(task, LocalTask):
        return task, ""
    command: list[str] | str | None = getattr(task, "command", None)
    if task.backend == "custom_resource":  # type: ignore[attr-defined]
        return None, "what a custom resource runs is known to its controller alone"
    if task.backend != "kubernetes":  # type: ignore[attr-defined]
        return (
            None,
            "SQL runs in MaxCompute alone; `automl preview FILE --maxcompute` asks what it would read",
        )
    if command is None:
        return None, "it runs the entry point of its image, which is not on this machine; give it a command"
    files: Mapping[str, str] = getattr(task, "files", {})
    metrics = task.metrics
    data = {
        "name": task.name, "command": command if isinstance(command, str) else [*command, *getattr(task, "args", [])],
        "env": dict(task.env), "timeout": task.timeout, "cost_per_hour": task.cost_per_hour,
        "grace": getattr(task, "grace", 5.0), "metrics": metrics.model_dump(mode="json"),
        "cwd": CWD if getattr(task, "cwd", None) == CWD else None,
    }  # fmt: skip
    moved = _moved(data, {inside: str(in_bundle(source, home, bundle)) for inside, source in files.items()})
    workers = getattr(task, "workers", 1)
    many = f", one process of its {workers} workers" if workers > 1 else ""
    image = getattr(task, "image", None) or "its image"
    note = f"{task.name}: its command here, not in {image}: without its resources, secrets and volumes{many}"
    return LocalTask.model_validate(moved), note


def _moved(value: Any, places: Mapping[str, str]) -> Any:
    """Plain data with the paths of files in a pod replaced by where these lie here."""
    if isinstance(value, str):
        for inside in sorted(places, key=len, reverse=True):
            value = value.replace(inside, places[inside])
        return value
    if isinstance(value, dict):
        return {key: _moved(child, places) for key, child in value.items()}
    return [_moved(child, places) for child in value] if isinstance(value, list) else value
