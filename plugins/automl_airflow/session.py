"""From an Airflow task to its experiment's store and journal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.storage import Credentials
    from automl_core.storage.base import ObjectStore
    from automl_core.study.journal import Journal

PRODUCT_ROOT = Path(__file__).resolve().parents[2]


def home() -> Path:
    """The folder to which relative paths of experiment files are relative: AUTOML_HOME, else the product's own."""
    return Path(os.environ.get("AUTOML_HOME") or PRODUCT_ROOT)


def credentials(connection: str | None) -> Credentials | None:
    """The credentials in an Airflow connection, read when they are needed and never written anywhere.

    Login and password are the access key and secret; the extra may have session_token, endpoint_url, region.

    Raises:
        AirflowNotFoundException: there is no such connection; the message says where it is named.
    """
    if connection is None:
        return None
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    from automl_core.storage import Credentials

    try:
        found = Connection.get(connection)
    except AirflowNotFoundException:
        words = f"output.connection: the connection {connection!r} is not defined in Airflow"
        raise AirflowNotFoundException(words) from None
    extra = found.extra_dejson
    return Credentials(
        access_key=found.login or extra.get("aws_access_key_id"),
        secret_key=found.password or extra.get("aws_secret_access_key"),
        session_token=extra.get("session_token") or extra.get("aws_session_token"),
        endpoint_url=extra.get("endpoint_url") or (f"https://{found.host}" if found.host else None),
        region=extra.get("region") or extra.get("region_name"),
    )


def open_experiment_store(storage: str, connection: str | None) -> ObjectStore:
    """The model storage path of an experiment."""
    from automl_core.storage import open_store

    return open_store(storage, credentials(connection), base=home())


def open_journal(storage: str, connection: str | None, name: str, run: str) -> tuple[ObjectStore, Journal]:
    """The journal of one run of an experiment, and the store that it lies in."""
    from automl_core.study.journal import Journal
    from automl_core.study.layout import experiment_prefix

    store = open_experiment_store(storage, connection)
    return store, Journal(store, experiment_prefix(name, run))
