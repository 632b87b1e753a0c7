"""From an Airflow task to its experiment's store and journal."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_airflow.teams import ConnectionName
    from automl_core.storage import Credentials
    from automl_core.storage.base import ObjectStore
    from automl_core.study.journal import StudyJournal

VIEW_TIMEOUTS = (3.0, 10.0)
"""Seconds that a viewer's connection to a bucket may take, and each silence in its answer; workers wait 5 and 30."""

VIEW_PATIENCE = 5.0
"""Seconds after which a viewer's request to a store is not tried again; workers have 45."""

PRODUCT_ROOT = Path(__file__).resolve().parents[2]


def patience() -> float:
    """Seconds that a task waits for a store that is away: ``[automl] storage_patience``, half an hour by default."""
    from airflow.configuration import conf

    from automl_core.running.patience import PATIENCE

    return conf.getfloat("automl", "storage_patience", fallback=PATIENCE)


def home() -> Path:
    """The folder to which relative paths of experiment files are relative.

    AUTOML_HOME, else the checkout that this code lies in, else (an installed package) AIRFLOW_HOME.
    """
    if os.environ.get("AUTOML_HOME"):
        return Path(os.environ["AUTOML_HOME"])
    if (PRODUCT_ROOT / "plugins").is_dir():
        return PRODUCT_ROOT
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME)


def credentials(connection: ConnectionName) -> Credentials | None:
    """The credentials in an Airflow connection, read when they are needed and never written anywhere.

    Raises:
        AirflowNotFoundException: there is no such connection; the message says where it is named.
        BadConnection: it says what can't be.
    """
    if connection is None:
        return None
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    from automl_airflow.bucket_connection import credentials_in
    from automl_airflow.compat import connection_of

    name, team = (connection, None) if isinstance(connection, str) else connection
    try:
        found = Connection.get(name) if team is None else connection_of(name, team)
    except AirflowNotFoundException:
        words = f"output.connection: the connection {name!r} is not defined in Airflow"
        words += f" for the team {team} (nor for everybody)" if team is not None else ""
        raise AirflowNotFoundException(words) from None
    return credentials_in(
        name, login=found.login, password=found.password, host=found.host, port=found.port, schema=found.schema,
        extra=found.extra_dejson,
    )  # fmt: skip


def _allowed_credentials(storage: str, connection: ConnectionName) -> Credentials | None:
    """The credentials in a connection, whose server a closed environment has to have on its list for that store."""
    from automl_airflow.closed import check_store_place

    found = credentials(connection)
    check_store_place(storage, found.endpoint_url if found is not None else None)
    return found


def open_experiment_store(storage: str, connection: ConnectionName) -> ObjectStore:
    """The model storage path of an experiment; its connection is read again where the keys are refused.

    Raises:
        StorageError: it can't be opened, or is not on the list of a closed environment.
    """
    from automl_airflow.closed import check_opened
    from automl_core.storage import open_store

    read = partial(_allowed_credentials, storage, connection)
    store = open_store(storage, read(), base=home(), renew=read if connection is not None else None)
    check_opened(store, storage)
    return store


def open_viewed_store(storage: str, connection: ConnectionName) -> ObjectStore:
    """As `open_experiment_store`, for people who wait for a page: what hangs or is away is given up soon."""
    from automl_airflow.closed import check_opened
    from automl_core.storage import open_store
    from automl_core.storage.credentials import soon_given_up

    def read() -> Credentials:
        return soon_given_up(_allowed_credentials(storage, connection), *VIEW_TIMEOUTS)

    store = open_store(storage, read(), base=home(), renew=read, patience=VIEW_PATIENCE)
    check_opened(store, storage)
    return store


def open_journal(
    storage: str, connection: ConnectionName, name: str, run: str, stage: str | None = None,
    store: ObjectStore | None = None,
) -> tuple[ObjectStore, StudyJournal]:  # fmt: skip
    """The journal of one run of an experiment, or of a stage of it, and its store (opened, where it isn't given)."""
    from automl_core.study.finding import find_prefix
    from automl_core.study.journal import StudyJournal
    from automl_core.study.layout import stage_prefix

    if store is None:
        store = open_experiment_store(storage, connection)
    prefix = find_prefix(store, name, run)
    return store, StudyJournal(store, stage_prefix(prefix, stage) if stage else prefix)
