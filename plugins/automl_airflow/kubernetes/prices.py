"""Prices of a cluster's resources from an Airflow connection, written into the experiment when its run begins."""

from __future__ import annotations

from typing import Any

from automl_core.spec.kubernetes import KubernetesTask, Prices
from automl_core.spec.models import Experiment
from automl_core.spec.stages import task_places


def with_prices(experiment: Experiment) -> Experiment:
    """The experiment with the prices that its ``prices_connection`` state: so the journal has what was true then.

    Raises:
        ValueError: a connection does not exist, or its extra has no such prices; it names the field.
    """
    lists: dict[str, list[Any]] = {}
    for (where, index), task in task_places(experiment):
        if isinstance(task, KubernetesTask) and task.prices_connection:
            prices = _prices(task.prices_connection, f"{where}[{index}].prices_connection")
            task = task.model_copy(update={"prices": prices})
        lists.setdefault(str(where), []).append(task)
    return experiment.model_copy(update=lists)


def _prices(connection: str, field: str) -> Prices:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        extra: dict[str, Any] = Connection.get(connection).extra_dejson
    except AirflowNotFoundException:
        raise ValueError(f"{field}: there is no Airflow connection {connection!r}") from None
    found = {key: extra[key] for key in Prices.model_fields if key in extra}
    if not found:
        known = ", ".join(Prices.model_fields)
        raise ValueError(f"{field}: the extra of connection {connection!r} has none of {known}")
    return Prices.model_validate(found)
