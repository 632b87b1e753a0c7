"""From an experiment file to a DAG: propose → trial (mapped) → reduce, the same for every algorithm.

Parsed all day by Airflow: nothing heavy is imported here or by what is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetAny,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    TaskGroup,
    chain,
    get_parsing_context,
)

from automl_airflow.ahead import slots_ahead
from automl_airflow.assets import inlets_of, outlets_of
from automl_airflow.closed import closed_problems
from automl_airflow.form import build_params
from automl_airflow.operators import ProposeOperator, ReduceOperator, TrialOperator
from automl_airflow.retrying import again as tried_again
from automl_airflow.session import home
from automl_core.preview.warnings import warnings_of
from automl_core.search import names
from automl_core.spec.custom_resource import CustomResourceTask
from automl_core.spec.errors import Problem, SpecError
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.loader import locate, read_text
from automl_core.spec.maxcompute import MaxComputeTask
from automl_core.spec.models import Experiment, Schedule
from automl_core.spec.names import name_taken, taken_message
from automl_core.spec.stages import STAGES, StageName, task_ids
from automl_core.spec.tasks import TaskBase
from automl_core.spec.template import TemplateVersion
from automl_core.spec.units import format_duration
from automl_core.spec.yaml_reader import Document
from automl_core.templates.loading import parse_document
from automl_core.templates.places import Places

PROPOSE = "propose"
"""The task that reads a run's conf."""


def build_dag(path: Path, bundle: Path | None = None) -> DAG:
    """Make the DAG of an experiment file (see `build`)."""
    return build(path, bundle)[0]


def build(path: Path, bundle: Path | None = None) -> tuple[DAG, list[Problem]]:
    """Make the DAG of an experiment file, and say what in the file may be a slip.

    Args:
        path: of the file.
        bundle: root of the DAG bundle that it lies in, where that is known.

    Raises:
        SpecError: the file is wrong; the text says where and what is allowed.
    """
    places = Places.of(path, bundle)
    experiment, document = parse_document(read_text(path), str(path), places)
    if get_parsing_context().dag_id is None:  # a task's process reads its one file; it has been let in
        refused = closed_problems(experiment, bundle, path)
        if refused:
            raise SpecError(locate(refused, document))
        other = name_taken(path, experiment.name, bundle)
        if other is not None:  # Airflow would show now the one, now the other, and say nothing
            message = taken_message(other, path, experiment.name, bundle)
            raise SpecError(locate([Problem(message, ("name",))], document))
        _check_beside(experiment, path, document)
    task = get_parsing_context().task_id
    if task is not None:  # nobody reads what its process says of the file
        return experiment_dag(experiment, path, task=task), []
    warnings = locate(warnings_of(experiment, home(), path), document)
    newer = places.newer(experiment.template.name, experiment.template.version) if experiment.template else None
    return experiment_dag(experiment, path, warnings, newer), warnings


def _check_beside(experiment: Experiment, path: Path, document: Document) -> None:
    """See that what lies beside an experiment file is there, before a run begins that needs it.

    Raises:
        SpecError: something isn't.
    """
    if experiment.spec_file is not None and experiment.spec_file.to_read is not None:
        from automl_core.specfiles.beside import with_base

        try:
            with_base(experiment, path)
        except SpecError as error:
            raise SpecError(locate(list(error.problems), document)) from None
    code = experiment.program
    if code is not None and code.digest is None and not (place := code.place(path)).is_dir():
        raise SpecError(locate([Problem(f"there is no folder {place}", ("code",), found=code.folder)], document))


