"""From a model's file, or from what a task was given of it, to the model's journal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from automl_airflow.teams import ConnectionName

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.models.life import ModelLife
    from automl_core.storage.base import ObjectStore


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """Where a model lies.

    Attributes:
        storage: its model storage path.
        connection: by which that is reached; as a team has it, where a team is named.
        model: its name.
    """

    storage: str
    connection: ConnectionName
    model: str

    def arguments(self) -> dict[str, Any]:
        """The place as arguments of an operator."""
        return asdict(self)


def place_of(file: ModelFile) -> ModelPlace:
    """Where the model of a file lies."""
    return ModelPlace(file.output.storage, file.output.connection, file.name)


def open_model_store(where: ModelFile | ModelPlace, *, viewed: bool = False) -> ObjectStore:
    """The store that a model lies in.

    Args:
        where: the model's file, or its place.
        viewed: whether somebody waits for a page: what hangs or is away is given up soon.

    Raises:
        StorageError: it can't be opened, or is not on the list of a closed environment.
        AirflowNotFoundException: there is no such connection.
    """
    from automl_airflow import session

    place = where if isinstance(where, ModelPlace) else place_of(where)
    opener = session.open_viewed_store if viewed else session.open_experiment_store
    return opener(place.storage, place.connection)


def open_life(where: ModelFile | ModelPlace, *, viewed: bool = False, store: ObjectStore | None = None) -> ModelLife:
    """The life of a model, to be read and acted on by one thread.

    Args:
        where: the model's file, or its place.
        viewed: whether somebody waits for a page.
        store: the store, where it is open already.

    Raises:
        StorageError: the store can't be opened, or is not on the list of a closed environment.
        AirflowNotFoundException: there is no such connection.
    """
    from automl_core.models.life import ModelLife

    place = where if isinstance(where, ModelPlace) else place_of(where)
    return ModelLife.open(store or open_model_store(place, viewed=viewed), place.model)
