"""What the tasks of a round have in common: where the project lies, which round a run is, who acts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from automl_airflow.annotation.names import COLLECT, round_of_run
from automl_airflow.annotation.opening import ProjectPlace, open_project
from automl_airflow.journal_tasks import JournalTask

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project
    from automl_core.annotation.rounds.reach import Reach
    from automl_core.journal import Person
    from automl_core.storage.base import ObjectStore


class RoundOperator(JournalTask, BaseOperator):
    """What the operators of a round have in common.

    Each does its part of one round, and doing it again changes nothing: it may be tried again, or cleared, at any time.
    """

    annotation: str

    def __init__(self, *, file: AnnotationFile, path: str, **kwargs: Any) -> None:
        """Take the project's file, and where that lies."""
        super().__init__(**kwargs)
        self.storage, self.connection = file.output.storage, file.output.connection
        self.annotation, self.file, self.path = file.name, file, path

    @property
    def place(self) -> ProjectPlace:
        """Where the project lies."""
        return ProjectPlace(self.storage, self.connection, self.annotation)

    def open(self) -> Project:
        """The project, read a moment ago."""
        return self.patiently(lambda: open_project(self.place))

    def round(self, context: Any) -> int:
        """Which round this run is.

        Raises:
            AirflowFailException: none: a task of a run that only looked was cleared by itself.
        """
        number = round_of_run(str(context["run_id"]))
        if number is None:
            raise AirflowFailException(
                f"the run {context['run_id']} is no round: it only looks for new items. Clear its `{COLLECT}`, which "
                "starts the round that is to be made"
            )
        return number

    def begin(self, context: Any) -> tuple[Project, int]:
        """See that a closed environment takes the file, open the project, and say which round this run is.

        Raises:
            AirflowFailException: it doesn't, or the run is no round.
        """
        self.check_closed(context)
        number = self.round(context)
        return self.open(), number

    def reach(self, context: Any) -> Reach:
        """How a round reaches data, experiments and the folder of the file: by Airflow's connections."""
        from automl_airflow.data_access import FromConnections
        from automl_airflow.models.latest import dates_of
        from automl_airflow.session import home, open_experiment_store
        from automl_core.annotation.rounds.reach import Reach

        places = {str(each.experiment): each for each in self.file.experiments}

        def experiments(name: str) -> ObjectStore:
            return open_experiment_store(str(places[name].storage), places[name].connection)

        return Reach(
            experiments, FromConnections(), home(), Path(self.path).parent, dates_of(context), say=self.log.info,
            wanted=lambda: not self.killed,
        )  # fmt: skip

    def told(self, context: Any, task: str) -> dict[str, Any]:
        """What a task before this one has returned.

        Raises:
            AirflowFailException: nothing: it was marked by hand, or its XCom was deleted.
        """
        found = context["ti"].xcom_pull(task_ids=task)
        if not isinstance(found, dict):
            raise AirflowFailException(
                f"{task} has told nothing (it was marked by hand, or its XCom was deleted): clear {task}"
            )
        return found

    def say(self, notes: Iterable[str]) -> None:
        """Notes for people, in the task's log."""
        for note in notes:
            self.log.info("%s", note)

    def this_dag(self, context: Any) -> Person:
        """The DAG, as somebody who acts."""
        from automl_core.journal import Person

        return Person(str(context["ti"].dag_id), "dag")

    def check_closed(self, context: Any) -> None:
        """See that a closed environment takes the file, before anything is reached that it names.

        Raises:
            AirflowFailException: it doesn't.
        """
        from automl_airflow.annotation.closed import taken
        from automl_airflow.compat import bundle_folder
        from automl_core.backends.base import BackendError
        from automl_core.spec.errors import SpecError
        from automl_core.storage.base import StorageError

        try:
            taken(self.file, bundle_folder(context), Path(self.path))
        except (SpecError, StorageError, BackendError, AirflowNotFoundException) as error:
            raise AirflowFailException(str(error)) from error

    @classmethod
    def get_serialized_fields(cls) -> frozenset[str]:
        """As Airflow's, and where the project lies: the web view finds it in the serialized DAG."""
        return frozenset(super().get_serialized_fields()) | {"storage", "connection", "annotation"}


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder for a task's files on this machine, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="automl-annotation-") as folder:
        yield Path(folder)
