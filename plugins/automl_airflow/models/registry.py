"""What a rollout tells an MLflow registry, by an Airflow connection."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.models.life import ModelLife

log = logging.getLogger(__name__)


def tell_registry(file: ModelFile, life: ModelLife) -> None:
    """Write a model's versions and aliases to the MLflow server that its file names.

    The journal has it all already: a server that is away, refuses or is misnamed costs a warning with what to do, and
    undoes nothing.

    Args:
        file: the model's.
        life: its journal, read just now.
    """
    wanted = file.mlflow
    if wanted is None:
        return
    from airflow.sdk import Connection

    from automl_airflow.webhook import address_of
    from automl_core.tracking import MlflowServer, register
    from automl_core.tracking.registry import shown

    again = f"`automl export mlflow --model {file.name} --to ADDRESS`, or a clear of this task, writes it later"
    try:
        found = Connection.get(wanted.connection)
        user, secret = found.login or "", found.password or ""
        token = "" if user else secret
        with MlflowServer(address_of(found), token=token, username=user, password=secret) as server:
            done = register(server, life.state, file.name, life.store.url, name=wanted.name)
            log.info("MLflow has %s", shown(done))
    except Exception as error:  # what is in use is so by the journal, whatever a copy of it says
        log.warning("MLflow has not got this model: %s. %s", str(error) or type(error).__name__, again)
