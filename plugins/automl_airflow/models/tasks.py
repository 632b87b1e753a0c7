"""What the tasks of a model's rollout have in common: where the model lies, which version a run is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from automl_airflow.assets import AssetsFromItsFile
from automl_airflow.journal_tasks import AGAIN, JournalTask
from automl_airflow.models.lineage import TellsLineage
from automl_airflow.models.names import OFFER
from automl_airflow.models.opening import ModelPlace, open_life

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.models.life import ModelLife, Person, Version

__all__ = ["AGAIN", "Rolling", "RolloutOperator", "RolloutTask"]


@dataclass(frozen=True, slots=True)
class Rolling:
    """What a run rolls out.

    Attributes:
        version: its number.
        place: where the model lay when the run began, whatever its file says since.
    """

    version: int
    place: ModelPlace

    def to_json(self) -> dict[str, Any]:
        """As the XCom of `offer`; it holds no secret."""
        return {"version": self.version, **self.place.arguments()}


class RolloutTask(TellsLineage, JournalTask, AssetsFromItsFile):
    """A task of a rollout. A mixin, so that the approval can be an operator of Airflow's as well."""

    model: str
    file: ModelFile

    def keep(self, file: ModelFile) -> None:
        """Take what the DAG knows of the model."""
        self.storage, self.connection, self.model = file.output.storage, file.output.connection, file.name
        self.file = file

    @property
    def place(self) -> ModelPlace:
        """Where the model lies, by its file."""
        return ModelPlace(self.storage, self.connection, self.model)

    def rolling(self, context: Any) -> Rolling:
        """Which version this run is about.

        Raises:
            AirflowFailException: `offer` has told none, or what it told was changed by hand.
        """
        told = context["ti"].xcom_pull(task_ids=OFFER)
        if not isinstance(told, dict) or "version" not in told:
            raise AirflowFailException(
                f"{OFFER} has named no version (it was marked by hand, or its XCom was deleted): clear {OFFER}"
            )
        if told.get("model") != self.model:  # else this file's conditions would decide on another model's version
            raise AirflowFailException(
                f"the XCom of {OFFER} names the model {told.get('model')!r:.100}, and this rollout is of {self.model}: "
                f"clear {OFFER}"
            )
        return Rolling(int(told["version"]), ModelPlace(told["storage"], told["connection"], told["model"]))

    def open(self, context: Any) -> tuple[ModelLife, Version]:
        """The model's life, read a moment ago, and the version that this run is about."""
        from automl_core.models.life import NoSuchVersion

        rolling = self.rolling(context)
        life = self.patiently(lambda: open_life(rolling.place))
        try:
            return life, life.state.version(rolling.version)
        except NoSuchVersion as error:
            raise AirflowFailException(str(error)) from error

    def this_dag(self, context: Any) -> Person:
        """The DAG, as somebody who acts."""
        from automl_core.models.life import Person

        return Person(str(context["ti"].dag_id), "dag")


class RolloutOperator(RolloutTask, BaseOperator):
    """What the operators of a rollout have in common."""

    def __init__(self, *, file: ModelFile, path: str, **kwargs: Any) -> None:
        """Take the model's file, and where that lies."""
        super().__init__(**kwargs)
        self.keep(file)
        self.path = path

    def check_closed(self, context: Any) -> None:
        """See that a closed environment takes the file, before anything is reached that it names.

        Raises:
            AirflowFailException: it doesn't.
        """
        from automl_airflow.compat import bundle_folder
        from automl_airflow.models.closed import taken
        from automl_core.backends.base import BackendError
        from automl_core.spec.errors import SpecError
        from automl_core.storage.base import StorageError

        try:
            taken(self.file, bundle_folder(context), Path(self.path))
        except (SpecError, StorageError, BackendError, AirflowNotFoundException) as error:
            raise AirflowFailException(str(error)) from error

    @classmethod
    def get_serialized_fields(cls) -> frozenset[str]:
        """As Airflow's, and where the model lies: the web view finds it in the serialized DAG."""
        return frozenset(super().get_serialized_fields()) | {"storage", "connection", "model"}
