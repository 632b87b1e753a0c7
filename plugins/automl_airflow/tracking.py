"""What the reducer tells a tracking server, by an Airflow connection."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.study.study import Study

log = logging.getLogger(__name__)


def tell(study: Study) -> None:
    """Write a run to the MLflow server that its file names; whatever comes of it, the result is published already.

    A server that is away, refuses or is misnamed costs a warning with what to do: no run fails for it.
    """
    wanted = study.experiment.mlflow
    if wanted is None:
        return
    from airflow.sdk import Connection

    from automl_airflow.webhook import address_of
    from automl_core.tracking import MlflowServer, track

    again = f"`automl export mlflow {study.experiment.name} --to ADDRESS`, or a clear of this task, writes it later"
    try:
        found = Connection.get(wanted.connection)
        user, secret = found.login or "", found.password or ""
        token = "" if user else secret
        with MlflowServer(address_of(found), token=token, username=user, password=secret) as server:
            journal = study.journal
            done = track(server, journal.store, journal.prefix, study.state, name=wanted.experiment, said=log.info)
            log.info("MLflow has run %s: %d trials written, %d stood there", done.run, done.written, done.kept)
    except Exception as error:  # a result must not be lost for want of its copy
        log.warning("MLflow has not got this run: %s. %s", str(error) or type(error).__name__, again)
