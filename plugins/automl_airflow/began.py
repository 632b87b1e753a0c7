"""Where a run began: a file that is edited while its run is on holds for the next run.

Airflow makes the DAG anew from the edited file, and a task that starts then sees another model storage path than the
tasks before it (in a git bundle it doesn't: the run is held to a version). `propose` says where it has put the journal:
in an XCom that it pushes anyway, for the other tasks, and in its own task state, since a task that a person clears has
its XComs no more. Nobody asks as long as the journal is where the DAG says, so this costs a trial nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.study import Study

KEY = "place"
"""Of the task state of `propose`, and in the value of its XCom ``search``."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where the journal of a run lies.

    Attributes:
        storage, connection, experiment: as the file had them when the run began.
    """

    storage: str
    connection: str | None
    experiment: str

    @classmethod
    def of(cls, task: Any) -> Beginning:
        """Where a task's DAG says that it is."""
        return cls(task.storage, task.connection, task.experiment)

    @classmethod
    def read(cls, value: Any) -> Beginning | None:
        """From plain JSON; None where it is none."""
        if not isinstance(value, Mapping) or not {"storage", "experiment"} <= value.keys():
            return None
        return cls(str(value["storage"]), value.get("connection"), str(value["experiment"]))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; it holds no secret."""
        return asdict(self)

    def apply(self, task: Any) -> None:
        """Have a task, and the triggers that it makes, look there."""
        task.storage, task.connection, task.experiment = self.storage, self.connection, self.experiment


def remember(context: Any, place: Beginning) -> None:
    """Note where the run of this task began, for the next try of the same task."""
    from airflow.sdk import NEVER_EXPIRE  # type: ignore[attr-defined]  # Airflow 3.3.2: left out of __init__.pyi alone

    state = context.get("task_state_store")
    if state is not None:
        state.set(KEY, place.to_json(), retention=NEVER_EXPIRE)


def remembered(context: Any) -> Beginning | None:
    """What an earlier try of this task has noted, None where there was none."""
    state = context.get("task_state_store")
    return Beginning.read(state.get(KEY)) if state is not None else None


def told_by_propose(context: Any) -> Beginning | None:
    """What `propose` has told, None where it is running (again) or of an earlier release."""
    pull = getattr(context["ti"], "xcom_pull", None)
    value = pull(task_ids="propose", key="search") if pull is not None else None
    return Beginning.read(value.get(KEY)) if isinstance(value, Mapping) else None


def edited_tasks(study: Study, step_ids: list[str], task_index: int, backend: str) -> str:
    """Why a task of the DAG can't do what its run began with, empty where it can.

    Args:
        study: of the run, with the training tasks as they were at its start.
        step_ids: ids of the Airflow tasks of all training tasks as the file has them now.
        task_index: which of these the task is.
        backend: what the task runs trainings with.
    """
    tasks = study.experiment.tasks
    began = ", ".join(f"{task.name} ({task.backend})" for task in tasks)
    if len(step_ids) == len(tasks) and tasks[task_index].backend == backend:
        return ""
    return (
        f"the file's tasks were edited while this run was on: it began with {began}, and the DAG has "
        f"{', '.join(step_ids)} now, this one for {backend}. What has ended is published; start a new run for the "
        "edited file, or put its tasks back and clear this task"
    )