def experiment_dag(
    experiment: Experiment, path: Path, warnings: Sequence[Problem] = (), newer: int | None = None,
    task: str | None = None,
) -> DAG:  # fmt: skip
    """Make the DAG of a validated experiment.

    Args:
        experiment: it.
        path: its file.
        warnings: what in the file may be a slip; they stand in the DAG's documentation.
        newer: a newer version of its template, where there is one.
        task: the task whose process runs one instance of it; None where the DAG is made to be looked at. The form of
            the run's conf is for people and for `propose`: Airflow checks it against its schema twice in each task's
            process, which costs as much as reading the file.
    """
    concurrency, ahead = experiment.trials.concurrency, slots_ahead(experiment)
    dag = DAG(
        dag_id=experiment.name,
        description=experiment.description or f"AutoML experiment {experiment.name}",
        schedule=_schedule(experiment),
        catchup=False,
        max_active_runs=1,
        max_active_tasks=max(16, concurrency + ahead + 2),
        params=build_params(experiment, names()) if task in (None, PROPOSE) else None,
        tags={"automl", *experiment.tags},
        doc_md=_doc(experiment, path, newer) + doc_of_warnings(warnings) if task is None else None,
        default_args={"owner": experiment.owner},
        is_paused_upon_creation=False if experiment.schedule is None else None,
        render_template_as_native_obj=True,
    )
    where: dict[str, Any] = {
        "storage": experiment.output.storage, "connection": experiment.output.connection, "experiment": experiment.name,
    }  # fmt: skip
    if experiment.template is not None:
        where["made_from"] = experiment.template.model_dump()
    place = experiment.airflow.arguments()
    # the study decides whether a failed training is worth another try (trials.retries)
    delay = timedelta(seconds=experiment.trials.retry_delay)
    again = tried_again(delay)
    inlets: dict[str, Any] = {"inlets": inlets_of(experiment, home())} if experiment.data else {}
    outlets: dict[str, Any] = {"outlets": outlets_of(experiment, home())}
    with dag:
        propose = ProposeOperator(
            task_id=PROPOSE, file=str(path), **tried_again(delay, at_most=2), **inlets, **where, **place
        )
        if len(experiment.tasks) == 1:
            operator, own = operator_of(experiment.tasks[0], experiment)
            trials: Any = operator.partial(
                task_id="trial",
                task_index=0,
                step_ids=["trial"],
                map_index_template="{{ label }}",
                max_active_tis_per_dagrun=concurrency + ahead,
                **({"ahead": ahead} if ahead else {}),
                **own,
                **again,
                **where,
            ).expand(slot=propose.output)
        else:
            trials = _group(experiment, propose, concurrency, {**again, **where})
        reduce = ReduceOperator(task_id="reduce", trigger_rule="all_done", **again, **outlets, **where, **place)
        before = _stage(experiment, "prepare", {**again, **where, **inlets}, "all_success")
        after = _stage(experiment, "conclude", {**again, **where}, "all_done")
        chain(propose, *before, trials, *after, reduce, *_predict(experiment, {**where, **place}))
    return dag


def _predict(experiment: Experiment, common: dict[str, Any]) -> list[Any]:
    """The task by which the published model scores a table, where the file names one."""
    if experiment.predict is None:
        return []
    from automl_airflow.maxcompute.scoring import PredictOperator

    again = tried_again(timedelta(seconds=experiment.trials.retry_delay), at_most=3)
    return [PredictOperator(task_id="predict", **again, **common)]


def _stage(experiment: Experiment, stage: StageName, common: dict[str, Any], first: str) -> list[Any]:
    """The tasks of a stage, in their order: one called as the stage is, several in a group of that name.

    Args:
        experiment: it.
        stage: which one; the experiment need not have it.
        common: what all operators of trials and stages take.
        first: trigger rule of the first task.
    """
    tasks = getattr(experiment, stage)
    step_ids = task_ids(experiment, stage)
    operators = []
    with TaskGroup(stage) if len(tasks) > 1 else nullcontext():
        for index, task in enumerate(tasks):
            operator, own = operator_of(task, experiment)
            rule = first if index == 0 else "all_success"
            made = operator(
                task_id=task.name if len(tasks) > 1 else stage, task_index=index, step_ids=step_ids, slot=0,
                stage=stage, trigger_rule=rule, **own, **common,
            )  # fmt: skip
            operators.append(made)
    return operators


def operator_of(task: TaskBase, experiment: Experiment) -> tuple[type[Any], dict[str, Any]]:
    """The operator class of a training task, and what it takes beyond what all take.

    Imported only where an experiment needs it: a KubernetesPodOperator costs seconds.
    """
    place = task.airflow.arguments(under=experiment.airflow)
    if isinstance(task, KubernetesTask):
        from automl_airflow.kubernetes.operator import KubernetesTrialOperator

        return KubernetesTrialOperator, {"cluster": task.connection, **place}
    if isinstance(task, CustomResourceTask):
        from automl_airflow.kubernetes.resource_operator import CustomResourceTrialOperator

        return CustomResourceTrialOperator, place
    if isinstance(task, MaxComputeTask):
        from automl_airflow.maxcompute.operator import MaxComputeTrialOperator

        return MaxComputeTrialOperator, place
    return TrialOperator, place


