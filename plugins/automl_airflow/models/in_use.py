"""What is told when another version is in use: Airflow's lineage, an MLflow registry, people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl_airflow.models.alerts import tell
from automl_airflow.models.lineage import Seen
from automl_airflow.models.registry import tell_registry

if TYPE_CHECKING:
    from automl_airflow.models.tasks import RolloutTask
    from automl_core.models.life import ModelLife


def note_version(task: RolloutTask, life: ModelLife, read: int, written: int | None) -> None:
    """Note for lineage that a task read a version's folder, and what the model is by its act.

    Args:
        task: the operator.
        life: the model's, read a moment ago.
        read: number of the version that the act is about.
        written: number of the version that answers by it; None where none does.
    """
    place, version = life.store.url.rstrip("/"), life.state.version(read)
    task.lineage_read = (Seen(f"{place}/{version.model.prefix}", version.model.digest),)
    task.lineage_written = (Seen(f"{place}/{life.prefix}", str(written) if written is not None else ""),)


def tell_in_use(task: RolloutTask, life: ModelLife, version: int, why: str, *, people: bool = True) -> None:
    """Tell that a version is in use. What fails with it undoes nothing.

    Args:
        task: the operator.
        life: the model's, read a moment ago.
        version: its number.
        why: in words.
        people: whether those are told whom the file's alerts name; False where they have been.
    """
    note_version(task, life, version, version)
    tell_registry(task.file, life)
    if people:
        tell(task.file, "in_use", f"version {version} is in use ({why})", version=version)
