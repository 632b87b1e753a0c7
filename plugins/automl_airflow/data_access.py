"""Data sets by way of Airflow's connections: what `propose` finds, and what attempts find again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from automl_core.spec.errors import Problem
    from automl_core.spec.models import Experiment
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Study


class FromConnections:
    """Opens what data lie in with the keys of Airflow's connections (see `automl_core.data.access.Access`)."""

    def store(self, url: str, connection: str | None) -> ObjectStore:
        """The store of a bucket; its connection is read again where the keys are refused."""
        from airflow.sdk.exceptions import AirflowNotFoundException

        from automl_airflow.session import open_experiment_store
        from automl_core.data.access import DataError

        try:
            return open_experiment_store(url, connection)
        except AirflowNotFoundException:
            raise DataError(f"{url}: the connection {connection!r} is not defined in Airflow") from None

    def tables(self, project: str, connection: str | None) -> Any:
        """A client of MaxCompute for a project."""
        from automl_airflow.maxcompute.connection import access_of
        from automl_core.backends.base import BackendError
        from automl_core.data.access import DataError, FromEnvironment

        if connection is None:
            return FromEnvironment().tables(project, None)
        try:
            return access_of(connection, project).client()
        except BackendError as error:
            raise DataError(f"odps://{project}: {error}") from None


def fingerprints(experiment: Experiment, dates: Mapping[str, str], bundle: Path | None) -> dict[str, Any]:
    """The fingerprints of an experiment's data sets as they are now, by name; none where it has none.

    Raises:
        MissingData: there is nothing at a place, or it can't be read.
        StorageUnavailable: a place can't be asked now.
    """
    from automl_airflow.session import home
    from automl_core.data.inputs import DataOfRun

    if not experiment.data:
        return {}
    return DataOfRun(experiment, dates, home(), bundle, FromConnections()).take()


def problems_of(missing: Mapping[str, str], experiment: Experiment) -> list[Problem]:
    """What is wrong with data sets, with the fields in which their places stand."""
    from automl_core.spec.errors import Problem

    return [
        Problem(words, ("data", name) if isinstance(experiment.data[name], str) else ("data", name, "place"))
        for name, words in missing.items()
    ]


def look_at_data(study: Study, binding: Binding, bundle: Path | None, log: Any) -> None:
    """Warn an attempt that trains elsewhere of data that have changed since its run began."""
    from automl_airflow.session import home
    from automl_core.running.data import data_of, warn_of_changes

    if study.experiment.data:
        warn_of_changes(study, binding, data_of(study, home(), bundle, FromConnections()).changed(), log.warning)
