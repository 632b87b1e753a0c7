"""How data are reached: stores of buckets and clients of MaxCompute, with the keys that a connection names.

The Airflow side brings an `Access` that reads Airflow's connections; elsewhere (the command line, a training's own
process) the environment has the keys.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from automl_core.spec.places import DataPlace
from automl_core.storage.base import StorageError, StorageUnavailable

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment
    from automl_core.storage.base import ObjectStore


_KEYS = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    "oss": ("OSS_ACCESS_KEY_ID",),
    "odps": ("ODPS_ACCESS_ID",),
}
"""Scheme → variables that say that the environment has keys for it."""


class DataError(StorageError):
    """Data can't be found, reached or read. The message says which, why, and what can be done."""


NOT_READ = (DataError, StorageUnavailable)
"""What reading data may raise: for good, and for now."""


class Access(Protocol):
    """Opens what data lie in."""

    def store(self, url: str, connection: str | None) -> ObjectStore:
        """The store of a whole bucket (``s3://bucket``).

        Raises:
            StorageError: it can't be opened.
        """

    def tables(self, project: str, connection: str | None) -> Any:
        """A client of pyodps for a project.

        Raises:
            DataError: it can't be made.
        """


class FromEnvironment:
    """Opens with the keys of the process's environment: AWS_… and OSS_…, ODPS_… for tables.

    They stand for those of a connection too, where there are any.
    """

    def store(self, url: str, connection: str | None) -> ObjectStore:
        """See `Access.store`.

        Raises:
            DataError: a connection is named, which only Airflow has, and the environment has no keys.
            StorageError: it can't be opened.
        """
        from automl_core.storage import open_store

        self._check(url.partition("://")[0], connection)
        return open_store(url)

    def tables(self, project: str, connection: str | None) -> Any:
        """See `Access.tables`."""
        from automl_core.backends.base import BackendError
        from automl_core.backends.maxcompute.access import VARIABLES, access_from_environment

        self._check("odps", connection)
        try:
            environment = {**os.environ, VARIABLES["project"]: project}
            return access_from_environment(environment).client()
        except BackendError as error:
            raise DataError(f"odps://{project}/…: {error}") from None

    @staticmethod
    def _check(scheme: str, connection: str | None) -> None:
        if connection is not None and not any(os.environ.get(name) for name in _KEYS[scheme]):
            raise DataError(
                f"its keys are in the Airflow connection {connection!r}, which only Airflow's tasks can read; "
                f"elsewhere set {_KEYS[scheme][0]} and its like"
            )


def connection_for(experiment: Experiment, name: str, place: DataPlace) -> str | None:
    """The connection of a data set: its own, or that of ``output`` where the storage path has the same scheme.

    Args:
        experiment: its file.
        name: of the data set.
        place: where it lies.
    """
    given = experiment.data[name]
    own = None if isinstance(given, str) else given.connection
    same = place.in_bucket and experiment.output.storage.startswith(f"{place.scheme}://")
    return own if own is not None or not same else experiment.output.connection


def absolute(place: DataPlace, home: Path) -> Path:
    """The path of a place in a folder; a relative one begins at AUTOML_HOME.

    Args:
        place: it.
        home: AUTOML_HOME.
    """
    return home.absolute() / Path(place.path).expanduser()
