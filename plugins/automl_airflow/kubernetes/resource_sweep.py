"""Ending the custom resources that an experiment has left in its clusters: the reducer's last look around."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, TASK_LABEL, journal_label, label_value
from automl_core.backends.kubernetes.resource import verdict
from automl_core.spec.custom_resource import CustomResourceTask

if TYPE_CHECKING:
    from automl_core.study import Study

log = logging.getLogger(__name__)


def sweep(context: Any, study: Study) -> None:
    """Delete every custom resource of a run that has not ended; ended ones that the file keeps stay.

    Raises:
        RuntimeError: a cluster can't be asked; the others were.
    """
    place = f"{study.journal.store.url}/{study.journal.prefix}"
    tasks = [task for task in study.experiment.tasks if isinstance(task, CustomResourceTask)]
    problems = []
    for task in tasks:
        try:
            _sweep(task, place)
        except Exception as error:  # one cluster that is away keeps nothing in another running
            problems.append(f"{task.connection}: {type(error).__name__}: {error}")
    if problems:
        raise RuntimeError("; ".join(problems))


def _sweep(task: CustomResourceTask, place: str) -> None:
    from kubernetes.client.exceptions import ApiException

    from automl_airflow.kubernetes.connection import cluster_of
    from automl_airflow.kubernetes.resource_launching import objects_of, plural_of

    objects = objects_of(task.connection)
    group, version = task.api_version.split("/")
    namespace = task.namespace or cluster_of(task.connection).namespace_or_default()
    try:
        plural = plural_of(objects, task)
    except StartError as error:
        if error.systematic:  # the cluster has no such kind: nothing of it can be left
            return
        raise
    kind = (group, version, namespace, plural)
    # another task's of the same kind may mean something else by its states, and stay
    selector = f"{JOURNAL_LABEL}={journal_label(place)},{TASK_LABEL}={label_value(task.name)}"
    for found in objects.list_namespaced_custom_object(*kind, label_selector=selector).get("items") or []:
        over = verdict(task, found)
        if found["metadata"].get("deletionTimestamp") or (over is not None and task.keep_resources != "never"):
            continue
        name = str(found["metadata"]["name"])
        if over is None:
            log.warning("%s %s/%s was still there: deleted", task.kind, namespace, name)
        try:
            objects.delete_namespaced_custom_object(*kind, name, propagation_policy=task.propagation)
        except ApiException as error:
            if error.status != 404:
                raise