def _group(experiment: Experiment, propose: ProposeOperator, concurrency: int, common: dict[str, Any]) -> Any:
    """Several training tasks make a mapped task group: each slot goes through them in order."""
    from airflow.sdk import task_group

    step_ids = [f"trial.{task.name}" for task in experiment.tasks]

    @task_group(group_id="trial")
    def trial(slot: Any) -> None:
        before = None
        for index, task in enumerate(experiment.tasks):
            operator, own = operator_of(task, experiment)
            step = operator(
                task_id=task.name,
                task_index=index,
                step_ids=step_ids,
                slot=slot,
                map_index_template="{{ label }}",
                max_active_tis_per_dagrun=concurrency,
                **own,
                **common,
            )
            if before is not None:
                before >> step
            before = step

    return trial.expand(slot=propose.output)


def _schedule(experiment: Experiment) -> Any:
    """What makes runs: a cron line, a timetable where it has a time zone, or references to assets.

    Airflow takes an asset for its name *and* URI together, and the file knows one of them: a reference matches the
    asset that a producer defines, and defines none itself.
    """
    schedule = experiment.schedule
    if not isinstance(schedule, Schedule):
        return schedule
    if schedule.assets is not None:
        refs = [Asset.ref(uri=each) if "://" in each else Asset.ref(name=each) for each in schedule.assets]
        return AssetAny(*refs) if schedule.wait_for == "any" else refs
    if schedule.cron is None or schedule.timezone is None:
        return schedule.cron
    from airflow.configuration import conf

    intervals = conf.getboolean("scheduler", "create_cron_data_intervals")  # as Airflow does with a plain cron line
    timetable = CronDataIntervalTimetable if intervals else CronTriggerTimetable
    return timetable(schedule.cron, timezone=schedule.timezone)


def doc_of_warnings(warnings: Sequence[Problem]) -> str:
    """What may be a slip in the file, for whoever opens the DAG."""
    if not warnings:
        return ""
    lines = (f"- line {each.line}: {replace(each, file='', line=None, severity='error')}" for each in warnings)
    return "\n**Warnings** (the file is valid, but may do something else than was meant):\n\n" + "\n".join(lines) + "\n"


def _doc(experiment: Experiment, path: Path, newer: int | None) -> str:
    trials, goal = experiment.trials, experiment.goal
    limit = f", at most {format_duration(trials.timeout)} each" if trials.timeout else ""
    aims = ", ".join(f"{o.direction} `{o.label if goal.several else goal.label}`" for o in goal.all_objectives)
    limits = "".join(f", `{constraint}`" for constraint in goal.constraints)
    parameters = "\n".join(f"| `{name}` | {model.type} |" for name, model in experiment.space.items())
    return (
        f"{experiment.description}\n\n"
        f"{_doc_of_template(experiment.template, newer)}"
        f"**Goal:** {aims} ({goal.final} of a trial){limits}  \n"
        f"**Search:** {experiment.search.algorithm}, at most {trials.max} trials, "
        f"{trials.concurrency} at the same time{limit}  \n"
        f"**Training tasks:** {_line_of(experiment.tasks)}  \n"
        f"{_doc_of_stages(experiment)}"
        f"{'**Closed environment**  ' + chr(10) if experiment.closed else ''}"
        f"**Results:** `{experiment.output.storage}/{experiment.name}/`  \n"
        f"**File:** `{path}`\n\n| parameter | type |\n|---|---|\n{parameters}\n"
    )


def _doc_of_template(template: TemplateVersion | None, newer: int | None) -> str:
    """Which template it was made from, and whether there is a newer version."""
    if template is None:
        return ""
    more = f"; there is a newer version, `{template.name}@{newer}`" if newer is not None else ""
    return f"**Template:** `{template.label}` ({template.digest[:19]}){more}  \n"


def _line_of(tasks: Sequence[TaskBase]) -> str:
    return " → ".join(f"{task.name} ({getattr(task, 'backend', 'local')})" for task in tasks)


def _doc_of_stages(experiment: Experiment) -> str:
    """What runs before the first trial and after the last one."""
    lines = (
        f"**{stage.capitalize()}:** {_line_of(tasks)}  \n" for stage in STAGES if (tasks := getattr(experiment, stage))
    )
    return "".join(lines)
