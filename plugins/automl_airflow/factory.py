"""From an experiment file to a DAG: propose → trial (mapped) → reduce, the same for every algorithm.

Parsed all day by Airflow: nothing heavy is imported here or by what is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, get_parsing_context

from automl_airflow.ahead import slots_ahead
from automl_airflow.form import build_params
from automl_airflow.operators import ProposeOperator, ReduceOperator, TrialOperator
from automl_airflow.session import home
from automl_core.preview.warnings import warnings_of
from automl_core.search import names
from automl_core.spec.errors import Problem, SpecError
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.loader import locate, parse_document, read_text
from automl_core.spec.maxcompute import MaxComputeTask
from automl_core.spec.models import AssetSchedule, Experiment
from automl_core.spec.names import name_taken, taken_message
from automl_core.spec.tasks import TaskBase
from automl_core.spec.units import format_duration

AIRFLOW_RETRIES = 10
"""Tries that Airflow allows beyond the first. The study decides whether a failed training is worth another
(``trials.retries``); the rest is for workers that die, which are no failure of the trial."""


def build_dag(path: Path) -> DAG:
    """Make the DAG of an experiment file.

    Raises:
        SpecError: the file is wrong; the text says where and what is allowed.
    """
    return build(path)[0]


def build(path: Path) -> tuple[DAG, list[Problem]]:
    """Make the DAG of an experiment file, and say what in the file may be a slip.

    Raises:
        SpecError: the file is wrong; the text says where and what is allowed.
    """
    experiment, document = parse_document(read_text(path), str(path))
    if get_parsing_context().dag_id is None:  # a task's process reads its one file; it has been let in
        other = name_taken(path, experiment.name)
        if other is not None:  # Airflow would show now the one, now the other, and say nothing
            raise SpecError(locate([Problem(taken_message(other, path, experiment.name), ("name",))], document))
    warnings = locate(warnings_of(experiment, home(), path), document)
    return experiment_dag(experiment, path, warnings), warnings


def experiment_dag(experiment: Experiment, path: Path, warnings: Sequence[Problem] = ()) -> DAG:
    """Make the DAG of a validated experiment.

    Args:
        experiment: it.
        path: its file.
        warnings: what in the file may be a slip; they stand in the DAG's documentation.
    """
    concurrency, ahead = experiment.trials.concurrency, slots_ahead(experiment)
    dag = DAG(
        dag_id=experiment.name,
        description=experiment.description or f"AutoML experiment {experiment.name}",
        schedule=_schedule(experiment),
        catchup=False,
        max_active_runs=1,
        max_active_tasks=max(16, concurrency + ahead + 2),
        params=build_params(experiment, names()),
        tags={"automl", *experiment.tags},
        doc_md=_doc(experiment, path) + _doc_of_warnings(warnings),
        default_args={"owner": experiment.owner},
        is_paused_upon_creation=False if experiment.schedule is None else None,
        render_template_as_native_obj=True,
    )
    where: dict[str, Any] = {
        "storage": experiment.output.storage, "connection": experiment.output.connection, "experiment": experiment.name,
    }  # fmt: skip
    again = {"retries": AIRFLOW_RETRIES, "retry_delay": timedelta(seconds=experiment.trials.retry_delay)}
    with dag:
        propose = ProposeOperator(
            task_id="propose", file=str(path), retries=2, retry_delay=again["retry_delay"], **where
        )
        if len(experiment.tasks) == 1:
            operator, own = operator_of(experiment.tasks[0])
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
        reduce = ReduceOperator(
            task_id="reduce", trigger_rule="all_done", retries=3, retry_delay=again["retry_delay"], **where
        )
        propose >> trials >> reduce
    return dag


def operator_of(task: TaskBase) -> tuple[type[Any], dict[str, Any]]:
    """The operator class of a training task, and what it takes beyond what all take.

    Imported only where an experiment needs it: a KubernetesPodOperator costs seconds.
    """
    if isinstance(task, KubernetesTask):
        from automl_airflow.kubernetes.operator import KubernetesTrialOperator

        return KubernetesTrialOperator, {"cluster": task.connection}
    if isinstance(task, MaxComputeTask):
        from automl_airflow.maxcompute.operator import MaxComputeTrialOperator

        return MaxComputeTrialOperator, {}
    return TrialOperator, {}


def _group(experiment: Experiment, propose: ProposeOperator, concurrency: int, common: dict[str, Any]) -> Any:
    """Several training tasks make a mapped task group: each slot goes through them in order."""
    from airflow.sdk import task_group

    step_ids = [f"trial.{task.name}" for task in experiment.tasks]

    @task_group(group_id="trial")
    def trial(slot: Any) -> None:
        before = None
        for index, task in enumerate(experiment.tasks):
            operator, own = operator_of(task)
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
    if isinstance(experiment.schedule, AssetSchedule):
        return [Asset(uri) if "://" in uri else Asset(name=uri) for uri in experiment.schedule.assets]
    return experiment.schedule


def _doc_of_warnings(warnings: Sequence[Problem]) -> str:
    """What may be a slip in the file, for whoever opens the DAG."""
    if not warnings:
        return ""
    lines = (f"- line {each.line}: {replace(each, file='', line=None, severity='error')}" for each in warnings)
    return "\n**Warnings** (the file is valid, but may do something else than was meant):\n\n" + "\n".join(lines) + "\n"


def _doc(experiment: Experiment, path: Path) -> str:
    trials, goal = experiment.trials, experiment.goal
    limit = f", at most {format_duration(trials.timeout)} each" if trials.timeout else ""
    aims = ", ".join(f"{o.direction} `{o.label if goal.several else goal.label}`" for o in goal.all_objectives)
    limits = "".join(f", `{constraint}`" for constraint in goal.constraints)
    parameters = "\n".join(f"| `{name}` | {model.type} |" for name, model in experiment.space.items())
    return (
        f"{experiment.description}\n\n"
        f"**Goal:** {aims} ({goal.final} of a trial){limits}  \n"
        f"**Search:** {experiment.search.algorithm}, at most {trials.max} trials, "
        f"{trials.concurrency} at the same time{limit}  \n"
        f"**Training tasks:** {' → '.join(f'{t.name} ({t.backend})' for t in experiment.tasks)}  \n"
        f"**Results:** `{experiment.output.storage}/{experiment.name}/`  \n"
        f"**File:** `{path}`\n\n| parameter | type |\n|---|---|\n{parameters}\n"
    )
