"""Waiting for the Airflow of a demonstration, on a machine that may be busy with all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from automl_airflow.standalone import StandaloneError

if TYPE_CHECKING:
    from automl_core.client.airflow import AirflowClient

T = TypeVar("T")

PATIENCE = 1200.0
"""Seconds within which each step has to come out."""


class DemoFailed(StandaloneError):
    """A step that did not come out as it should. The message says which, and where to look."""


def patiently(look: Callable[[], T], deadline: float) -> T | None:
    """What a look finds; None where Airflow gave no answer to it and there is time for another.

    A machine whose cores are all taken, by Airflow's own first minute say, answers late.

    Args:
        look: asks, and changes nothing.
        deadline: `time.monotonic` until which no answer is no end.

    Raises:
        ClientError: Airflow refuses, or there was no answer to the last look.
    """
    from automl_core.client.errors import Unreachable

    try:
        return look()
    except Unreachable:
        if time.monotonic() > deadline:
            raise
        return None


def wait_for_dags(client: AirflowClient, dags: Iterable[str], patience: float = PATIENCE) -> None:
    """Wait until Airflow knows each DAG of a demonstration.

    Raises:
        DemoFailed: it doesn't, or gives no answer.
    """
    from automl_core.client.errors import ClientError

    for dag in dags:
        deadline = time.monotonic() + patience
        try:
            while patiently(lambda dag=dag: client.wait_for_dag(dag, timeout=patience), deadline) is None:  # type: ignore[misc]
                pass
        except ClientError as error:
            raise DemoFailed(str(error)) from error
